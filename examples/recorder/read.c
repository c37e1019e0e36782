/* Reading a record: text from a file, which may be damaged in any way. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "recorder.h"

enum { MAX_BYTES = 256 << 20, MAX_ENTRIES = 1000000 };

static bool status_of(bh_status *out, const char *name)
{
	static const bh_status all[] = {
#define X(code, name_, category, kind, text) BH_##name_,
		BH_STATUS_MAP(X)
#undef X
	};
	for (size_t i = 0; name && i < sizeof all / sizeof *all; i++)
		if (!strcmp(bh_status_name(all[i]), name)) {
			*out = all[i];
			return true;
		}
	return false;
}

/* A text, or null, which is left as NULL. */
static bool text_at(const char **out, const json_t *object, const char *key, bool required)
{
	const json_t *value = json_object_get(object, key);
	*out = json_string_value(value);
	return *out || (!required && (!value || json_is_null(value)));
}

/* What is wrong with it; NULL: nothing. */
static const char *understand(entry *e)
{
	const char *kind, *status;
	if (!json_is_object(e->json))
		return "not an object";
	if (!text_at(&kind, e->json, "kind", true) || (strcmp(kind, "import") != 0 && strcmp(kind, "export") != 0))
		return "\"kind\" is neither \"import\" nor \"export\"";
	e->import = *kind == 'i';
	if (!text_at(&e->interface, e->json, "interface", false))
		return "\"interface\" is no text";
	if (!text_at(&e->function, e->json, "function", true))
		return "\"function\" is no text";
	if (!text_at(&e->result, e->json, "result", false) || !text_at(&e->error, e->json, "error", false))
		return "\"result\" or \"error\" is no text";
	if (!text_at(&status, e->json, "status", true) || !status_of(&e->status, status))
		return "\"status\" is none";
	e->args = json_object_get(e->json, "args");
	if (!json_is_array(e->args))
		return "\"args\" is no array";
	for (size_t i = 0; i < json_array_size(e->args); i++)
		if (!json_is_string(json_array_get(e->args, i)) && !json_is_null(json_array_get(e->args, i)))
			return "\"args\" has something that is no text";
	return NULL;
}

static bh_status add(record *r, size_t *capacity, const char *line, size_t length, bh_error **err)
{
	unsigned number = (unsigned)r->count + 1;
	if (!length || line[length - 1] != '\n')
		return bh_error_new(err, BH_E_PARSE, "%s:%u: the line is cut off", r->path, number);
	if (r->count == MAX_ENTRIES)
		return bh_error_new(err, BH_E_PARSE, "%s:%u: more than %d lines", r->path, number, MAX_ENTRIES);
	if (r->count == *capacity) {
		size_t more = *capacity ? 2 * *capacity : 64;
		entry *grown = realloc(r->entries, more * sizeof *grown);
		if (!grown)
			return bh_error_new(err, BH_E_NO_MEMORY, "no memory for the record");
		r->entries = grown;
		*capacity = more;
	}
	json_error_t why;
	entry *e = &r->entries[r->count];
	*e = (entry){.line = number, .json = json_loadb(line, length - 1, JSON_REJECT_DUPLICATES, &why)};
	if (!e->json)
		return bh_error_new(err, BH_E_PARSE, "%s:%u:%d: %s", r->path, number, why.column, why.text);
	r->count++;
	const char *wrong = understand(e);
	return wrong ? bh_error_new(err, BH_E_PARSE, "%s:%u: %s", r->path, number, wrong) : BH_OK;
}

static bh_status read_lines(record *r, FILE *file, bh_error **err)
{
	char *line = NULL;
	size_t size = 0, capacity = 0;
	bh_status status = BH_OK;
	for (ssize_t length; !status && (length = getline(&line, &size, file)) >= 0;)
		status = add(r, &capacity, line, (size_t)length, err);
	free(line);
	if (!status && ferror(file))
		return bh_error_new(err, BH_E_IO, "%s: %s", r->path, strerror(errno));
	if (!status && (!r->count || r->entries[r->count - 1].import))
		return bh_error_new(err, BH_E_PARSE, "%s:%zu: the record ends in the middle of a call", r->path, r->count + 1);
	return status;
}

bh_status record_read(record *r, const char *path, bh_error **err)
{
	struct stat info;
	*r = (record){.path = path};
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
	if (!file) {
		bh_status status = bh_error_new(err, BH_E_IO, "%s: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return status;
	}
	bh_status status;
	if (fstat(fd, &info) || !S_ISREG(info.st_mode) || info.st_size > MAX_BYTES)
		status = bh_error_new(err, BH_E_IO, "%s: not a file, or longer than %d MiB", path, MAX_BYTES >> 20);
	else
		status = read_lines(r, file, err);
	fclose(file);
	return status;
}

void record_free(record *r)
{
	for (size_t i = 0; i < r->count; i++)
		json_decref(r->entries[i].json);
	free(r->entries);
}
