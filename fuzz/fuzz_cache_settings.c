/*
 * Any text as cache.toml: it is taken whole or not at all, what it decides can be written down and read again the same,
 * and it never overrules who is stronger.
 */
#include "cache_files.h"

#include "cache/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static char toml_path[PATH_MAX], home[PATH_MAX];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	char folder[PATH_MAX];
	make_work();
	work_path(folder, "bulkhead");
	work_path(toml_path, "bulkhead/cache.toml");
	work_path(home, "home");
	assert(!mkdir(folder, 0700));
	setenv("HOME", home, 1);
	return 0;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static bool same(const bh_cache_settings *a, const bh_cache_settings *b)
{
	return a->enabled == b->enabled && same_text(a->folder, b->folder) && same_text(a->decided_by, b->decided_by) &&
	       a->max_bytes == b->max_bytes && a->max_age_s == b->max_age_s && a->memory_entries == b->memory_entries &&
	       a->memory_bytes == b->memory_bytes;
}

static bh_status decide(bh_cache_settings *out, const bh_cache_options *options)
{
	bh_error *err = NULL;
	bh_status status = bh_cache_settings_decide(out, options, &err);
	assert(out->max_bytes && out->max_age_s && out->memory_entries && out->memory_bytes);
	assert(!out->folder || *out->folder == '/');
	assert(!out->enabled || (out->folder && out->decided_by));
	if (status)
		check_refusal(status, BH_E_CONFIG, err);
	else
		assert(!err);
	return status;
}

/* What is decided where there is no file. */
static bh_cache_settings without_file(const bh_cache_options *options)
{
	bh_cache_settings s;
	unlink(toml_path);
	assert(decide(&s, options) == BH_OK);
	return s;
}

static void write_quoted(FILE *file, const char *text)
{
	fputc('"', file);
	for (const unsigned char *c = (const unsigned char *)text; *c; c++)
		if (*c < 0x20 || *c == 0x7F || *c == '"' || *c == '\\')
			fprintf(file, "\\u%04X", *c);
		else
			fputc(*c, file);
	fputc('"', file);
}

/* As a number where TOML has one so large, else in the words that such a setting can only have come from. */
static void write_amount(FILE *file, const char *key, uint64_t amount)
{
	if (amount == BH_UNLIMITED)
		fprintf(file, "%s = \"unlimited\"\n", key);
	else if (amount > INT64_MAX)
		fprintf(file, "%s = \"%llu\"\n", key, (unsigned long long)amount);
	else
		fprintf(file, "%s = %llu\n", key, (unsigned long long)amount);
}

static void write_settings(const bh_cache_settings *s)
{
	FILE *file = fopen(toml_path, "w");
	assert(file);
	fprintf(file, "[cache]\nenabled = %s\n", s->enabled ? "true" : "false");
	if (s->folder) {
		fprintf(file, "directory = ");
		write_quoted(file, s->folder);
		fputc('\n', file);
	}
	write_amount(file, "max_bytes", s->max_bytes);
	write_amount(file, "max_age", s->max_age_s);
	assert(!fclose(file));
}

/* The file's own say: all of it, or nothing. */
static void check_alone(const uint8_t *data, size_t size)
{
	bh_cache_settings before = without_file(NULL), s, again;
	write_whole(toml_path, data, size);
	if (decide(&s, NULL)) {
		assert(same(&s, &before));
	} else {
		/* Where the file changed nothing about the place, somebody else is named for it. */
		assert(s.enabled || same_text(s.decided_by, toml_path));
		assert(same_text(s.folder, before.folder) || same_text(s.decided_by, toml_path));
		write_settings(&s);
		assert(decide(&again, NULL) == BH_OK);
		assert(again.enabled == s.enabled && same_text(again.folder, s.folder) && again.max_bytes == s.max_bytes &&
		       again.max_age_s == s.max_age_s);
		bh_cache_settings_deinit(&again);
	}
	bh_cache_settings_deinit(&s);
	bh_cache_settings_deinit(&before);
}

/* Whoever says on, off, where or how much is heard before the file. */
static void check_overruled(const uint8_t *data, size_t size)
{
	bh_cache_options options = BH_CACHE_OPTIONS_INIT;
	options.mode = BH_CACHE_ON;
	options.dir = "/some/where";
	options.max_bytes = 4711;
	options.max_age_s = 815;
	bh_cache_settings before = without_file(&options), s;
	write_whole(toml_path, data, size);
	(void)!decide(&s, &options);
	assert(same(&s, &before));
	bh_cache_settings_deinit(&s);
	bh_cache_settings_deinit(&before);

	options.mode = BH_CACHE_OFF;
	assert(decide(&s, &options) == BH_OK && !s.enabled);
	bh_cache_settings_deinit(&s);

	setenv("BULKHEAD_CACHE", "0", 1);
	assert(decide(&s, NULL) == BH_OK && !s.enabled && !strcmp(s.decided_by, "BULKHEAD_CACHE"));
	bh_cache_settings_deinit(&s);
	unsetenv("BULKHEAD_CACHE");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_alone(data, size);
	check_overruled(data, size);
	return 0;
}
