/* bulkhead cache: look after the compile cache. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "command.h"
#include "exit_code.h"
#include "json.h"
#include "key_file.h"
#include "memory.h"
#include "output.h"
#include "report.h"
#include "text.h"

typedef struct {
	uint64_t max_bytes;
	uint64_t max_age_s;
	const char *sign;
	const char *trust;
	bool json;
} cache_options;

/* What the actions share: the cache, and where to put what they find. */
typedef struct {
	bh_cache *cache;
	const cache_options *options;
	const char *file; /* of export and import */
	json_t *list;     /* of entries, for machines */
	uint64_t count;
	uint64_t bytes;
} job;

typedef struct {
	const char *name;
	int (*run)(job *j, bh_error **err); /* an exit code; -1 with an error */
	bool takes_file;
} action;

static const char *day(int64_t seconds)
{
	static char text[2][24];
	static int next;
	struct tm parts;
	time_t moment = (time_t)seconds;
	char *out = text[next++ % 2];
	if (!localtime_r(&moment, &parts) || !strftime(out, sizeof text[0], "%Y-%m-%d %H:%M", &parts))
		return "?";
	return out;
}

static json_t *entry_json(const bh_cache_entry *entry)
{
	json_t *object = json_made(json_object());
	put_text(object, "path", entry->path);
	put_text(object, "source", entry->source);
	put_text(object, "name", entry->name);
	put_text(object, "engine", entry->engine);
	put_bool(object, "current", entry->current);
	put_number(object, "bytes", entry->bytes);
	put_number(object, "compile_ns", entry->compile_ns);
	put_number(object, "created_s", (uint64_t)entry->created_s);
	put_number(object, "used_s", (uint64_t)entry->used_s);
	return object;
}

static bool show_entry(void *data, const bh_cache_entry *entry)
{
	job *j = data;
	j->count++;
	j->bytes += entry->bytes;
	if (j->list) {
		put_element(j->list, entry_json(entry));
		return true;
	}
	if (j->count == 1)
		put("%-12s  %10s  %10s  %-16s  %-24s  %s\n", "source", "size", "compiled", "last used", "engine", "name");
	put("%.12s  %10s  %10s  %-16s  %-24s  %s\n", entry->source, text_bytes(entry->bytes),
	    text_nanoseconds(entry->compile_ns), day(entry->used_s), entry->engine[0] ? entry->engine : "damaged",
	    entry->name);
	return true;
}

static void print_list(const job *j, const char *key)
{
	json_t *object = json_made(json_object());
	put_text(object, "directory", bh_cache_dir(j->cache));
	put_member(object, key, json_incref(j->list));
	put_number(object, "count", j->count);
	put_number(object, "bytes", j->bytes);
	json_print(stdout, object);
}

static int cache_path(job *j, bh_error **err)
{
	(void)err;
	if (j->options->json) {
		json_t *object = json_made(json_object());
		put_text(object, "directory", bh_cache_dir(j->cache));
		put_text(object, "decided_by", bh_cache_decided_by(j->cache));
		json_print(stdout, object);
	} else {
		put_line(bh_cache_dir(j->cache));
	}
	return EXIT_OK;
}

static int cache_list(job *j, bh_error **err)
{
	if (bh_cache_list(j->cache, show_entry, j, err))
		return -1;
	if (j->list)
		print_list(j, "entries");
	else if (!j->count)
		put_line("nothing is cached");
	return EXIT_OK;
}

static int cache_stats(job *j, bh_error **err)
{
	bh_cache_stats stats = BH_CACHE_STATS_INIT;
	if (bh_cache_stats_read(j->cache, &stats, err))
		return -1;
	const struct {
		const char *name;
		uint64_t value;
		const char *shown;
	} rows[] = {
		{"hits", stats.hits, text_count(stats.hits)},
		{"misses", stats.misses, text_count(stats.misses)},
		{"corrupt", stats.corrupt, text_count(stats.corrupt)},
		{"evicted", stats.evicted, text_count(stats.evicted)},
	};
	json_t *object = json_made(json_object());
	put_text(object, "directory", bh_cache_dir(j->cache));
	for (size_t i = 0; i < X_COUNT(rows); i++)
		put_number(object, rows[i].name, rows[i].value);
	put_number(object, "entries", stats.entries);
	put_number(object, "bytes", stats.bytes);
	put_number(object, "saved_ns", stats.saved_ns);
	if (j->options->json) {
		json_print(stdout, object);
		return EXIT_OK;
	}
	json_decref(object);
	put("%-12s %s\n", "directory", bh_cache_dir(j->cache));
	for (size_t i = 0; i < X_COUNT(rows); i++)
		put("%-12s %s\n", rows[i].name, rows[i].shown);
	put("%-12s %s\n", "entries", text_count(stats.entries));
	put("%-12s %s\n", "size", text_bytes(stats.bytes));
	put("%-12s %s of compiling\n", "saved", text_nanoseconds(stats.saved_ns));
	return EXIT_OK;
}

static int cache_verify(job *j, bh_error **err)
{
	bh_cache_stats stats = BH_CACHE_STATS_INIT;
	if (bh_cache_stats_read(j->cache, &stats, err) || bh_cache_verify(j->cache, show_entry, j, err))
		return -1;
	if (j->list)
		print_list(j, "damaged");
	else
		put("%s checked, %s damaged%s\n", text_count(stats.entries), text_count(j->count),
		    j->count ? " and removed: they are compiled again when they are needed" : "");
	return j->count ? EXIT_COMPONENT : EXIT_OK;
}

static int removed(const job *j, uint64_t count)
{
	if (j->options->json) {
		json_t *object = json_made(json_object());
		put_text(object, "directory", bh_cache_dir(j->cache));
		put_number(object, "removed", count);
		json_print(stdout, object);
	} else {
		put("%s removed\n", text_count(count));
	}
	return EXIT_OK;
}

static int cache_prune(job *j, bh_error **err)
{
	uint64_t count;
	if (bh_cache_prune(j->cache, j->options->max_bytes, j->options->max_age_s, &count, err))
		return -1;
	return removed(j, count);
}

static int cache_clear(job *j, bh_error **err)
{
	uint64_t count;
	return bh_cache_clear(j->cache, &count, err) ? -1 : removed(j, count);
}

static int moved(const job *j, uint64_t count, const char *how)
{
	if (j->options->json) {
		json_t *object = json_made(json_object());
		put_text(object, "file", j->file);
		put_number(object, "count", count);
		json_print(stdout, object);
	} else {
		put("%s %s\n", text_count(count), how);
	}
	return EXIT_OK;
}

static int cache_export(job *j, bh_error **err)
{
	uint8_t key[BH_SECRET_KEY];
	uint64_t count;
	if (!j->options->sign)
		return say_usage_error("cache", "export needs --sign KEY: whoever imports runs what is in there");
	int code = key_read(key, KEY_SECRET, j->options->sign);
	if (code)
		return code;
	return bh_cache_export(j->cache, j->file, key, &count, err) ? -1 : moved(j, count, "exported");
}

static int cache_import(job *j, bh_error **err)
{
	uint8_t key[BH_PUBLIC_KEY];
	uint64_t count;
	if (!j->options->trust)
		return say_usage_error("cache", "import needs --trust KEY: what is in there is run as it is");
	int code = key_read(key, KEY_PUBLIC, j->options->trust);
	if (code)
		return code;
	return bh_cache_import(j->cache, j->file, key, &count, err) ? -1 : moved(j, count, "imported");
}

static const action actions[] = {
	{"path", cache_path, false},     {"list", cache_list, false},    {"stats", cache_stats, false},
	{"verify", cache_verify, false}, {"prune", cache_prune, false},  {"clear", cache_clear, false},
	{"export", cache_export, true},  {"import", cache_import, true},
};

static int take_size(void *target, const option_row *row, const char *value)
{
	uint64_t *out = (uint64_t *)((char *)target + row->offset);
	if (!bh_limit_parse(out, BH_LIMIT_IO_BYTES, value, NULL) && *out && *out != BH_UNLIMITED)
		return 0;
	return say_usage_error("cache", "--%s \"%s\": expected a size such as 500MB", row->name, value);
}

static int take_age(void *target, const option_row *row, const char *value)
{
	if (!bh_age_parse((uint64_t *)((char *)target + row->offset), value, NULL))
		return 0;
	return say_usage_error("cache", "--%s \"%s\": expected a time such as 30d or 12h", row->name, value);
}

static const option_row rows[] = {
	{"max-bytes", 0, "SIZE", "prune: down to this size instead of the configured", take_size,
     offsetof(cache_options, max_bytes)},
	{"max-age", 0, "TIME", "prune: what was not used for so long, such as 30d, 12h", take_age,
     offsetof(cache_options, max_age_s)},
	{"sign", 0, "KEY", "export: sign with a secret key of `bulkhead keygen`", take_text, offsetof(cache_options, sign)},
	{"trust", 0, "KEY", "import: take what this public key signed", take_text, offsetof(cache_options, trust)},
	{"json", 'j', NULL, "Print JSON", take_flag, offsetof(cache_options, json)},
};

static int act(const action *chosen, const cache_options *o, const char *file)
{
	bh_error *err = NULL;
	job j = {.options = o, .file = file};
	bh_status status = bh_cache_open(&j.cache, NULL, &err);
	report_as(o->json ? REPORT_JSON : REPORT_TEXT, false);
	if (status)
		return report_error(&(report){.file = "cache"}, status, err, status == BH_E_INVALID ? EXIT_CONFIG : -1);
	j.list = o->json ? json_made(json_array()) : NULL;
	int code = chosen->run(&j, &err);
	json_decref(j.list);
	bh_cache_close(j.cache);
	return code < 0 ? report_error(&(report){.file = "cache"}, err ? bh_error_status(err) : BH_E_IO, err, -1) : code;
}

static const char *action_name(const void *unused, size_t index)
{
	(void)unused;
	return index < X_COUNT(actions) ? actions[index].name : NULL;
}

static int run(const command *self, int argc, char **argv)
{
	cache_options o = {0};
	const option_group groups[] = {OPTION_GROUP(rows, &o)};
	const option_set set = {groups, X_COUNT(groups), .stop_at_operand = false};
	operands words;
	int code;
	if (!command_options(self, &set, argc, argv, &words, &code))
		return code;
	if (!words.count)
		return say_usage_error(self->name, "which of path, list, stats, verify, prune, clear, export, import?");
	for (size_t i = 0; i < X_COUNT(actions); i++)
		if (!strcmp(words.items[0], actions[i].name)) {
			if (words.count != 1U + actions[i].takes_file)
				return say_usage_error(self->name, "%s takes %s", actions[i].name,
				                       actions[i].takes_file ? "one FILE" : "no arguments");
			return act(&actions[i], &o, words.items[words.count - 1]);
		}
	const char *near = text_nearest(words.items[0], action_name, NULL);
	return say_usage_error(self->name, "no action named %s%s%s%s", words.items[0], near ? " (did you mean " : "",
	                       near ? near : "", near ? "?)" : "");
}

const command command_cache = {
	.name = "cache",
	.synopsis = "ACTION [OPTION...] [FILE]",
	.summary = "look after compiled code",
	.details = "Compiled code is kept in a folder of this user's, so that nothing is compiled twice. Actions:\n"
			   "  path    where it is\n"
			   "  list    what is in it\n"
			   "  stats   hits, misses, size, time saved\n"
			   "  verify  read it all; damaged entries are removed (exit 65)\n"
			   "  prune   remove what was not used for longest, down to the bounds\n"
			   "  clear   remove everything\n"
			   "  export  write it all into one signed FILE, for another machine\n"
			   "  import  take what such a FILE holds\n"
			   "Removing hurts nobody: programs that run keep what they have, and others compile again.",
	.examples = "bulkhead cache stats\n"
				"bulkhead cache prune --max-bytes 500MB\n"
				"bulkhead cache export --sign ci.key artifacts.bundle\n"
				"bulkhead cache import --trust ci.pub artifacts.bundle\n"
				"BULKHEAD_CACHE=0 bulkhead run hello.wasm     once without it",
	.see = "man bulkhead-cache",
	.run = run,
};
