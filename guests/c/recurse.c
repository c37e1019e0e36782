/* Recurses until the stack is exhausted; the work after the call keeps it from becoming a loop. */
static volatile unsigned deepest = -1u, sink;

static __attribute__((noinline)) unsigned descend(unsigned depth)
{
	unsigned below = depth < deepest ? descend(depth + 1) : 0;

	sink = depth;
	return below + sink;
}

int main(void)
{
	return (int)descend(0);
}
