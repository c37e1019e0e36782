/* Signal handlers belong to the process: the token they fire and the signal that came are kept here. */
#include "interrupt.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

static bh_cancel *_Atomic token;
static volatile sig_atomic_t caught;

static void on_signal(int number)
{
	int saved = errno;
	bh_cancel *cancel = atomic_load(&token);
	if (caught || !cancel)
		_exit(128 + number);
	caught = number;
	bh_cancel_fire(cancel);
	errno = saved;
}

static void catch_one(int number)
{
	struct sigaction old, action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	sigemptyset(&action.sa_mask);
	sigaddset(&action.sa_mask, SIGINT);
	sigaddset(&action.sa_mask, SIGTERM);
	if (sigaction(number, NULL, &old) == 0 && old.sa_handler != SIG_IGN)
		sigaction(number, &action, NULL);
}

void interrupt_catch(void)
{
	catch_one(SIGINT);
	catch_one(SIGTERM);
}

void interrupt_cancels(bh_cancel *cancel)
{
	atomic_store(&token, cancel);
}

int interrupt_exit_code(void)
{
	return caught ? 128 + (int)caught : 0;
}
