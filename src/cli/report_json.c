#include "report_json.h"

#include "json.h"

static json_t *trap_json(const bh_error *err)
{
	json_t *trap = json_object(), *frames = json_array();
	put_text(trap, "kind", bh_trap_name(bh_error_trap(err)));
	put_text(trap, "text", bh_trap_text(bh_error_trap(err)));
	for (size_t i = 0; i < bh_error_frame_count(err); i++) {
		const bh_frame *frame = bh_error_frame(err, i);
		json_t *one = json_object();
		put_text(one, "function", frame->function);
		put_number(one, "function_index", frame->function_index);
		put_text(one, "module", frame->module);
		put_number(one, "offset", frame->offset);
		put_text(one, "file", frame->file);
		put_member(one, "line", frame->line ? json_number(frame->line) : json_null());
		put_member(one, "column", frame->line ? json_number(frame->column) : json_null());
		put_element(frames, one);
	}
	put_member(trap, "frames", frames);
	return trap;
}

static json_t *limit_json(const bh_error *err, const report *about)
{
	static const char *const sources[] = {
		[TERMS_DEFAULT] = "default", [TERMS_MANIFEST] = "manifest", [TERMS_OPTION] = "option"};
	uint64_t allowed, attempted;
	bh_limit limit = (bh_limit)bh_error_limit(err, &allowed, &attempted);
	const bh_limit_info *info = bh_limit_describe(limit);
	if (!info)
		return json_null();
	json_t *object = json_object();
	put_text(object, "name", info->key);
	put_member(object, "allowed", json_limit(allowed));
	put_member(object, "attempted", attempted ? json_number(attempted) : json_null());
	put_text(object, "source", about->terms ? sources[about->terms->sources[limit]] : NULL);
	return object;
}

static json_t *location_json(const bh_location *where)
{
	if (!where)
		return json_null();
	json_t *object = json_object();
	put_text(object, "file", where->file);
	put_number(object, "line", where->line);
	put_number(object, "column", where->column);
	put_text(object, "key", where->key);
	return object;
}

static void put_details(json_t *object, const bh_error *err, const report *about)
{
	json_t *causes = json_array();
	for (size_t i = 0; err && i < bh_error_cause_count(err); i++)
		put_element(causes, json_text(bh_error_cause(err, i)));
	bool trapped = err && (bh_error_trap(err) != BH_TRAP_NONE || bh_error_frame_count(err));
	put_member(object, "trap", trapped ? trap_json(err) : json_null());
	put_member(object, "limit", err ? limit_json(err, about) : json_null());
	put_member(object, "location", err ? location_json(bh_error_location(err)) : json_null());
	put_member(object, "causes", causes);
}

static json_t *usage_json(const report *about)
{
	const bh_usage *usage = about->usage;
	if (!usage)
		return json_null();
	json_t *object = json_object();
	bool metered = about->terms && about->terms->limits.fuel != BH_UNLIMITED;
	put_member(object, "fuel", metered ? json_number(usage->fuel) : json_null());
	put_number(object, "wall_ns", usage->wall_ns);
	put_number(object, "cpu_ns", usage->cpu_ns);
	put_number(object, "instantiate_ns", usage->instantiate_ns);
	put_number(object, "host_ns", usage->host_ns);
	put_number(object, "memory", usage->memory);
	put_number(object, "peak_memory", usage->peak_memory);
	put_number(object, "refused_growths", usage->refused_growths);
	put_number(object, "output_bytes", usage->output_bytes);
	put_number(object, "io_bytes", usage->io_bytes);
	put_number(object, "load_ns", about->load_ns);
	if (about->needs) {
		static const char *const origins[] = {"compiled", "disk", "memory"};
		put_text(object, "code", origins[about->needs->origin]);
		put_number(object, "find_ns", about->needs->find_ns);
		put_number(object, "compile_ns", about->needs->compile_ns);
		put_number(object, "keep_ns", about->needs->keep_ns);
	}
	return object;
}

static void print(FILE *stream, const report *about, json_t *object, int exit_code)
{
	put_number(object, "exit", (uint64_t)exit_code);
	put_member(object, "usage", usage_json(about));
	json_print(stream, object);
}

static json_t *coredump_json(const report *about)
{
	json_t *object = json_object();
	put_text(object, "file", about->coredump);
	put_member(object, "written", json_boolean(!about->no_coredump));
	put_text(object, "reason", about->no_coredump);
	return object;
}

void report_json_error(FILE *stream, const report *about, bh_status status, const bh_error *err, const wording *words,
                       int exit_code)
{
	json_t *error = json_object(), *object = json_object();
	put_text(error, "status", bh_status_name(status));
	put_text(error, "kind", bh_status_kind(status));
	put_text(error, "file", about->file);
	put_text(error, "message", words->message);
	put_text(error, "hint", words->hint);
	put_details(error, err, about);
	put_member(object, "error", error);
	if (about->coredump)
		put_member(object, "coredump", coredump_json(about));
	print(stream, about, object, exit_code);
}

void report_json_exit(FILE *stream, const report *about, int status)
{
	print(stream, about, json_object(), status);
}

void report_json_result(FILE *stream, const report *about, json_t *result, int exit_code)
{
	json_t *object = json_object();
	put_member(object, "result", result);
	print(stream, about, object, exit_code);
}
