/* What the files of this example share. */
#ifndef RECORDER_H
#define RECORDER_H

#include <bulkhead.h>
#include <jansson.h>

/* How the program ends. */
enum { SAME = 0, DIFFERENT = 1, FAILED = 2 };

/* host.c: what guests may import. */
bh_status host_functions(bh_imports *imports, bh_error **err);

/* The handles of one of its resources have a number. False where it is no such handle. */
bh_status pot_handle(bh_value *out, uint64_t number, bh_error **err);
bool pot_number(uint64_t *number, const bh_value *handle);

/* guest.c: a component, and a live instance of it that is replaced where it was lost. */
typedef struct {
	bh_host *host;
	bh_component *component;
	bh_instance *instance;
} guest;

/* `set` sees its calls. */
bh_status guest_load(guest *g, const char *path, bh_interceptors *set, bh_error **err);
bh_status guest_call(guest *g, bh_export *export_, const bh_value *args, bh_value *result, bh_error **err);
void guest_unload(guest *g);

/* write.c: the record that is being made. */
typedef struct journal journal;

/* A file that is not there yet. */
bh_status journal_open(journal **out, const char *path, bh_error **err);
bh_status journal_watch(journal *j, bh_interceptors *set, bh_error **err);
void journal_close(journal *j);

/* read.c: a record that was made. */
typedef struct {
	unsigned line;
	bool import;
	const char *interface; /* NULL: of the world itself */
	const char *function;
	json_t *args;       /* texts */
	const char *result; /* text; NULL: none */
	bh_status status;
	const char *error; /* NULL: it did not fail */
	json_t *json;      /* has all of it */
} entry;

typedef struct {
	const char *path;
	entry *entries;
	size_t count;
} record;

bh_status record_read(record *r, const char *path, bh_error **err);
void record_free(record *r);

/* replay.c: the calls of a record, once more. SAME, DIFFERENT or FAILED. */
int replay(const record *from, const char *component);

/*
 * text.c: values as texts in JSON. A handle is "pot#1"; null is for what has no text, such as a list of handles. NULL: no
 * memory.
 */
json_t *text_of(const bh_value *value);
json_t *texts_of(const bh_value *values, size_t count);

/* And back. */
bh_status value_of(bh_value *out, const bh_type *type, const char *text, bh_error **err);

/* "roll(6, 2)", to be freed; NULL where an argument has no text. */
char *call_text(const char *function, const json_t *args);

int report(const char *about, bh_error *err);

#endif
