/* What all numbers for Prometheus are written with. */
#ifndef BH_SERVE_METRICS_TEXT_H
#define BH_SERVE_METRICS_TEXT_H

#include "text.h"

/* The value of a label, between its quotes. */
static inline void metrics_label(sv_text *out, const char *text)
{
	for (; *text; text++)
		if (*text == '"' || *text == '\\')
			sv_text_add(out, "\\%c", *text);
		else if (*text == '\n')
			sv_text_add(out, "\\n");
		else
			sv_text_add_n(out, text, 1);
}

#endif
