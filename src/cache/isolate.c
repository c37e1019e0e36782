#include "cache/isolate.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "bulkhead/artifact.h"
#include "bulkhead/limits.h"

/* What the child finds open: its input, and where the artifact goes. */
enum { CHILD_IN = 0, CHILD_OUT = BH_WORKER_OUT };

static int memory_file(const char *name, const void *data, size_t length)
{
	/* A file in memory, too, must not outgrow the process's limit: that raises SIGXFSZ. */
	if (!bh_may_write(length))
		return -1;
	int fd = memfd_create(name, MFD_CLOEXEC);
	if (fd < 0)
		return -1;
	if (bh_write_all(fd, data, length) && lseek(fd, 0, SEEK_SET) == 0)
		return fd;
	int number = errno;
	close(fd);
	errno = number;
	return -1;
}

static int start(pid_t *child, int in, int out, const bh_variant *variant, const bh_code_options *options,
                 const bh_isolation *isolation)
{
	char memory[32], seconds[16];
	snprintf(memory, sizeof memory, "%" PRIu64, isolation->memory);
	snprintf(seconds, sizeof seconds, "%" PRIu32, isolation->seconds);
	const bh_variant_spec *spec = bh_variant_describe(variant);
	const char *args[] = {isolation->program,
	                      BH_WORKER_COMMAND,
	                      memory,
	                      seconds,
	                      options->name,
	                      spec->metered ? "metered" : "plain",
	                      spec->development ? "development" : "production",
	                      options->wrap ? "wrap" : "whole",
	                      NULL};
	char *const environment[] = {NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in, CHILD_IN);
	posix_spawn_file_actions_adddup2(&actions, out, CHILD_OUT);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addclosefrom_np(&actions, CHILD_OUT + 1);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	int failed = posix_spawn(child, isolation->program, &actions, &attributes, (char *const *)args, environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return failed;
}

/* How the child ended. Where the program has its children reaped for it, only what the child left tells. */
typedef struct {
	bool late; /* it had to be killed */
	int signal;
} ending;

static ending wait_for(pid_t child, uint32_t seconds)
{
	ending end = {0};
	siginfo_t info = {0};
	uint64_t until = bh_after_ms(bh_now(), (uint64_t)seconds * 2000);
	__attribute__((cleanup(bh_close_auto))) int fd = (int)syscall(SYS_pidfd_open, child, 0);
	for (;;) {
		struct pollfd watched = {.fd = fd, .events = POLLIN};
		uint64_t now = bh_now();
		int left = now >= until ? 0 : (int)((until - now) / 1000000) + 1;
		/* Without a descriptor for it, look now and then. */
		int got = fd >= 0 ? poll(&watched, 1, left) : poll(NULL, 0, left < 10 ? left : 10);
		if (got > 0 || (fd < 0 && waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid))
			break;
		if (bh_now() < until)
			continue;
		end.late = true;
		kill(child, SIGKILL);
		break;
	}
	info = (siginfo_t){0};
	if (waitid(P_PID, (id_t)child, &info, WEXITED) == 0 && info.si_code != CLD_EXITED)
		end.signal = info.si_status;
	return end;
}

static bh_status stopped(const ending *end, const bh_isolation *isolation, bh_error **err)
{
	char memory[48];
	bh_limit_format(memory, sizeof memory, BH_LIMIT_MEMORY, isolation->memory);
	bh_error *e;
	if (end->late)
		e = bh_error_begin(err, BH_E_COMPILE, "compiling was stopped after %" PRIu32 " s", isolation->seconds * 2);
	else if (end->signal == SIGXCPU || end->signal == SIGKILL)
		e = bh_error_begin(err, BH_E_COMPILE, "compiling was stopped after %" PRIu32 " s of CPU time",
		                   isolation->seconds);
	else if (end->signal == SIGABRT)
		e = bh_error_begin(err, BH_E_COMPILE, "compiling needs more than the %s of memory it was given", memory);
	else
		e = bh_error_begin(err, BH_E_COMPILE, "the compiler was ended by signal %d", end->signal);
	bh_error_hint_set(e, "It ran in a process of its own, with limits of its own; nothing else was touched.");
	return BH_E_COMPILE;
}

/* What the child says of a component that it could not compile. */
static bh_status complaint(int out, bh_error **err)
{
	bh_worker_complaint said;
	if (pread(out, &said, sizeof said, 0) != sizeof said || memcmp(said.magic, BH_WORKER_MAGIC, sizeof said.magic) != 0)
		return bh_fail(err, BH_E_COMPILE, "the compiler ended without a result");
	said.message[sizeof said.message - 1] = said.hint[sizeof said.hint - 1] = '\0';
	bh_status status = said.status > 0 && said.status < 60 ? (bh_status)said.status : BH_E_COMPILE;
	/* It has no files but ours, and what it compiles is in memory. */
	if (status == BH_E_IO)
		return bh_fail(err, BH_E_SYSTEM, "the compiler's files cannot be written: %s", said.message);
	bh_error *e = bh_error_begin(err, status, "%s", said.message);
	if (said.hint[0])
		bh_error_hint_set(e, "%s", said.hint);
	return status;
}

static bh_status take(bh_code **result, int out, bh_variant *variant, const uint8_t source[BH_HASH], bh_linking linking,
                      bh_error **err)
{
	struct stat info;
	bh_record record;
	if (fstat(out, &info) < 0 || !bh_record_read(&record, out, &info))
		return complaint(out, err);
	if (memcmp(record.engine, bh_variant_identity(variant), BH_HASH) != 0 ||
	    memcmp(record.source, source, BH_HASH) != 0 || bh_record_check(&record, out, 0) != BH_CHECK_GOOD)
		return bh_fail(err, BH_E_SYSTEM, "the program that compiles is another build than this library");
	bh_code_info known = bh_record_info(&record);
	return bh_code_map(result, variant, out, &known, linking, err);
}

bh_status bh_isolated_compile(bh_code **out, bh_variant *variant, const void *bytes, size_t length,
                              const uint8_t source[BH_HASH], const bh_code_options *options,
                              const bh_isolation *isolation, bh_error **err)
{
	__attribute__((cleanup(bh_close_auto))) int from = memory_file("bulkhead-source", bytes, length);
	__attribute__((cleanup(bh_close_auto))) int to = memfd_create("bulkhead-artifact", MFD_CLOEXEC);
	/* The least that it says must have room. */
	if (from < 0 || to < 0 || !bh_may_write(sizeof(bh_worker_complaint)))
		return bh_fail_errno(err, BH_E_SYSTEM, errno, "the compiler's files cannot be made");
	pid_t child;
	int failed = start(&child, from, to, variant, options, isolation);
	if (failed) {
		bh_error *e = bh_error_begin(err, BH_E_SYSTEM, "%s: %s", isolation->program, strerrordesc_np(failed));
		bh_error_hint_set(e,
		                  "That program compiles in a process of its own: name it in bh_component_options.compiler.");
		return BH_E_SYSTEM;
	}
	ending end = wait_for(child, isolation->seconds);
	if (end.late || end.signal)
		return stopped(&end, isolation, err);
	return take(out, to, variant, source, options->linking, err);
}
