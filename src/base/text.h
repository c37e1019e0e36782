/* A growing text: for messages put together from parts. Fails sticky: check once, at the end. */
#ifndef BH_BASE_TEXT_H
#define BH_BASE_TEXT_H

#include "base/alloc.h"

typedef struct {
	char *data;
	size_t length;
	size_t capacity;
	bool failed;
} bh_text;

void bh_text_add(bh_text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void bh_text_add_n(bh_text *text, const char *data, size_t length);

/* Hand the string over; NULL if memory ran out on the way. The text is empty afterwards. */
char *bh_text_take(bh_text *text);
void bh_text_deinit(bh_text *text);

static inline void bh_text_auto(bh_text *text)
{
	bh_text_deinit(text);
}

/*
 * Words of others as one line that no terminal takes for a command: control characters, NUL included, become '?', line
 * ends a space. To be freed; NULL without memory.
 */
char *bh_text_tame(const char *data, size_t length) __attribute__((warn_unused_result));

/* Edit distance, for "did you mean"; gives up and returns `bound` + 1 beyond it. */
size_t bh_text_distance(const char *a, const char *b, size_t bound);

/* The candidate nearest to `word`, if near enough to be worth naming; NULL otherwise. */
const char *bh_text_nearest(const char *word, const char *const *candidates, size_t count);

#endif
