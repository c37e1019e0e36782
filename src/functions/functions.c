/* bulkhead:host, defined in a set: names, types, capabilities, bounds. */
#include "functions/functions.h"

#include <string.h>

#include "base/text.h"

#define PACKAGE "bulkhead:host/"
#define VERSION "@0.1.0"

#define HEADERS "list<record { name: string, value: string }>"

/* What wit/bulkhead-host says, types written out. */
static const struct {
	const char *interface, *name, *signature, *capability;
	bh_host_async_fn *start;
	void (*close)(void *part);
} table[] = {
	{PACKAGE "filesystem" VERSION, "read",
     "func(path: string) -> result<list<u8>, variant { denied(string), not-found(string), not-a-file(string), "
     "too-large(string), busy(string), io(string) }>",
     "filesystem::read", bh_reader_start, bh_reader_close},
	{PACKAGE "network" VERSION, "http-fetch",
     "func(request: record { method: string, url: string, headers: " HEADERS ", body: list<u8>, "
     "timeout-ms: option<u64>, max-redirects: option<u32> }) -> "
     "result<record { status: u16, headers: " HEADERS ", body: list<u8>, url: string }, "
     "variant { invalid(string), denied(string), unreachable(string), tls(string), timeout(string), "
     "too-large(string), too-many-redirects(string), busy(string), unavailable(string) }>",
     "network::http_fetch", bh_fetcher_start, bh_fetcher_close},
	{PACKAGE "time" VERSION, "sleep",
     "func(milliseconds: u64) -> result<_, variant { too-long(string), busy(string) }>", "time::sleep",
     bh_sleeper_start, bh_sleeper_close},
};

static void *part_new(size_t row, const bh_hostfunctions_options *options)
{
	if (table[row].start == bh_reader_start)
		return bh_reader_new(options);
	if (table[row].start == bh_fetcher_start)
		return bh_fetcher_new(options);
	return bh_sleeper_new(options);
}

/* Bounds that are not said, and whether those that are can be. */
static bh_status settle(bh_hostfunctions_options *o, const bh_hostfunctions_options *given, bh_error **err)
{
	enum { MOST_THREADS = 256, MOST_FETCHES = 10000 };
	*o = (bh_hostfunctions_options)BH_HOSTFUNCTIONS_OPTIONS_INIT;
	if (given)
		memcpy(o, given, given->struct_size && given->struct_size < sizeof *o ? given->struct_size : sizeof *o);
	o->max_file = o->max_file ? o->max_file : BH_MIB(16);
	o->read_threads = o->read_threads ? o->read_threads : 4;
	o->max_reads = o->max_reads ? o->max_reads : 1000;
	o->max_sleeps = o->max_sleeps ? o->max_sleeps : 100000;
	o->max_request = o->max_request ? o->max_request : BH_MIB(8);
	o->max_response = o->max_response ? o->max_response : BH_MIB(8);
	o->max_header_bytes = o->max_header_bytes ? o->max_header_bytes : (uint32_t)BH_KIB(64);
	o->max_redirects = o->no_redirects ? 0 : o->max_redirects ? o->max_redirects : 5;
	o->fetch_ms = o->fetch_ms ? o->fetch_ms : 30000;
	o->max_fetches = o->max_fetches ? o->max_fetches : 64;
	o->waiting_fetches = o->waiting_fetches ? o->waiting_fetches : 1000;
	if (!o->component_fetches)
		o->component_fetches = o->max_fetches < 4 ? 1 : o->max_fetches / 4;
	if (o->read_threads > MOST_THREADS || o->max_fetches > MOST_FETCHES || o->fetch_ms > INT32_MAX ||
	    o->max_file > BH_GIB(4) || o->max_response > BH_GIB(4) || o->max_request > BH_GIB(4))
		return bh_fail(err, BH_E_INVALID,
		               "bulkhead:host: at most %d threads that read, %d fetches at once, 24 days for one and 4 GiB of "
		               "each file, request and response",
		               MOST_THREADS, MOST_FETCHES);
	return BH_OK;
}

bh_status bh_imports_define_bulkhead_host(bh_imports *imports, const bh_hostfunctions_options *given, bh_error **err)
{
	bh_hostfunctions_options options;
	bh_status status = settle(&options, given, err);
	for (size_t i = 0; i < BH_COUNT(table) && !status; i++) {
		bh_host_function function = BH_HOST_FUNCTION_INIT;
		function.interface = table[i].interface;
		function.name = table[i].name;
		function.signature = table[i].signature;
		function.capability = table[i].capability;
		function.start = table[i].start;
		function.free_data = table[i].close;
		function.data = part_new(i, &options);
		status = function.data ? bh_imports_define_function(imports, &function, err) : bh_fail_memory(err);
		if (status && function.data)
			table[i].close(function.data);
	}
	return status;
}

void bh_answer_err(bh_completion *completion, const char *name, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	BH_AUTO(bh_free) char *text = bh_vformat(format, args);
	va_end(args);
	for (char *p = text; p && *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
	bh_value words = bh_of_string(text ? text : "out of memory");
	bh_value error = bh_of_variant(name, &words);
	bh_value answer = bh_of_err(&error);
	bh_completion_finish(completion, &answer);
}
