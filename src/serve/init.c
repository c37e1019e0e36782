#include "init.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "say.h"

/* What systemd's protocols say of our process number is meant for the child. */
static void rename_in(const char *variable, pid_t from)
{
	const char *value = getenv(variable);
	char text[24];
	if (!value || strtol(value, NULL, 10) != from)
		return;
	snprintf(text, sizeof text, "%ld", (long)getpid());
	setenv(variable, text, 1);
}

/* Wait for all that has died. When the child has: its exit status; otherwise -1. */
static int reap(pid_t child)
{
	int status, code = -1;
	for (pid_t dead; (dead = waitpid(-1, &status, WNOHANG)) > 0;)
		if (dead == child)
			code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return code;
}

void init_become(void)
{
	sigset_t all, before;
	pid_t self = getpid();
	if (self != 1)
		return;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid_t child = fork();
	if (child < 0) {
		say(BH_LOG_WARNING, "process 1 without a child of its own: orphans are not waited for");
		sigprocmask(SIG_SETMASK, &before, NULL);
		return;
	}
	if (!child) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)setpgid(0, 0); /* what a terminal sends comes once, from above */
		sigprocmask(SIG_SETMASK, &before, NULL);
		rename_in("LISTEN_PID", self);
		rename_in("WATCHDOG_PID", self);
		return;
	}
	for (;;) {
		int signal_number = sigwaitinfo(&all, NULL);
		int code = signal_number == SIGCHLD ? reap(child) : -1;
		if (code >= 0)
			_exit(code);
		if (signal_number > 0 && signal_number != SIGCHLD)
			(void)kill(child, signal_number);
	}
}
