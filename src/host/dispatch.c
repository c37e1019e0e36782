/* Telling callers of the end of their calls on a thread of their own. */
#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "host/async.h"
#include "host/roll.h"

void bh_dispatch_init(bh_dispatch *dispatch)
{
	pthread_mutex_init(&dispatch->lock, NULL);
	dispatch->first = dispatch->last = NULL;
	dispatch->fd = -1;
}

void bh_dispatch_deinit(bh_dispatch *dispatch)
{
	bh_dispatch_all(dispatch);
	if (dispatch->fd >= 0)
		close(dispatch->fd);
	pthread_mutex_destroy(&dispatch->lock);
}

/* With the lock held. */
static void ring(const bh_dispatch *dispatch)
{
	uint64_t one = 1;
	if (dispatch->fd >= 0)
		(void)!write(dispatch->fd, &one, sizeof one);
}

void bh_dispatch_add(bh_dispatch *dispatch, bh_call *call)
{
	bh_task_retain(&call->task);
	pthread_mutex_lock(&dispatch->lock);
	call->next_dispatch = NULL;
	if (dispatch->first)
		dispatch->last->next_dispatch = call;
	else
		dispatch->first = call;
	dispatch->last = call;
	if (dispatch->first == call)
		ring(dispatch);
	pthread_mutex_unlock(&dispatch->lock);
}

/* What comes while it tells is for the next time, so that one who starts calls from there is not kept for ever. */
size_t bh_dispatch_all(bh_dispatch *dispatch)
{
	uint64_t count = 0;
	pthread_mutex_lock(&dispatch->lock);
	bh_call *call = dispatch->first;
	dispatch->first = dispatch->last = NULL;
	if (dispatch->fd >= 0)
		(void)!read(dispatch->fd, &count, sizeof count);
	pthread_mutex_unlock(&dispatch->lock);
	size_t told = 0;
	for (bh_call *next; call; call = next, told++) {
		next = call->next_dispatch;
		call->done(call->done_data, call);
		bh_call_free(call);
	}
	return told;
}

int bh_dispatch_fd(bh_dispatch *dispatch)
{
	pthread_mutex_lock(&dispatch->lock);
	if (dispatch->fd < 0) {
		dispatch->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (dispatch->first)
			ring(dispatch);
	}
	int fd = dispatch->fd, number = errno;
	pthread_mutex_unlock(&dispatch->lock);
	errno = number;
	return fd;
}
