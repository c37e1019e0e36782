/*
 * For tests: writes what "x-do: WHAT" says, to stdout and stderr, and lets every message pass. It is the one of the modules
 * for tests that has a C library's streams, and so imports WASI. From smg:gateway.
 */
#include <stdio.h>

#include "smg_tools.h"

static volatile uint32_t sink;

static void spin(void)
{
	for (;;)
		sink++;
}

static void write_what(const smg_string_t *what, const smg_string_t *said)
{
	if (named(what, "print")) {
		puts("a line");
		fflush(stdout);
		fputs("another\n", stderr);
	}
	if (named(what, "print-header"))
		printf("%.*s\n", said ? (int)said->len : 0, said ? (const char *)said->ptr : "");
	if (named(what, "print-crash") || named(what, "print-spin")) {
		fputs("last words", stderr);
		if (named(what, "print-crash"))
			__builtin_trap();
		spin();
	}
	if (named(what, "print-much")) {
		for (int i = 0; i < 50000; i++)
			putchar('y');
		fflush(stdout);
	}
	if (named(what, "print-lines"))
		for (int i = 0; i < 2000; i++)
			fputs("a flood\n", stderr);
}

static void obey(const headers *in, action *ret)
{
	const smg_string_t *what = find(in, "x-do");
	if (what)
		write_what(what, find(in, "x-say"));
	go_on(ret);
}

void exports_smg_gateway_middleware_on_request_on_request(smg_gateway_middleware_types_request_t *req, action *ret)
{
	obey(&req->headers, ret);
	smg_gateway_middleware_types_request_free(req);
}

void exports_smg_gateway_middleware_on_response_on_response(smg_gateway_middleware_types_response_t *resp, action *ret)
{
	obey(&resp->headers, ret);
	smg_gateway_middleware_types_response_free(resp);
}
