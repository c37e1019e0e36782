#include "base/thread.h"

#include <signal.h>

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
