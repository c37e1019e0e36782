/*
 * A growing text, and JSON written into one. Fails sticky: check once, at the end.
 *
 * The growing is that of src/base/text.c once more: the daemon has the public headers alone, and a growing text is nothing that
 * users of the library would look for there. They are to stay alike.
 */
#ifndef BH_SERVE_TEXT_H
#define BH_SERVE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
	char *data; /* followed by a NUL byte, where it is not NULL */
	size_t length;
	size_t capacity;
	bool failed; /* memory ran out on the way */
} sv_text;

void sv_text_add(sv_text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void sv_text_add_n(sv_text *text, const char *data, size_t length);
void sv_text_deinit(sv_text *text);

/* Hand the string over, to be given back with sv_free(); NULL if memory ran out. The text is empty afterwards. */
char *sv_text_take(sv_text *text);

/*
 * JSON. Commas are put where they belong: an object is js_open(out, '{'), members, js_close(out, '}'). Texts are repaired
 * where they are no UTF-8; NULL is null. Numbers that readers of JSON cannot hold as integers become texts, as in the command's.
 */
void js_open(sv_text *out, char bracket);
void js_close(sv_text *out, char bracket);
void js_key(sv_text *out, const char *key);
void js_text(sv_text *out, const char *text);
void js_number(sv_text *out, uint64_t number);
void js_real(sv_text *out, double number);
void js_bool(sv_text *out, bool value);
void js_null(sv_text *out);
void js_raw(sv_text *out, const char *json);

/* Members. */
void js_put_text(sv_text *out, const char *key, const char *text);
void js_put_number(sv_text *out, const char *key, uint64_t number);
void js_put_bool(sv_text *out, const char *key, bool value);

#endif
