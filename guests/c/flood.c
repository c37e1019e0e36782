/* Writes argv[1] bytes to stdout, or bytes without end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "block.h"
#include "errname.h"

int main(int argc, char **argv)
{
	static char block[BLOCK_SIZE];
	const int endless = argc < 2;
	unsigned long long left = endless ? 0 : strtoull(argv[1], NULL, 10);

	memset(block, 'x', sizeof block);
	while (endless || left > 0) {
		size_t n = endless || left > sizeof block ? sizeof block : (size_t)left;
		if (write_all(STDOUT_FILENO, block, n) < 0) {
			fprintf(stderr, "flood: %s\n", errname(errno));
			return 1;
		}
		left -= n;
	}
	return 0;
}
