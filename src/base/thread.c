#include "base/thread.h"

#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A fault raised by the thread itself cannot wait: blocked, it would end the process. */
static const int faults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};

int bh_thread_start(pthread_t *out, size_t stack, void *(*body)(void *data), void *data)
{
	sigset_t blocked, before;
	pthread_attr_t attributes;
	sigfillset(&blocked);
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
		sigdelset(&blocked, faults[i]);
	pthread_attr_init(&attributes);
	if (stack)
		pthread_attr_setstacksize(&attributes, stack);
	pthread_sigmask(SIG_SETMASK, &blocked, &before);
	int failed = pthread_create(out, &attributes, body, data);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return failed;
}

void bh_thread_be_prompt(uint64_t slice_ns)
{
	(void)prctl(PR_SET_TIMERSLACK, 1UL);
	/* `struct sched_attr` of sched_setattr(2), as far as the first kernel that had it. */
	struct {
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t runtime, deadline, period;
	} attributes = {.size = sizeof attributes, .nice = getpriority(PRIO_PROCESS, 0), .runtime = slice_ns};
	int policy = sched_getscheduler(0);
	attributes.policy = (uint32_t)policy;
	if (policy == SCHED_OTHER || policy == SCHED_BATCH)
		(void)syscall(SYS_sched_setattr, 0, &attributes, 0);
}

BH_THREAD_LOCAL bh_stack bh_thread_stack;

/* Asked for once: for the main thread the answer takes reading a file. */
void bh_thread_find_stack(void)
{
	pthread_attr_t attributes;
	void *base = NULL;
	size_t size = 0;
	bh_thread_stack = (bh_stack){1, 1}; /* asked, and not known */
	if (pthread_getattr_np(pthread_self(), &attributes))
		return;
	if (!pthread_attr_getstack(&attributes, &base, &size))
		bh_thread_stack = (bh_stack){(uintptr_t)base, (uintptr_t)base + size};
	pthread_attr_destroy(&attributes);
}

void bh_lock_init(pthread_mutex_t *lock)
{
	pthread_mutexattr_t attributes;
	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ADAPTIVE_NP);
	pthread_mutex_init(lock, &attributes);
	pthread_mutexattr_destroy(&attributes);
}
