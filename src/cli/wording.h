/* Wording: what a person is told about an error, where the command knows more than the library did. */
#ifndef BH_CLI_WORDING_H
#define BH_CLI_WORDING_H

#include "report.h"

typedef struct {
	char *message; /* one line */
	char *hint;    /* lines; NULL: nothing to say */
} wording;

/* In the library's words unless there are better ones. `err` may be NULL. */
wording wording_of(const report *about, bh_status status, const bh_error *err);
void wording_deinit(wording *words);

/* One frame of a guest's stack: "at average (stats.c:41)". To be freed with x_free(). */
char *wording_of_frame(const bh_frame *frame, bool whole_path);

#endif
