/* Signal handlers belong to the process: the token they fire and the signal that came are kept here. */
#include "interrupt.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "memory.h"

static bh_cancel *_Atomic token;
static volatile sig_atomic_t caught;

/* What is left to say at a signal: written down before, as a handler may only write. */
typedef struct {
	char *text;
	size_t length;
	int fd;
} last_words;

static last_words at_int, at_term;
static atomic_bool has_words;

static void leave(int number)
{
	const last_words *words = number == SIGINT ? &at_int : &at_term;
	if (!caught && atomic_load(&has_words))
		(void)!write(words->fd, words->text, words->length);
	_exit(128 + number);
}

static void on_signal(int number)
{
	int saved = errno;
	bh_cancel *cancel = atomic_load(&token);
	if (caught || !cancel)
		leave(number);
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

void interrupt_says(int number, int fd, char *text)
{
	last_words *words = number == SIGINT ? &at_int : &at_term;
	atomic_store(&has_words, false);
	x_free(words->text);
	*words = (last_words){text, strlen(text), fd};
	atomic_store(&has_words, at_int.text && at_term.text);
}

void interrupt_cancels(bh_cancel *cancel)
{
	atomic_store(&has_words, false);
	atomic_store(&token, cancel);
}

int interrupt_exit_code(void)
{
	return caught ? 128 + (int)caught : 0;
}
