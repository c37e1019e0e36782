/* Copies stdin to stdout in blocks of 64 KiB. */
#include <stdio.h>

#include "block.h"
#include "errname.h"

int main(void)
{
	if (pump(STDIN_FILENO, STDOUT_FILENO) < 0) {
		fprintf(stderr, "cat: %s\n", errname(errno));
		return 1;
	}
	return 0;
}
