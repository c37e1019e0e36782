// test: timeout=120
/* Manifests changed at random: whatever comes of it, reading holds its promises. */
#include <dirent.h>

#include "manifest/manifest.h"
#include "test_manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
#include "../../fuzz/fuzz_manifest.c"

enum { ROUNDS = 400, MAX_TEXT = 8192 };

/* The same sequence in every run. */
static uint32_t next_random(void)
{
	static uint64_t state = 88172645463325252;
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 16);
}

static size_t mutate(uint8_t *text, size_t length, size_t capacity)
{
	static const char *const words[] = {"\"",          "[",      "]",         "{",  "}",    "=",
	                                    "\n",          ".",      "#",         "'",  "\\",   "-1",
	                                    "0",           "\"\"\"", "unlimited", "::", "64MB", "[resources]\n",
	                                    "[package]\n", "true",   "\xff",      "\0"};
	size_t at = length ? next_random() % length : 0;
	const char *word = words[next_random() % (sizeof words / sizeof *words)];
	size_t size = strlen(word) ? strlen(word) : 1, cut;
	switch (next_random() % 4) {
	case 0: /* a byte changes */
		if (length)
			text[at] = (uint8_t)next_random();
		return length;
	case 1: /* some go */
		cut = next_random() % 20;
		if (cut > length - at)
			cut = length - at;
		memmove(text + at, text + at + cut, length - at - cut);
		return length - cut;
	case 2: /* some come */
		if (length + size > capacity)
			return length;
		memmove(text + at + size, text + at, length - at);
		memcpy(text + at, word, size);
		return length + size;
	default: /* it ends early */
		return next_random() % 10 ? length : at;
	}
}

static void mutate_file(const char *path)
{
	static uint8_t original[MAX_TEXT], text[MAX_TEXT];
	FILE *file = fopen(path, "rb");
	assert_non_null(file);
	size_t size = fread(original, 1, sizeof original, file);
	fclose(file);
	/* Every truncation, then changes upon changes. */
	for (size_t length = 0; length <= size; length++)
		LLVMFuzzerTestOneInput(original, length);
	for (int round = 0; round < ROUNDS; round++) {
		size_t length = size;
		memcpy(text, original, size);
		for (uint32_t i = next_random() % 8; i < 9; i++) {
			length = mutate(text, length, sizeof text);
			LLVMFuzzerTestOneInput(text, length);
		}
	}
}

static void test_mutations(void **state)
{
	static const char folder[] = BH_TEST_SOURCE_DIR "/../fuzz/corpus/manifest";
	struct dirent *entry;
	size_t count = 0;
	(void)state;
	DIR *dir = opendir(folder);
	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		char path[600];
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
		mutate_file(path);
		count++;
	}
	closedir(dir);
	assert_true(count >= 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mutations),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
