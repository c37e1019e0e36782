/* Copies file argv[1] to file argv[2]. */
#include <fcntl.h>
#include <stdio.h>

#include "block.h"
#include "errname.h"

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: copy FROM TO\n");
		return 2;
	}
	int from = open(argv[1], O_RDONLY);
	if (from < 0) {
		fprintf(stderr, "copy: cannot open %s: %s\n", argv[1], errname(errno));
		return 1;
	}
	int to = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (to < 0) {
		fprintf(stderr, "copy: cannot create %s: %s\n", argv[2], errname(errno));
		return 1;
	}
	if (pump(from, to) < 0 || close(to) < 0) {
		fprintf(stderr, "copy: %s\n", errname(errno));
		return 1;
	}
	return 0;
}
