/* What a daemon did not do, told as the command tells of problems: a line and a hint, or JSON; and the exit code. */
#include <errno.h>
#include <string.h>

#include "admin.h"
#include "exit_code.h"
#include "json.h"
#include "memory.h"
#include "output.h"
#include "report.h"

enum { FRAMES_SHOWN = 8 };

static bh_status status_named(const char *name)
{
	static const bh_status all[] = {
#define X(code, status, category, kind, text) BH_##status,
		BH_STATUS_MAP(X)
#undef X
	};
	for (size_t i = 0; name && i < X_COUNT(all); i++)
		if (!strcmp(bh_status_name(all[i]), name))
			return all[i];
	return BH_OK;
}

/* Of an answer that names no status of the library's: it was about the request. */
static bh_status status_of_http(long http)
{
	switch (http) {
	case 401:
	case 403:
		return BH_E_DENIED;
	case 404:
		return BH_E_NOT_FOUND;
	case 429:
	case 503:
		return BH_E_BUSY;
	case 504:
		return BH_E_DEADLINE;
	case 501:
		return BH_E_UNSUPPORTED;
	default:
		return http >= 400 && http < 500 ? BH_E_INVALID : BH_E_SYSTEM;
	}
}

static const char *text_in(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static void say_frames(const json_t *frames)
{
	size_t count = json_array_size(frames);
	for (size_t i = 0; i < count && i < FRAMES_SHOWN; i++) {
		const json_t *frame = json_array_get(frames, i);
		const char *function = text_in(frame, "function"), *file = text_in(frame, "file");
		if (function && file)
			say_more("    at %s (%s:%lld)", function, file,
			         (long long)json_integer_value(json_object_get(frame, "line")));
		else if (function)
			say_more("    at %s", function);
	}
}

/* "bulkhead.toml:7:12"; NULL: it lies in no file. To be freed. */
static char *place_of(const json_t *location)
{
	const char *file = text_in(location, "file");
	long long line = json_integer_value(json_object_get(location, "line"));
	long long column = json_integer_value(json_object_get(location, "column"));
	return !file ? NULL : line ? x_format("%s:%lld:%lld", file, line, column) : x_copy(file);
}

static void put_problem(const char *subject, bh_status status, const json_t *problem, const char *message,
                        const char *hint, int code)
{
	json_t *error = json_made(json_object()), *object = json_made(json_object());
	json_t *trap = json_null();
	if (text_in(problem, "trap")) {
		trap = json_made(json_object());
		put_text(trap, "kind", text_in(problem, "trap"));
		put_text(trap, "text", message);
		put_member(trap, "frames", json_deep_copy(json_object_get(problem, "frames")));
	}
	json_t *limit = json_object_get(problem, "limit"), *causes = json_object_get(problem, "causes");
	json_t *usage = json_object_get(problem, "usage"), *location = json_object_get(problem, "location");
	put_text(error, "status", bh_status_name(status));
	put_text(error, "kind", bh_status_kind(status));
	put_text(error, "file", subject);
	put_text(error, "message", message);
	put_text(error, "hint", hint);
	put_member(error, "trap", trap);
	put_member(error, "limit", limit ? json_deep_copy(limit) : json_null());
	put_member(error, "location", location ? json_deep_copy(location) : json_null());
	put_member(error, "causes", causes ? json_deep_copy(causes) : json_array());
	put_member(object, "error", error);
	put_number(object, "exit", (uint64_t)code);
	put_member(object, "usage", usage ? json_deep_copy(usage) : json_null());
	json_print(stdout, object);
}

/* Where the daemon itself has no advice. */
static const char *advice(const admin_client *client, const admin_answer *answer)
{
	if (answer->status == 401)
		return "It wants its token:  --token-file FILE, the file that token_file in its bulkhead.toml names.";
	if (answer->status == 403)
		return "Only the user who runs the daemon, and root, may ask it.";
	if (answer->status == 404)
		return "bulkhead ps lists what there is.";
	if (answer->status == 503)
		return "Try again in a moment.";
	(void)client;
	return NULL;
}

static int tell_problem(const admin_client *client, const admin_answer *answer, const char *subject)
{
	const char *message = text_in(answer->json, "detail"), *title = text_in(answer->json, "title");
	const char *hint = text_in(answer->json, "hint");
	bh_status named = status_named(text_in(answer->json, "code"));
	bh_status status = named ? named : status_of_http(answer->status);
	int code = exit_code_of(status);
	X_AUTO char *bare = x_format("HTTP %ld%s%s", answer->status, title ? " " : "", title ? title : "");
	message = message ? message : bare;
	hint = hint ? hint : advice(client, answer);
	if (report_is_json()) {
		put_problem(subject, status, answer->json, message, hint, code);
		return code;
	}
	X_AUTO char *place = place_of(json_object_get(answer->json, "location"));
	bool named_twice = subject && !strncmp(message, subject, strlen(subject));
	say_error(place ? place : named_twice ? NULL : subject ? subject : admin_where(client), "%s", message);
	if (status == BH_E_TRAP)
		say_frames(json_object_get(answer->json, "frames"));
	if (hint)
		say_more("%s", hint);
	return code;
}

static int tell_unreachable(const admin_client *client, const admin_answer *answer)
{
	const report about = {.file = admin_where(client)};
	int number = answer->system_errno;
	if (number == EACCES || number == EPERM)
		return report_words(&about, BH_E_DENIED, "permission denied",
		                    "Only the user who runs the daemon, and root, may ask it.");
	bool nobody = !number || number == ENOENT || number == ENOTDIR || number == ECONNREFUSED;
	X_AUTO char *message = nobody ? x_copy("no daemon there") : x_format("no daemon there: %s", strerror(number));
	return report_words(&about, BH_E_DOWN, message,
	                    "Start it:  bulkhead serve\n"
	                    "or say where it is:  --socket PATH, or --url URL, or BULKHEAD_ADMIN in the environment");
}

int admin_failed(const admin_client *client, const admin_answer *answer, const char *subject)
{
	const report about = {.file = admin_where(client)};
	X_AUTO char *cut = x_format("the answer broke off%s%s", *answer->said ? ": " : "", answer->said);
	switch (answer->outcome) {
	case ADMIN_UNREACHABLE:
		return tell_unreachable(client, answer);
	case ADMIN_TIMED_OUT:
		return report_words(&about, BH_E_DEADLINE, "no answer in time", "Is that the daemon, and is it well?");
	case ADMIN_TOO_LONG:
		return report_words(&about, BH_E_SYSTEM, "the answer is longer than a daemon's can be", NULL);
	case ADMIN_CUT:
		return report_words(&about, BH_E_DOWN, cut, "Did the daemon stop?");
	default:
		break;
	}
	if (!admin_went_well(answer))
		return tell_problem(client, answer, subject);
	return report_words(&about, BH_E_SYSTEM, "what answers there is no daemon of Bulkhead", NULL);
}

int admin_get(admin_client *client, const char *path, const char *subject, json_t **out)
{
	enum { TIMEOUT_MS = 10000 };
	admin_answer answer = admin_ask(client, &(admin_request){.path = path, .timeout_ms = TIMEOUT_MS});
	int code = admin_went_well(&answer) && json_is_object(answer.json) ? 0 : admin_failed(client, &answer, subject);
	if (!code)
		*out = json_incref(answer.json);
	admin_answer_deinit(&answer);
	return code;
}
