/* Opens file argv[1] again and again without closing it; prints how often that worked, and what ended it. */
#include <fcntl.h>
#include <stdio.h>

#include "errname.h"

int main(int argc, char **argv)
{
	unsigned long count = 0;

	if (argc != 2) {
		fprintf(stderr, "usage: fds PATH\n");
		return 2;
	}
	while (open(argv[1], O_RDONLY) >= 0)
		count++;
	printf("%lu %s\n", count, errname(errno));
	return 0;
}
