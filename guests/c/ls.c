/* Lists folder argv[1], in the order in which the host gives it. */
#include <dirent.h>
#include <stdio.h>

#include "errname.h"

int main(int argc, char **argv)
{
	const char *path = argc > 1 ? argv[1] : ".";
	DIR *dir = opendir(path);
	struct dirent *entry;

	if (!dir) {
		fprintf(stderr, "ls: cannot open %s: %s\n", path, errname(errno));
		return 1;
	}
	for (errno = 0; (entry = readdir(dir)); errno = 0)
		printf("%s%s\n", entry->d_name, entry->d_type == DT_DIR ? "/" : "");
	if (errno) {
		fprintf(stderr, "ls: %s: %s\n", path, errname(errno));
		return 1;
	}
	closedir(dir);
	return 0;
}
