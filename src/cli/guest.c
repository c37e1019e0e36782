#include "guest.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "clock.h"
#include "exit_code.h"
#include "interrupt.h"
#include "key_file.h"
#include "memory.h"
#include "new_file.h"
#include "output.h"
#include "progress.h"
#include "whole.h"

/* The library's remarks. They come from any thread; a line is one write. */
static void pass_on(void *data, bh_log_level level, const char *message)
{
	const guest *g = data;
	if (level <= BH_LOG_WARNING || report_is_verbose())
		say_remark(g->terms->file, "%s: %s", level <= BH_LOG_WARNING ? "warning" : "remark", message);
}

/* Compiling takes long then, and memory: a process of its own can be stopped, and gives it back. */
static bool is_large(const char *path)
{
	enum { LARGE = 1 << 20 };
	struct stat info;
	return stat(path, &info) == 0 && info.st_size > LARGE;
}

/* bulkhead:host, for who imports it: a table, until one of its functions is called. */
static bh_status offer_functions(bh_imports **out, bh_error **err)
{
	bh_status status = bh_imports_new(out, err);
	return status ? status : bh_imports_define_bulkhead_host(*out, NULL, err);
}

static bh_status load(guest *g, const guest_options *options, const uint8_t *trusted_key, bh_error **err)
{
	bh_host_options host = BH_HOST_OPTIONS_INIT;
	host.profile = options->debug_info ? BH_PROFILE_DEVELOPMENT : BH_PROFILE_PRODUCTION;
	host.allocation = BH_ALLOCATION_ON_DEMAND;
	host.coredumps = options->coredumps;
	host.log = options->quiet ? NULL : pass_on;
	host.log_data = g;
	bh_component_options component = BH_COMPONENT_OPTIONS_INIT;
	component.limits = g->terms->limits;
	component.permissions = g->terms->permissions;
	component.wrap_modules = options->wrap_modules;
	component.unlinked = options->unlinked;
	component.trusted_key = trusted_key;
	component.compiler = "/proc/self/exe";
	if (options->untrusted || is_large(g->terms->file))
		component.compile_mode = BH_COMPILE_ISOLATED;
	bh_status status = bh_host_new(&g->host, &host, err);
	if (!status && !options->unlinked)
		status = offer_functions(&component.imports, err);
	if (!status)
		status = bh_component_load_file(&g->component, g->host, g->terms->file, &component, err);
	bh_imports_free(component.imports);
	return status;
}

int guest_load(guest *out, const terms *t, const guest_options *options)
{
	*out = (guest){.terms = t};
	uint8_t key[BH_PUBLIC_KEY];
	int code = options->trust ? key_read(key, KEY_PUBLIC, options->trust) : 0;
	if (code)
		return code;
	report_if_interrupted(&(report){.file = t->file, .terms = t});
	interrupt_catch();
	uint64_t begin = x_now_ns();
	if (!options->quiet)
		progress_begin(t->file);
	bh_error *err = NULL;
	bh_status status = load(out, options, options->trust ? key : NULL, &err);
	progress_end();
	out->load_ns = x_now_ns() - begin;
	if (!status) {
		out->needs = (bh_component_needs){.struct_size = sizeof out->needs};
		bh_component_describe(out->component, &out->needs);
		return 0;
	}
	interrupt_cancels(NULL); /* there is something else to say now */
	return report_error(&(report){.file = t->file, .terms = t}, status, err, -1);
}

/*
 * The process is about to end, and takes engine, threads and memory with it: giving them back one by one takes a
 * tenth of a short run's time. Only where leaks are looked for is it done.
 */
static void give_back(const guest *g)
{
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
	bh_component_unref(g->component);
	bh_host_free(g->host);
#endif
#endif
	(void)g;
}

void guest_deinit(guest *g)
{
	interrupt_cancels(NULL);
	bh_sampler_free(g->sampler);
	give_back(g);
	bh_cancel_free(g->cancel);
	*g = (guest){0};
}

int guest_prepare_call(guest *g, bh_call_options *out)
{
	bh_error *err = NULL;
	bh_status status = bh_cancel_new(&g->cancel, &err);
	if (status)
		return report_error(&(report){.file = g->terms->file}, status, err, -1);
	out->cancel = g->cancel;
	out->kill = true;
	out->cpu_time = true; /* tells computing from waiting when the time is up */
	interrupt_cancels(g->cancel);
	return 0;
}

static int cannot_write(const char *path, int number)
{
	bool missing = number == ENOENT || number == ENOTDIR;
	X_AUTO char *message = x_format("cannot be written: %s", strerror(number));
	return report_words(&(report){.file = path}, missing ? BH_E_NOT_FOUND : BH_E_IO, message,
	                    "--profile OUT names a file in a folder that is there and may be written to.");
}

int guest_profile(guest *g, const settings *s, bh_instance_options *out)
{
	bh_error *err = NULL;
	/* What is wrong with the name is said before the guest has computed for an hour. */
	if (s->profile && !new_file_possible(s->profile))
		return cannot_write(s->profile, errno);
	bh_status status = s->profile ? bh_sampler_new(&g->sampler, g->component, &err) : BH_OK;
	out->sampler = g->sampler;
	return status ? report_error(&(report){.file = g->terms->file}, status, err, -1) : 0;
}

int guest_write_profile(guest *g, const settings *s)
{
	if (!g->sampler)
		return 0;
	bh_error *err = NULL;
	new_file file;
	if (!new_file_begin(&file, s->profile))
		return cannot_write(s->profile, errno);
	bh_status status = bh_sampler_write(g->sampler, file.fd, &err);
	if (!new_file_end(&file, !status))
		return cannot_write(s->profile, errno);
	if (status)
		return report_error(&(report){.file = s->profile}, status, err, -1);
	if (!s->quiet && !s->json)
		say_remark(g->terms->file, "profile written to %s: open it in https://profiler.firefox.com", s->profile);
	return 0;
}

static bool imports_files(const bh_component *component)
{
	const bh_item *item;
	for (size_t i = 0; (item = bh_component_import_at(component, i)); i++)
		if (item->interface && !strncmp(item->interface, "wasi:filesystem/", strlen("wasi:filesystem/")))
			return true;
	return false;
}

report guest_report(const guest *g, const settings *s, const bh_usage *usage)
{
	return (report){.file = g->terms->file,
	                .terms = g->terms,
	                .usage = usage,
	                .show_usage = s->usage,
	                .load_ns = g->load_ns,
	                .needs = &g->needs,
	                .imports_files = imports_files(g->component)};
}

/* To a stream of ours, which is no file to be replaced. */
static bh_status write_to(int fd, const bh_error *err, bh_error **why)
{
	size_t length;
	const void *dump = err ? bh_error_coredump(err, &length) : NULL;
	if (!dump)
		return bh_error_coredump_write(err, "", why); /* says why there is none */
	fflush(stdout);
	if (write_whole(fd, dump, length))
		return BH_OK;
	return bh_error_new(why, BH_E_IO, "%s", strerror(errno));
}

/*
 * What the guest left behind goes where --coredump says. The guest has failed as it is, and what becomes of its dump does
 * not change how.
 */
static void write_coredump(report *about, const settings *s, bh_status status, const bh_error *err, bh_error **why)
{
	bh_category category = bh_status_category(status);
	if (!s->coredump || status == BH_E_EXIT || (category != BH_CATEGORY_GUEST && category != BH_CATEGORY_LIMIT))
		return;
	about->coredump = s->coredump;
	int own = new_file_own_stream(s->coredump);
	if (own >= 0 ? write_to(own, err, why) : bh_error_coredump_write(err, s->coredump, why))
		about->no_coredump = bh_error_message(*why);
}

int guest_failed(const guest *g, const settings *s, const bh_usage *usage, bh_status status, bh_error *err)
{
	report about = guest_report(g, s, usage);
	bh_error *why = NULL;
	write_coredump(&about, s, status, err, &why);
	int code = -1;
	if (status == BH_E_CANCELLED)
		code = interrupt_exit_code();
	else if (status == BH_E_EXIT && err)
		code = bh_error_exit_status(err) ? bh_error_exit_status(err) : EXIT_GUEST_ERR;
	code = report_error(&about, status, err, code ? code : -1);
	bh_error_free(why);
	return code;
}
