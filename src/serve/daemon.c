/* The daemon's first thread: signals, moments, and who does what next. */
#include "daemon.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "notify.h"
#include "say.h"

enum { TIDY_MS = 10000, ADMIN_SILENT_MS = 5000 };

/* One duty at a time, on a thread of its own. */
typedef struct {
	bulkheadd *daemon;
	daemon_duty *what; /* NULL: none */
	pthread_t thread;
	atomic_bool done;
	bh_status status;
	bh_error *err;
} duty;

typedef struct {
	bulkheadd daemon;
	duty duty;
	int signals;
	int exit_code;
	bool stopped;
} first_thread;

void daemon_wake(bulkheadd *d)
{
	eventfd_write(d->wake, 1);
}

int daemon_exit_code(bh_status status)
{
	switch (status) {
	case BH_OK:
	case BH_E_CANCELLED:
		return 0;
	case BH_E_CONFIG:
	case BH_E_MISSING_LIMITS:
	case BH_E_POLICY:
	case BH_E_UNSUPPORTED:
		return EXIT_CONFIG;
	case BH_E_NOT_FOUND:
	case BH_E_IO:
		return EXIT_NO_FILE;
	case BH_E_BUSY:
		return EXIT_BUSY;
	case BH_E_DENIED:
	case BH_E_UNTRUSTED:
		return EXIT_DENIED;
	case BH_E_NOT_A_COMPONENT:
	case BH_E_PARSE:
	case BH_E_VALIDATION:
	case BH_E_COMPILE:
	case BH_E_LINK:
	case BH_E_STALE:
		return EXIT_COMPONENT;
	default:
		return EXIT_INTERNAL;
	}
}

static void *do_duty(void *data)
{
	duty *one = data;
	one->status = one->what(one->daemon, &one->err);
	atomic_store(&one->done, true);
	daemon_wake(one->daemon);
	return NULL;
}

static void begin_duty(first_thread *f, daemon_duty *what)
{
	f->duty = (duty){.daemon = &f->daemon, .what = what};
	if (!pthread_create(&f->duty.thread, NULL, do_duty, &f->duty))
		return;
	/* Without a thread for it this one does it, deaf to signals as long. */
	say(BH_LOG_WARNING, "no thread: %s", strerror(errno));
	f->duty.thread = pthread_self();
	do_duty(&f->duty);
}

/* What is to be done next, where nothing is under way. */
static void go_on(first_thread *f)
{
	bulkheadd *d = &f->daemon;
	if (f->duty.what || f->stopped)
		return;
	if (atomic_load(&d->tree_failed) && !atomic_exchange(&d->stopping, true)) {
		say(BH_LOG_ERROR, "too many children crashed too often: the daemon ends");
		f->exit_code = EXIT_INTERNAL;
	}
	if (atomic_load(&d->stopping))
		begin_duty(f, daemon_stop);
	else if (atomic_exchange(&d->reload_wanted, false))
		begin_duty(f, daemon_reload);
}

static void finish_duty(first_thread *f)
{
	duty *one = &f->duty;
	if (!one->what || !atomic_load(&one->done))
		return;
	if (!pthread_equal(one->thread, pthread_self()))
		pthread_join(one->thread, NULL);
	if (one->what == daemon_stop)
		f->stopped = true;
	if (one->what == daemon_start && one->status) {
		f->exit_code = daemon_exit_code(one->status);
		if (one->status != BH_E_CANCELLED)
			say_failure(BH_LOG_ERROR, "not started", one->err);
		atomic_store(&f->daemon.stopping, true);
	}
	bh_error_free(one->err);
	one->what = NULL;
}

static void take_signal(first_thread *f, int number)
{
	bulkheadd *d = &f->daemon;
	if (number == SIGHUP) {
		atomic_store(&d->reload_wanted, true);
		return;
	}
	if (!atomic_exchange(&d->stopping, true)) {
		say(BH_LOG_INFO, "%s: stopping; once more ends it at once", number == SIGINT ? "SIGINT" : "SIGTERM");
		notify("STOPPING=1");
		return;
	}
	say(BH_LOG_WARNING, "asked again: ended at once");
	_exit(128 + number);
}

static void take_signals(first_thread *f)
{
	struct signalfd_siginfo info;
	while (read(f->signals, &info, sizeof info) == sizeof info)
		take_signal(f, (int)info.ssi_signo);
}

/* Whether all that should turn over does: this asks the tree, so that it hangs where that does. */
static bool is_alive(first_thread *f)
{
	bulkheadd *d = &f->daemon;
	if (f->duty.what || !d->tree)
		return true; /* one that takes long is no fault: compiling, stopping */
	(void)bh_child_state_of(bh_supervisor_root(d->tree));
	return !d->server || admin_alive(d->server, ADMIN_SILENT_MS);
}

/* An idle daemon wakes up for the watchdog alone. */
static int timeout_ms(const first_thread *f)
{
	uint64_t watchdog = notify_watchdog_ms();
	bool untidy = !f->duty.what && f->daemon.crew && crew_is_untidy(f->daemon.crew);
	if (untidy && (!watchdog || watchdog > TIDY_MS))
		return TIDY_MS;
	return watchdog ? (int)(watchdog < INT_MAX ? watchdog : INT_MAX) : -1;
}

static void look_after(first_thread *f)
{
	if (notify_watchdog_ms() && is_alive(f))
		notify("WATCHDOG=1");
	if (!f->duty.what && f->daemon.crew)
		crew_tidy(f->daemon.crew);
}

static bool catch_signals(first_thread *f)
{
	sigset_t caught;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	sigemptyset(&caught);
	sigaddset(&caught, SIGHUP);
	sigaddset(&caught, SIGTERM);
	sigaddset(&caught, SIGINT);
	/* Threads that are made from here on inherit this. */
	pthread_sigmask(SIG_BLOCK, &caught, NULL);
	f->signals = signalfd(-1, &caught, SFD_CLOEXEC | SFD_NONBLOCK);
	f->daemon.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return f->signals >= 0 && f->daemon.wake >= 0;
}

int daemon_run(const daemon_options *options)
{
	static first_thread f; /* threads that are asked to hurry may outlast this call */
	f.daemon.options = *options;
	f.daemon.lock = -1;
	if (!catch_signals(&f)) {
		say(BH_LOG_ERROR, "signals: %s", strerror(errno));
		return EXIT_INTERNAL;
	}
	begin_duty(&f, daemon_start);
	struct pollfd waits[] = {{.fd = f.signals, .events = POLLIN}, {.fd = f.daemon.wake, .events = POLLIN}};
	while (!f.stopped) {
		eventfd_t woken;
		(void)poll(waits, 2, timeout_ms(&f));
		(void)!eventfd_read(f.daemon.wake, &woken);
		take_signals(&f);
		finish_duty(&f);
		go_on(&f);
		finish_duty(&f);
		look_after(&f);
	}
	say(BH_LOG_INFO, "stopped");
	return f.exit_code;
}
