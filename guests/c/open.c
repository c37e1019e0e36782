/*
 * Opens argv[1] to read ("r") or write ("w", created if need be) a few bytes, as argv[2] says.
 * Where that fails it prints the name of the errno value and exits with 1.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "block.h"
#include "errname.h"

static int fail(const char *step, const char *path)
{
	printf("%s %s: %s\n", step, path, errname(errno));
	return 1;
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: open PATH r|w\n");
		return 2;
	}
	const char *path = argv[1];
	const int writing = strcmp(argv[2], "w") == 0;
	int fd = writing ? open(path, O_WRONLY | O_CREAT, 0644) : open(path, O_RDONLY);
	if (fd < 0)
		return fail("open", path);

	if (writing) {
		static const char text[] = "written by a guest\n";
		if (write_all(fd, text, sizeof text - 1) < 0)
			return fail("write", path);
		printf("wrote %zu bytes to %s\n", sizeof text - 1, path);
	} else {
		char text[16];
		ssize_t n = read(fd, text, sizeof text);
		if (n < 0)
			return fail("read", path);
		printf("read %zd bytes of %s\n", n, path);
	}
	return close(fd) < 0 ? fail("close", path) : 0;
}
