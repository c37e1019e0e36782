#include "call_child.h"

#include <string.h>
#include <sys/stat.h>

#include "exit_code.h"
#include "interrupt.h"
#include "json.h"
#include "memory.h"
#include "output.h"
#include "report.h"
#include "text.h"

static bool ends_with(const char *word, const char *end)
{
	size_t length = strlen(word), tail = strlen(end);
	return length > tail && !strcmp(word + length - tail, end);
}

bool names_a_child(const char *word, const admin_place *place)
{
	struct stat info;
	if (admin_place_is_said(place))
		return true;
	bool like_a_file = *word == '.' || *word == '/' || !*word || ends_with(word, ".wasm") || ends_with(word, ".wat") ||
	                   ends_with(word, ".cwasm");
	return !like_a_file && (stat(word, &info) != 0 || S_ISDIR(info.st_mode));
}

/* The first option that is about a fresh instance; NULL: none was given. */
static const char *option_of_files(const settings *s)
{
	for (int i = BH_LIMIT_NONE + 1; i < BH_LIMIT_COUNT; i++) {
		const bh_limit_info *info = bh_limit_describe((bh_limit)i);
		if (info->flag && i != BH_LIMIT_EXECUTION_TIME && bh_limits_get(&s->limits, (bh_limit)i))
			return info->flag;
	}
	return s->manifest             ? "manifest"
	       : s->dirs.count         ? "dir"
	       : s->nets.count         ? "allow-net"
	       : s->listens.count      ? "allow-listen"
	       : s->capabilities.count ? "allow"
	       : s->env.count          ? "env"
	       : s->profile            ? "profile"
	       : s->coredump           ? "coredump"
	       : s->trust              ? "trust"
	       : s->untrusted          ? "untrusted"
	       : s->debug_info         ? "debug-info"
	                               : NULL;
}

static char *body_of(const char *text, const settings *s)
{
	uint64_t wait = bh_limits_get(&s->limits, BH_LIMIT_EXECUTION_TIME);
	json_t *body = json_made(json_object());
	put_text(body, "wave", text);
	if (wait && wait != BH_UNLIMITED)
		put_number(body, "deadline_ms", wait);
	char *out = json_dumps(body, JSON_COMPACT);
	if (!out)
		x_no_memory();
	json_decref(body);
	return out;
}

/* The export returned err(...): that is an answer, and the command's exit code says it. */
static bool is_err(const json_t *result, const char *wave)
{
	return json_object_size(result) == 1 && json_object_get(result, "err") && wave &&
	       (!strcmp(wave, "err") || !strncmp(wave, "err(", strlen("err(")));
}

static void say_usage(const json_t *usage)
{
	const json_t *fuel = json_object_get(usage, "fuel"), *wall = json_object_get(usage, "wall_ns");
	const json_t *peak = json_object_get(usage, "peak_memory"), *queue = json_object_get(usage, "queue_ns");
	X_AUTO char *host = host_time_text((uint64_t)json_integer_value(json_object_get(usage, "host_ns")));
	say_more("usage: wall %s, waited %s%s, fuel %lld, peak memory %s",
	         text_nanoseconds((uint64_t)json_integer_value(wall)),
	         text_nanoseconds((uint64_t)json_integer_value(queue)), host, (long long)json_integer_value(fuel),
	         text_bytes((uint64_t)json_integer_value(peak)));
}

static int print_result(const admin_answer *answer, const settings *s)
{
	json_t *result = json_object_get(answer->json, "result"), *usage = json_object_get(answer->json, "usage");
	const char *wave = json_string_value(json_object_get(answer->json, "wave"));
	int code = is_err(result, wave) ? EXIT_GUEST_ERR : EXIT_OK;
	if (report_is_json()) {
		json_t *object = json_made(json_object());
		put_member(object, "result", result ? json_incref(result) : json_null());
		put_number(object, "exit", (uint64_t)code);
		put_member(object, "usage", usage ? json_incref(usage) : json_null());
		json_print(stdout, object);
		return code;
	}
	if (wave)
		put_line(wave);
	else if (result && !json_is_null(result))
		json_print(stdout, json_incref(result));
	if (s->usage)
		say_usage(usage);
	return code;
}

static int ask(admin_client *client, const char *child, const char *text, const settings *s)
{
	X_AUTO char *path = admin_child_path(child, "/call");
	X_AUTO char *body = body_of(text, s);
	admin_answer answer = admin_ask(client, &(admin_request){.path = path, .post = true, .body = body});
	bool well = admin_went_well(&answer) && json_is_object(answer.json);
	int code = well ? print_result(&answer, s) : admin_failed(client, &answer, child);
	admin_answer_deinit(&answer);
	return code;
}

/* A name that is no file's may be a file's that was mistyped: where nobody can say, both are said. */
static bool nobody_to_ask(admin_client *client)
{
	admin_answer answer = admin_ask(client, &(admin_request){.path = "/v1/version", .timeout_ms = 10000});
	bool nobody = answer.outcome == ADMIN_UNREACHABLE;
	admin_answer_deinit(&answer);
	return nobody;
}

int call_child(const char *child, const char *text, const settings *s, const admin_place *place)
{
	const report about = {.file = child};
	const char *option = option_of_files(s);
	X_AUTO char *useless = x_format("--%s is for calls of a file", option ? option : "");
	if (option && admin_place_is_said(place))
		return report_words(&about, BH_E_INVALID, useless,
		                    "A child of the daemon has the limits and grants of its bulkhead.toml.");
	if (option)
		return report_words(&about, BH_E_NOT_FOUND, "no such file", NULL);
	interrupt_catch();
	admin_client *client = NULL;
	int code = admin_open(&client, place);
	if (code)
		return code;
	X_AUTO char *hint =
		x_format("For a child of the daemon, start that:  bulkhead serve   (asked was %s)\n"
	             "or say where it is:  --socket PATH, or --url URL, or BULKHEAD_ADMIN in the environment",
	             admin_where(client));
	if (!admin_place_is_said(place) && nobody_to_ask(client))
		code = report_words(&about, BH_E_NOT_FOUND, "no such file, and no daemon that could have a child of that name",
		                    hint);
	else
		code = ask(client, child, text, s);
	admin_close(client);
	return code;
}
