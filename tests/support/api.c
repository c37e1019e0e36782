#include "api.h"

#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

_Thread_local bh_error *t_err;

/*
 * cmocka sets its own handlers for SIGSEGV, SIGILL and SIGFPE before each test, with signal(3). The engine needs
 * them: they are how it sees traps. So that call leads nowhere here.
 */
void (*signal(int number, void (*handler)(int)))(int)
{
	(void)number;
	(void)handler;
	return SIG_DFL;
}

static bool on_first_thread(void)
{
	return getpid() == (pid_t)syscall(SYS_gettid);
}

void t_begin(void)
{
	bh_error_free(t_err);
	t_err = NULL;
}

void t_print_error(const bh_error *err)
{
	if (!err)
		return;
	fprintf(stderr, "  message: %s\n", bh_error_message(err));
	if (bh_error_hint(err))
		fprintf(stderr, "  hint: %s\n", bh_error_hint(err));
	for (size_t i = 0; i < bh_error_cause_count(err); i++)
		fprintf(stderr, "  cause: %s\n", bh_error_cause(err, i));
}

void t_fail(const char *what, const char *file, int line)
{
	fprintf(stderr, "%s:%d: %s\n", file, line, what);
	if (!on_first_thread())
		abort();
	_fail(file, line);
}

void t_check(bh_status wanted, bh_status got, const char *call, const char *file, int line)
{
	bool told = wanted == BH_OK ? !t_err : t_err && bh_error_status(t_err) == wanted && *bh_error_message(t_err);
	if (got == wanted && told)
		return;
	fprintf(stderr, "expected %s, got %s%s\n", bh_status_name(wanted), bh_status_name(got),
	        got == wanted ? ", but the error does not fit" : "");
	t_print_error(t_err);
	t_fail(call, file, line);
}

static bool has(const char *text, const char *part)
{
	return text && strstr(text, part);
}

bool t_says(const char *text)
{
	if (!t_err)
		return false;
	if (has(bh_error_message(t_err), text) || has(bh_error_hint(t_err), text))
		return true;
	for (size_t i = 0; i < bh_error_cause_count(t_err); i++)
		if (has(bh_error_cause(t_err, i), text))
			return true;
	if (getenv("BH_TEST_VERBOSE"))
		t_print_error(t_err);
	return false;
}

void t_names_limit(bh_limit limit, uint64_t allowed)
{
	uint64_t is = 0;
	int named = bh_error_limit(t_err, &is, NULL);
	if (named != (int)limit || is != allowed) {
		t_print_error(t_err);
		fprintf(stderr, "  limit %d of %llu, expected %d of %llu\n", named, (unsigned long long)is, (int)limit,
		        (unsigned long long)allowed);
		t_fail("the error names another limit", __FILE__, __LINE__);
	}
	EXPECT(t_says(bh_limit_describe(limit)->key));
}

bh_limits t_limits(void)
{
	bh_limits limits = BH_LIMITS_INIT;
	limits.memory = BH_MIB(64);
	limits.execution_ms = 30000;
	limits.queue_ms = 30000;
	limits.fuel = BH_UNLIMITED;
	return limits;
}

static bh_host *make_host(bh_allocation allocation, uint32_t slots)
{
	bh_host_options options = BH_HOST_OPTIONS_INIT;
	options.allocation = allocation;
	options.pool_slots = slots;
	bh_host *host = NULL;
	OK(bh_host_new(&host, &options, &t_err));
	return host;
}

bh_host *t_host(void)
{
	return make_host(BH_ALLOCATION_ON_DEMAND, 0);
}

bh_host *t_host_pooled(uint32_t slots)
{
	return make_host(BH_ALLOCATION_POOLED, slots);
}

const char *t_guest(const char *name)
{
	static _Thread_local char path[1024];
	snprintf(path, sizeof path, "%s/%s", BH_TEST_GUESTS_DIR, name);
	if (access(path, R_OK)) {
		fprintf(stderr, "guest %s is not built\n", path);
		_exit(77);
	}
	return path;
}

bh_component *t_load_with(bh_host *host, const char *guest, const bh_limits *limits, const bh_permissions *permissions)
{
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	options.limits = limits ? *limits : t_limits();
	options.permissions = permissions;
	bh_component *component = NULL;
	OK(bh_component_load_file(&component, host, t_guest(guest), &options, &t_err));
	return component;
}

bh_component *t_load(bh_host *host, const char *guest, const bh_limits *limits)
{
	return t_load_with(host, guest, limits, NULL);
}

bh_component *t_load_text(bh_host *host, const char *wat, const bh_limits *limits)
{
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	options.limits = limits ? *limits : t_limits();
	bh_component *component = NULL;
	OK(bh_component_load_bytes(&component, host, wat, strlen(wat), &options, &t_err));
	return component;
}

bh_instance *t_instance(bh_component *component)
{
	bh_instance *instance = NULL;
	OK(bh_instance_new(&instance, component, NULL, &t_err));
	return instance;
}

bh_export *t_find(bh_component *component, const char *name)
{
	bh_export *export_ = NULL;
	OK(bh_export_find(&export_, component, name, &t_err));
	return export_;
}

/* Calls on `instance`, or on a fresh one where that is NULL. */
static bh_status call_text(char **result, bh_instance *instance, bh_export *export_, const char *args,
                           const bh_call_options *options, bh_usage *usage, bh_error **err)
{
	size_t count = bh_export_param_count(export_);
	bh_value *values = calloc(count + 1, sizeof *values), value = BH_VALUE_INIT;
	bh_status status = bh_export_parse_args(values, export_, args ? args : "", err);
	if (status) {
		free(values);
		return status;
	}
	status = instance ? bh_instance_call(instance, export_, values, count, &value, options, usage, err)
	                  : bh_export_call(export_, values, count, &value, options, usage, err);
	if (!status && result)
		*result = NULL;
	if (!status && result && bh_export_result_type(export_))
		status = bh_value_to_wave(result, &value, err);
	for (size_t i = 0; i < count; i++)
		bh_value_deinit(&values[i]);
	bh_value_deinit(&value);
	free(values);
	return status;
}

bh_status t_call_live(char **result, bh_instance *instance, bh_export *export_, const char *args,
                      const bh_call_options *options, bh_usage *usage, bh_error **err)
{
	return call_text(result, instance, export_, args, options, usage, err);
}

bh_status t_call(char **result, bh_component *component, const char *name, const char *args,
                 const bh_call_options *options, bh_usage *usage, bh_error **err)
{
	bh_export *export_ = NULL;
	bh_status status = bh_export_find(&export_, component, name, err);
	if (!status)
		status = call_text(result, NULL, export_, args, options, usage, err);
	bh_export_free(export_);
	return status;
}

bh_status t_run(bh_component *component, const char *const *args, const bh_instance_options *base, bh_buffer *out,
                int *exit_status, bh_error **err)
{
	bh_instance_options instance = base ? *base : (bh_instance_options)BH_INSTANCE_OPTIONS_INIT;
	instance.args = args;
	for (instance.arg_count = 0; args && args[instance.arg_count];)
		instance.arg_count++;
	if (out)
		instance.out = instance.err = (bh_stdio){.mode = BH_STDIO_CAPTURE, .buffer = out};
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	options.instance = &instance;
	*exit_status = -1;
	return bh_component_run(component, exit_status, &options, NULL, err);
}

static uint64_t number_of(char *text)
{
	EXPECT(text);
	long long number = atoll(text);
	bh_string_free(text);
	return (uint64_t)number;
}

uint64_t t_number(bh_component *component, const char *name, const char *args)
{
	char *text = NULL;
	OK(t_call(&text, component, name, args, NULL, NULL, &t_err));
	return number_of(text);
}

uint64_t t_number_live(bh_instance *instance, bh_component *component, const char *name, const char *args)
{
	char *text = NULL;
	bh_export *export_ = t_find(component, name);
	OK(t_call_live(&text, instance, export_, args, NULL, NULL, &t_err));
	bh_export_free(export_);
	return number_of(text);
}

double t_now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

void t_sleep_ms(unsigned ms)
{
	struct timespec rest = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
	while (nanosleep(&rest, &rest))
		;
}

uint64_t t_sleeps(void)
{
	uint64_t sum = 0;
	DIR *tasks = opendir("/proc/self/task");
	assert_non_null(tasks);
	for (struct dirent *task; (task = readdir(tasks));) {
		char path[300], line[200];
		snprintf(path, sizeof path, "/proc/self/task/%s/status", task->d_name);
		FILE *file = *task->d_name == '.' || atoi(task->d_name) == gettid() ? NULL : fopen(path, "r");
		while (file && fgets(line, sizeof line, file))
			if (!strncmp(line, "voluntary_ctxt_switches:", 24))
				sum += strtoull(line + 24, NULL, 10);
		if (file)
			fclose(file);
	}
	closedir(tasks);
	return sum;
}

double t_slack(void)
{
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
	return 20;
#endif
#endif
	return 5;
}

bool t_under_tsan(void)
{
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
	return true;
#endif
#endif
	return false;
}

static size_t count_in(const char *folder)
{
	DIR *dir = opendir(folder);
	size_t count = 0;
	for (const struct dirent *entry = dir ? readdir(dir) : NULL; entry; entry = readdir(dir))
		count += entry->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return count;
}

size_t t_descriptors(void)
{
	return count_in("/proc/self/fd");
}

size_t t_threads(void)
{
	return count_in("/proc/self/task");
}

size_t t_rss(void)
{
	unsigned long size = 0, resident = 0;
	FILE *file = fopen("/proc/self/statm", "r");
	if (file && fscanf(file, "%lu %lu", &size, &resident) != 2)
		resident = 0;
	if (file)
		fclose(file);
	return resident * (size_t)sysconf(_SC_PAGESIZE);
}
