/* Reads stdin to its end, waiting where it must, and prints how many bytes came. */
#include <stdio.h>

#include "block.h"
#include "errname.h"

int main(void)
{
	static char block[BLOCK_SIZE];
	unsigned long long count = 0;
	ssize_t n;

	while ((n = read(STDIN_FILENO, block, sizeof block)) > 0)
		count += (unsigned long long)n;
	if (n < 0) {
		fprintf(stderr, "readstdin: %s\n", errname(errno));
		return 1;
	}
	printf("%llu\n", count);
	return 0;
}
