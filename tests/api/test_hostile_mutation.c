// test: timeout=300
/* Components changed at random, the same changes in every run: whatever comes of it, the host stands. */
#include "hostile_inputs.h"

#ifndef MUTATIONS
#define MUTATIONS 60 /* of each */
#endif

static uint64_t seed;

/* splitmix64: each mutation has a seed of its own, so that one can be repeated alone. */
static uint64_t next_random(void)
{
	uint64_t z = (seed += 0x9E3779B97F4A7C15);
	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
	z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
	return z ^ (z >> 31);
}

static size_t below(size_t bound)
{
	return bound ? (size_t)(next_random() % bound) : 0;
}

typedef struct {
	unsigned char *data;
	size_t length;
	size_t capacity;
} mutant;

/* Make room for `count` bytes at `at`, or remove as many if it is negative. */
static bool shift(mutant *m, size_t at, ptrdiff_t count)
{
	size_t gone = count < 0 ? (size_t)-count : 0, come = count > 0 ? (size_t)count : 0;
	if (m->length + come > m->capacity || at + gone > m->length)
		return false;
	memmove(m->data + at + come, m->data + at + gone, m->length - at - gone);
	m->length = m->length + come - gone;
	return true;
}

/* A number grows to one that claims too much, or to one that is longer than it has to be. */
static void blow_up(mutant *m, size_t at)
{
	static const unsigned char huge[] = {0xFF, 0xFF, 0xFF, 0xFF, 0x0F}, wordy[] = {0x80, 0x80, 0x80, 0x80};
	if (next_random() & 1) {
		if (shift(m, at, 4))
			memcpy(m->data + at, huge, sizeof huge);
	} else if (shift(m, at, 4)) {
		unsigned char digit = m->data[at + 4];
		memcpy(m->data + at, wordy, sizeof wordy);
		m->data[at] = digit | 0x80;
		m->data[at + 4] = 0;
	}
}

/* `kinds`: 5 leaves all where it stands, so that more of them can be loaded; 8 also moves it. */
static void mutate(mutant *m, unsigned kinds)
{
	static const unsigned char telling[] = {0, 1, 2, 0x0B, 0x3F, 0x40, 0x41, 0x42, 0x6F, 0x70, 0x7F, 0x80, 0xFE, 0xFF};
	size_t at = below(m->length), from = below(m->length), count = 1 + below(64);
	if (!m->length)
		return;
	switch (next_random() % kinds) {
	case 0:
	case 1:
		m->data[at] ^= (unsigned char)(1u << below(8));
		break;
	case 2:
		m->data[at] = telling[below(sizeof telling)];
		break;
	case 3:
		m->data[at] = (unsigned char)next_random();
		break;
	case 4: /* a block over another */
		if (at + count <= m->length && from + count <= m->length)
			memmove(m->data + at, m->data + from, count);
		break;
	case 5: /* a block once more */
		if (from + count <= m->length && shift(m, from, (ptrdiff_t)count))
			memcpy(m->data + from, m->data + from + count, count);
		break;
	case 6:
		shift(m, at, -(ptrdiff_t)count);
		break;
	default:
		blow_up(m, at);
	}
}

/* How many of them could still be loaded. */
static size_t mutate_one(bh_host *host, const char *name, size_t rounds, size_t *ran)
{
	size_t length, loaded = 0;
	unsigned char *bytes = hostile_seed(name, &length);
	mutant m = {.data = malloc(length + 1024), .capacity = length + 1024};
	assert_non_null(m.data);
	for (size_t i = 0; i < rounds; i++) {
		seed = i;
		memcpy(m.data, bytes, length);
		m.length = length;
		unsigned kinds = i % 2 ? 5 : 8;
		for (size_t changes = i % 2 ? 1 : 1 + below(4); changes; changes--)
			mutate(&m, kinds);
		unsigned char *copy = malloc(m.length ? m.length : 1);
		assert_non_null(copy);
		memcpy(copy, m.data, m.length);
		feed_name(30, "mutation %zu of %s", i, name);
		feed_result result = feed(host, copy, m.length, true);
		loaded += result.end != FEED_REFUSED;
		*ran += result.end == FEED_RAN;
		free(copy);
	}
	/* Nothing of that stayed behind. */
	feed_name(30, "%s", name);
	assert_int_not_equal(feed(host, bytes, length, true).end, FEED_REFUSED);
	feed_done();
	free(m.data);
	free(bytes);
	return loaded;
}

static void mutate_all(bh_host *host, const char *const *names, size_t count, size_t rounds)
{
	long before = 0;
	for (size_t i = 0; i < count; i++) {
		size_t ran = 0, loaded = mutate_one(host, names[i], rounds, &ran);
		printf("%s: %zu of %zu loaded, %zu ran to their end, %ld MiB\n", names[i], loaded, rounds, ran, hostile_rss());
		if (!i)
			before = hostile_rss();
	}
	/* The allocator keeps some of what compiling took. */
	if (!FEED_SANITIZED)
		assert_in_range(hostile_rss(), 0, before + 150);
}

static void test_mutations(void **state)
{
	(void)state;
	bh_host *host = hostile_host(BH_PROFILE_PRODUCTION);
	mutate_all(host, hostile_seeds, HOSTILE_SEEDS, MUTATIONS);
	bh_host_free(host);
}

/* For development, debug information is read too. */
static void test_debug_information(void **state)
{
	(void)state;
	static const char *const names[] = {"crasher.wasm"};
	bh_host *host = hostile_host(BH_PROFILE_DEVELOPMENT);
	mutate_all(host, names, 1, MUTATIONS / 2);
	bh_host_free(host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mutations),
		cmocka_unit_test(test_debug_information),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
