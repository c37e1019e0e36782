/*
 * Runs a fuzz target over saved inputs, as an ordinary test: each argument is a file, or a folder of files.
 * The same target links libFuzzer instead where BULKHEAD_FUZZ is on.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));

static int run_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	struct stat info;
	if (!file || fstat(fileno(file), &info)) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return -1;
	}
	/* Exactly as large as the input, so that a sanitizer sees the first byte read beyond it. */
	size_t size = (size_t)info.st_size;
	uint8_t *data = malloc(size ? size : 1);
	if (!data || fread(data, 1, size, file) != size) {
		fprintf(stderr, "%s: cannot be read\n", path);
		free(data);
		fclose(file);
		return -1;
	}
	fclose(file);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	return 1;
}

static int visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* How many inputs were run; -1 on failure. */
static int run_path(const char *path)
{
	struct stat info;
	if (stat(path, &info)) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return -1;
	}
	if (!S_ISDIR(info.st_mode))
		return run_file(path);
	struct dirent **entries;
	int count = scandir(path, &entries, visible, alphasort), total = 0;
	for (int i = 0; i < count; i++) {
		char *inner = NULL;
		if (total >= 0 && asprintf(&inner, "%s/%s", path, entries[i]->d_name) >= 0) {
			int ran = run_path(inner);
			total = ran < 0 ? -1 : total + ran;
			free(inner);
		}
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	return count < 0 ? -1 : total;
}

int main(int argc, char **argv)
{
	if (LLVMFuzzerInitialize)
		LLVMFuzzerInitialize(&argc, &argv);
	int total = 0;
	for (int i = 1; i < argc; i++) {
		int ran = run_path(argv[i]);
		if (ran < 0)
			return 1;
		total += ran;
	}
	printf("%d inputs\n", total);
	return total ? 0 : 1;
}
