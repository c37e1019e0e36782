#include "feed.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* What is called of one component, and how long the text of its arguments may get. */
enum { MAX_CALLS = 12, MAX_ARGUMENTS = 2000 };

static char current[300];

/* Async-signal-safe: it runs in a process that may be broken. */
static void say(const char *what)
{
	ssize_t ignored = write(STDERR_FILENO, what, strlen(what));
	ignored = write(STDERR_FILENO, current, strlen(current));
	ignored = write(STDERR_FILENO, "\n", 1);
	(void)ignored;
}

static void too_slow(int number)
{
	(void)number;
	say("took too long: ");
	_exit(98);
}

/* Not signal(3), which tests replace (api.c). */
static void handle(int number, void (*handler)(int))
{
	struct sigaction action = {.sa_handler = handler};
	sigaction(number, &action, NULL);
}

static void dying(int number)
{
	say("died of: ");
	handle(number, SIG_DFL);
	raise(number);
}

void feed_name(unsigned seconds, const char *format, ...)
{
	static bool watching;
	if (!watching) {
		/* Before any engine: it hands on the faults that are not its own. */
		static const int deaths[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
		for (size_t i = 0; i < sizeof deaths / sizeof *deaths; i++)
			handle(deaths[i], dying);
		handle(SIGALRM, too_slow);
		watching = true;
	}
	va_list args;
	va_start(args, format);
	vsnprintf(current, sizeof current, format, args);
	va_end(args);
	alarm(seconds);
}

void feed_done(void)
{
	alarm(0);
}

#define MUST(condition) ((condition) ? (void)0 : broken(#condition))

static void broken(const char *promise)
{
	fprintf(stderr, "a promise is broken: %s\n", promise);
	abort();
}

/* Text for people: present, one line unless it is a hint, nothing that moves a terminal's cursor. */
static void check_text(const char *text, bool lines)
{
	MUST(text && *text);
	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		MUST(*p >= 0x20 || (lines && *p == '\n'));
		MUST(*p != 0x7F && !(*p == 0xC2 && p[1] >= 0x80 && p[1] < 0xA0));
	}
}

static void check_error(bh_status status, const bh_error *err)
{
	MUST(err && bh_error_status(err) == status);
	check_text(bh_error_message(err), false);
	if (bh_error_hint(err))
		check_text(bh_error_hint(err), true);
	for (size_t i = 0; i < bh_error_frame_count(err); i++) {
		const bh_frame *frame = bh_error_frame(err, i);
		if (frame->function)
			MUST(!strpbrk(frame->function, "\x1b\n\r\a"));
	}
}

/* The first failure is the one that is told. */
static void note(feed_result *result, bh_status status, bh_error *err)
{
	if (!status) {
		MUST(!err);
		return;
	}
	check_error(status, err);
	if (!result->status) {
		size_t causes = bh_error_cause_count(err);
		result->status = status;
		snprintf(result->what, sizeof result->what, "%s%s%s", bh_error_message(err), causes ? " | " : "",
		         causes ? bh_error_cause(err, causes - 1) : "");
	}
	bh_error_free(err);
}

bh_limits feed_limits(void)
{
	bh_limits limits = BH_LIMITS_INIT;
	limits.memory = BH_MIB(8);
	limits.fuel = 1000000;
	limits.execution_ms = 50;
	limits.queue_ms = 100;
	limits.hostcall_bytes = BH_MIB(1);
	limits.output_bytes = BH_KIB(4);
	return limits;
}

typedef struct {
	char data[MAX_ARGUMENTS];
	size_t length;
	bool full;
} arguments;

static void add(arguments *a, const char *text)
{
	size_t length = strlen(text);
	a->full |= a->length + length >= sizeof a->data;
	if (a->full)
		return;
	memcpy(a->data + a->length, text, length + 1);
	a->length += length;
}

/* Some value of the type, as WAVE text. Handles have none. */
static void add_value(arguments *a, const bh_type *type)
{
	bh_kind kind = bh_type_kind(type);
	const char *open = "", *close = "";
	switch (kind) {
	case BH_KIND_BOOL:
		add(a, "true");
		return;
	case BH_KIND_CHAR:
		add(a, "'\u00e9'");
		return;
	case BH_KIND_STRING:
		add(a, "\"some text, \u20ac and more\"");
		return;
	case BH_KIND_BYTES:
		add(a, "[1, 2, 250]");
		return;
	case BH_KIND_FLAGS:
		add(a, "{}");
		return;
	case BH_KIND_OWN:
	case BH_KIND_BORROW:
		a->full = true;
		return;
	case BH_KIND_LIST:
		open = "[", close = "]";
		break;
	case BH_KIND_TUPLE:
		open = "(", close = ")";
		break;
	case BH_KIND_RECORD:
		open = "{", close = "}";
		break;
	case BH_KIND_OPTION:
		open = "some(", close = ")";
		break;
	case BH_KIND_VARIANT:
	case BH_KIND_ENUM:
		add(a, "%");
		add(a, bh_type_name(type, 0));
		open = bh_type_at(type, 0) ? "(" : "", close = bh_type_at(type, 0) ? ")" : "";
		break;
	case BH_KIND_RESULT:
		open = bh_type_at(type, 0) ? "ok(" : "ok", close = bh_type_at(type, 0) ? ")" : "";
		break;
	default:
		add(a, "7");
		return;
	}
	add(a, open);
	bool one = kind == BH_KIND_VARIANT || kind == BH_KIND_ENUM || kind == BH_KIND_RESULT;
	for (size_t i = 0; i < bh_type_count(type) && !a->full; i++) {
		if (i && one)
			break;
		add(a, i ? ", " : "");
		if (kind == BH_KIND_RECORD) {
			add(a, "%");
			add(a, bh_type_name(type, i));
			add(a, ": ");
		}
		if (bh_type_at(type, i))
			add_value(a, bh_type_at(type, i));
	}
	add(a, close);
}

static void check_usage(const bh_usage *usage)
{
	MUST(usage->peak_memory <= feed_limits().memory);
	MUST(usage->memory <= usage->peak_memory);
}

/* One call, on a fresh instance and on the live one. */
static void call(feed_result *result, bh_instance *instance, bh_export *export_, const bh_value *args, size_t count)
{
	for (int live = 0; live < 2; live++) {
		bh_error *err = NULL;
		bh_value value = BH_VALUE_INIT;
		bh_usage usage = BH_USAGE_INIT;
		bh_status status = live ? bh_instance_call(instance, export_, args, count, &value, NULL, &usage, &err)
		                        : bh_export_call(export_, args, count, &value, NULL, &usage, &err);
		check_usage(&usage);
		result->calls++;
		if (!status) {
			char *text = NULL;
			if (!bh_value_to_wave(&text, &value, NULL))
				bh_string_free(text);
		} else {
			MUST(!value.kind);
			MUST(!live || !bh_instance_usable(instance) || bh_status_category(status) != BH_CATEGORY_GUEST);
		}
		if (status != BH_E_POISONED && status != BH_E_UNSUPPORTED)
			note(result, status, err);
		else
			bh_error_free(err);
		bh_value_deinit(&value);
	}
}

static void call_export(feed_result *result, bh_component *component, bh_instance *instance, const bh_item *item)
{
	char name[600];
	bh_error *err = NULL;
	bh_export *export_ = NULL;
	int length = item->interface ? snprintf(name, sizeof name, "%s#%s", item->interface, item->name)
	                             : snprintf(name, sizeof name, "%s", item->name);
	if (length >= (int)sizeof name)
		return;
	bh_status status = bh_export_find(&export_, component, name, &err);
	if (status) {
		MUST(!export_);
		note(result, status, err);
		return;
	}
	arguments a = {.length = 0};
	size_t count = bh_export_param_count(export_);
	for (size_t i = 0; i < count; i++) {
		add(&a, i ? ", " : "");
		add_value(&a, bh_export_param_type(export_, i));
	}
	bh_value *args = calloc(count + 1, sizeof *args);
	if (args && !a.full && !(status = bh_export_parse_args(args, export_, a.data, &err))) {
		call(result, instance, export_, args, count);
		for (size_t i = 0; i < count; i++)
			bh_value_deinit(&args[i]);
	} else if (status) {
		note(result, status, err);
	}
	free(args);
	bh_export_free(export_);
}

static void use(feed_result *result, bh_component *component)
{
	bh_error *err = NULL;
	bh_instance *instance = NULL;
	bh_buffer out = BH_BUFFER_INIT;
	bh_instance_options options = BH_INSTANCE_OPTIONS_INIT;
	options.out = (bh_stdio){.mode = BH_STDIO_CAPTURE, .buffer = &out};
	bh_status status = bh_instance_new(&instance, component, &options, &err);
	MUST(!status == !!instance);
	note(result, status, err);
	result->end = status ? FEED_REFUSED : FEED_LOADED;
	for (size_t i = 0; !status && i < result->exports && i < MAX_CALLS; i++)
		call_export(result, component, instance, bh_component_export_at(component, i));
	if (!status && result->calls)
		result->end = result->status ? FEED_TRAPPED : FEED_RAN;
	bh_instance_free(instance);
	MUST(out.length <= feed_limits().output_bytes);
	bh_buffer_deinit(&out);
}

/* Everything that describes a component, read to its end. */
static void look_at(feed_result *result, const bh_component *component)
{
	bh_component_needs needs = {.struct_size = sizeof needs};
	bh_component_describe(component, &needs);
	MUST(needs.initial_memory <= feed_limits().memory);
	result->exports = bh_component_export_count(component);
	for (size_t i = 0; i < result->exports; i++)
		MUST(bh_component_export_at(component, i)->name);
	MUST(!bh_component_export_at(component, result->exports));
	for (size_t i = 0; i < bh_component_import_count(component); i++)
		MUST(bh_component_import_at(component, i));
}

feed_result feed(bh_host *host, const void *bytes, size_t length, bool wrap)
{
	feed_result result = {.end = FEED_REFUSED};
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	bh_component *component = NULL;
	bh_error *err = NULL;
	options.limits = feed_limits();
	options.wrap_modules = wrap;
	bh_status status = bh_component_load_bytes(&component, host, bytes, length, &options, &err);
	MUST(!status == !!component);
	note(&result, status, err);
	if (status)
		return result;
	look_at(&result, component);
	use(&result, component);
	bh_component_unref(component);
	return result;
}

unsigned char *feed_read(const char *path, size_t *length)
{
	FILE *file = fopen(path, "rb");
	struct stat info;
	unsigned char *bytes = NULL;
	if (file && !fstat(fileno(file), &info)) {
		*length = (size_t)info.st_size;
		bytes = malloc(*length ? *length : 1);
		if (bytes && fread(bytes, 1, *length, file) != *length) {
			free(bytes);
			bytes = NULL;
		}
	}
	if (file)
		fclose(file);
	return bytes;
}
