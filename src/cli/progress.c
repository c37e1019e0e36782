/* There is one line of progress, and one thread that writes it. */
#include "progress.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "memory.h"
#include "text.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t stop;
static pthread_t thread;
static char *name;
static bool running, done;

static void *show(void *unused)
{
	(void)unused;
	struct timespec next;
	clock_gettime(CLOCK_MONOTONIC, &next);
	unsigned seconds = 0;
	pthread_mutex_lock(&lock);
	while (!done) {
		next.tv_sec++;
		while (!done && pthread_cond_timedwait(&stop, &lock, &next) == 0)
			;
		if (!done)
			fprintf(stderr, "\rcompiling %.40s ... %u s", name, ++seconds);
	}
	pthread_mutex_unlock(&lock);
	if (seconds)
		fputs("\r\033[K", stderr);
	return NULL;
}

/* The thread takes no signals: the handlers belong to the one that waits for the guest. */
static bool start(void)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	bool started = pthread_create(&thread, NULL, show, NULL) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return started;
}

void progress_begin(const char *file)
{
	if (running || !isatty(STDERR_FILENO))
		return;
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&stop, &attributes);
	pthread_condattr_destroy(&attributes);
	name = text_clean(text_file_name(file));
	done = false;
	running = start();
	if (!running)
		progress_end();
}

void progress_end(void)
{
	if (running) {
		pthread_mutex_lock(&lock);
		done = true;
		pthread_cond_signal(&stop);
		pthread_mutex_unlock(&lock);
		pthread_join(thread, NULL);
		pthread_cond_destroy(&stop);
	}
	running = false;
	x_free(name);
	name = NULL;
}
