#include "worker.h"

#include <bulkhead.h>
#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exit_code.h"
#include "memory.h"
#include "whole.h"

enum { WORDS = 6 };

/* What a compiler needs: memory, threads, time, and the descriptors that it has. No files, no sockets, no processes. */
static const int allowed[] = {
	SCMP_SYS(read),
	SCMP_SYS(pread64),
	SCMP_SYS(write),
	SCMP_SYS(close),
	SCMP_SYS(fstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(lseek),
	SCMP_SYS(poll),
	SCMP_SYS(mmap),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(mprotect),
	SCMP_SYS(madvise),
	SCMP_SYS(brk),
	SCMP_SYS(futex),
	SCMP_SYS(set_robust_list),
	SCMP_SYS(rseq),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigpending),
	SCMP_SYS(rt_sigtimedwait),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(sched_yield),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(gettid),
	SCMP_SYS(getpid),
	SCMP_SYS(tgkill),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(nanosleep),
	SCMP_SYS(getrandom),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(membarrier),
};

/* What limits there are, but no other ones. */
static bool allow_limits(scmp_filter_ctx filter)
{
	return !seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 2, SCMP_A0(SCMP_CMP_EQ, 0, 0),
	                         SCMP_A2(SCMP_CMP_EQ, 0, 0));
}

/* Threads, but no processes. clone3 hides its flags from filters; refused as unknown, libc asks with clone. */
static bool allow_threads(scmp_filter_ctx filter)
{
	enum { THREAD = 0x00010000 /* CLONE_THREAD */ };
	return !seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, SCMP_A0(SCMP_CMP_MASKED_EQ, THREAD, THREAD)) &&
	       !seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) &&
	       !seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1, SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME, 0));
}

/* Where the kernel does not have it, the limits alone must do; `doctor` says so. */
static void confine(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	bool good = filter;
	for (size_t i = 0; good && i < X_COUNT(allowed); i++)
		good = !seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
	if (good && allow_limits(filter) && allow_threads(filter))
		(void)seccomp_load(filter);
	seccomp_release(filter);
}

bool worker_can_be_confined(void)
{
	return prctl(PR_GET_SECCOMP) >= 0;
}

static void bound(int resource, rlim_t amount)
{
	struct rlimit limit;
	if (getrlimit(resource, &limit) == 0 && limit.rlim_max < amount)
		amount = limit.rlim_max;
	limit = (struct rlimit){amount, amount};
	(void)setrlimit(resource, &limit);
}

static void *read_input(size_t *length)
{
	struct stat info;
	if (fstat(STDIN_FILENO, &info) < 0 || info.st_size < 0)
		return NULL;
	size_t wanted = (size_t)info.st_size;
	char *bytes = x_alloc(wanted + 1);
	if (read_whole(STDIN_FILENO, bytes, wanted, length) && *length == wanted)
		return bytes;
	x_free(bytes);
	return NULL;
}

static int complain(bh_status status, const bh_error *err)
{
	bh_worker_complaint said = {.magic = BH_WORKER_MAGIC, .status = status};
	snprintf(said.message, sizeof said.message, "%s", err ? bh_error_message(err) : bh_status_text(status));
	snprintf(said.hint, sizeof said.hint, "%s", err && bh_error_hint(err) ? bh_error_hint(err) : "");
	/* In the place of what was written, if writing it is what failed. */
	bool told = lseek(BH_WORKER_OUT, 0, SEEK_SET) == 0 && write_whole(BH_WORKER_OUT, &said, sizeof said);
	return told ? EXIT_COMPONENT : EXIT_INTERNAL;
}

/* A sanitizer takes terabytes of address space, and looks at the process from a child of it. */
static bool can_be_bounded(void)
{
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
	return false;
#endif
#endif
	return true;
}

/* Before anything of the input is looked at. */
static void give_up_rights(const char *memory, const char *seconds)
{
	bound(RLIMIT_CORE, 0);
	bound(RLIMIT_CPU, (rlim_t)strtoull(seconds, NULL, 10));
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (!can_be_bounded())
		return;
	bound(RLIMIT_AS, (rlim_t)strtoull(memory, NULL, 10));
	confine();
}

int worker_run(int argc, char **argv)
{
	if (argc != WORDS)
		return EXIT_USAGE;
	give_up_rights(argv[0], argv[1]);
	bh_compile_options options = BH_COMPILE_OPTIONS_INIT;
	options.metered = !strcmp(argv[3], "metered");
	options.profile = strcmp(argv[4], "development") ? BH_PROFILE_PRODUCTION : BH_PROFILE_DEVELOPMENT;
	options.wrap_modules = !strcmp(argv[5], "wrap");
	size_t length;
	void *bytes = read_input(&length);
	if (!bytes)
		return EXIT_INTERNAL;
	bh_error *err = NULL;
	bh_status status = bh_artifact_compile_to(BH_WORKER_OUT, argv[2], bytes, length, &options, &err);
	return status ? complain(status, err) : EXIT_OK;
}
