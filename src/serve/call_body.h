/* The body of POST /v1/children/{path}/call: {"export": "...", "args": [...]} or {"wave": "add(1, 2)"}, "deadline_ms". */
#ifndef BH_SERVE_CALL_BODY_H
#define BH_SERVE_CALL_BODY_H

#include <bulkhead.h>

typedef struct {
	char *export_;
	char *args; /* JSON, an array; or WAVE, in parentheses */
	bool wave;
	uint64_t deadline_ms; /* 0: none */
} call_body;

/* Any bytes. BH_OK: to be emptied with call_body_deinit(); BH_E_INVALID; BH_E_NO_MEMORY. */
bh_status call_body_read(call_body *out, const char *data, size_t length, bh_error **err);
void call_body_deinit(call_body *body);

#endif
