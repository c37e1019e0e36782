/* A process has one terminal: how it was, and whether it is taken, is kept here. */
#include "screen.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "memory.h"
#include "whole.h"

/* The other screen, without a cursor; and back. */
static const char enter[] = "\033[?1049h\033[?25l\033[2J";
static const char leave[] = "\033[0m\033[?25h\033[?1049l";

static struct termios before;
static bool has_keys; /* stdin is a terminal too, and `before` is how it was */
static volatile sig_atomic_t taken, changed;

/* What of a mode is not asked for at the moment fails, and that is all; both may be called in handlers. */
static void write_all(const char *text, size_t length)
{
	while (length) {
		ssize_t n = write(STDOUT_FILENO, text, length);
		if (n < 0 && errno != EINTR)
			return;
		text += n > 0 ? n : 0;
		length -= n > 0 ? (size_t)n : 0;
	}
}

static void take_terminal(void)
{
	struct termios raw = before;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO); /* ISIG stays: Ctrl-C and Ctrl-Z are signals */
	raw.c_cc[VMIN] = 0;
	raw.c_cc[VTIME] = 0;
	if (has_keys)
		tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	write_all(enter, sizeof enter - 1);
	taken = 1;
}

static void give_back(void)
{
	if (!taken)
		return;
	taken = 0;
	write_all(leave, sizeof leave - 1);
	if (has_keys)
		tcsetattr(STDIN_FILENO, TCSANOW, &before);
}

static void on_end(int number)
{
	give_back();
	_exit(128 + number);
}

/* The default action stops us here, where the signal is let in; on from here at SIGCONT. */
static void on_stop(int number)
{
	int saved = errno;
	struct sigaction ours, usual = {.sa_handler = SIG_DFL};
	sigset_t just, old;
	give_back();
	sigemptyset(&usual.sa_mask);
	sigaction(number, &usual, &ours);
	sigemptyset(&just);
	sigaddset(&just, number);
	raise(number);
	sigprocmask(SIG_UNBLOCK, &just, &old);
	sigprocmask(SIG_SETMASK, &old, NULL);
	sigaction(number, &ours, NULL);
	take_terminal();
	changed = 1;
	errno = saved;
}

static void on_change(int number)
{
	(void)number;
	changed = 1;
}

static void catch_one(int number, void (*handler)(int))
{
	struct sigaction old, action = {.sa_handler = handler};
	sigfillset(&action.sa_mask);
	if (sigaction(number, NULL, &old) == 0 && old.sa_handler != SIG_IGN)
		sigaction(number, &action, NULL);
}

void screen_enter(void)
{
	static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	has_keys = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &before) == 0;
	for (size_t i = 0; i < X_COUNT(ends); i++)
		catch_one(ends[i], on_end);
	catch_one(SIGTSTP, on_stop);
	catch_one(SIGWINCH, on_change);
	atexit(give_back);
	take_terminal();
}

void screen_leave(void)
{
	give_back();
}

void screen_size(size_t *rows, size_t *columns)
{
	struct winsize size = {0};
	bool told = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col && size.ws_row;
	*rows = told ? size.ws_row : 24;
	*columns = told ? size.ws_col : 80;
}

/* In one write, each line's rest erased and not the whole screen: it does not flicker. */
bool screen_draw(const char *frame)
{
	x_writer out;
	x_text_begin(&out);
	fputs("\033[H", out.stream);
	while (*frame) {
		size_t length = strcspn(frame, "\n");
		fwrite(frame, 1, length, out.stream);
		fputs(frame[length] ? "\033[K\r\n" : "\033[K", out.stream);
		frame += length + (frame[length] == '\n');
	}
	fputs("\033[J", out.stream);
	X_AUTO char *text = x_text_end(&out);
	changed = 0;
	return write_whole(STDOUT_FILENO, text, strlen(text));
}

static int key_of(const char *bytes, ssize_t count)
{
	static const struct {
		const char *sequence;
		int key;
	} rows[] = {{"\033[A", KEY_UP},   {"\033OA", KEY_UP},       {"\033[B", KEY_DOWN},
	            {"\033OB", KEY_DOWN}, {"\033[5~", KEY_PAGE_UP}, {"\033[6~", KEY_PAGE_DOWN}};
	for (size_t i = 0; i < X_COUNT(rows); i++)
		if (count >= (ssize_t)strlen(rows[i].sequence) && !memcmp(bytes, rows[i].sequence, strlen(rows[i].sequence)))
			return rows[i].key;
	return bytes[0] == '\033' ? KEY_NONE : (unsigned char)bytes[0];
}

int screen_wait(uint32_t ms)
{
	char bytes[16];
	struct pollfd keys = {.fd = has_keys ? STDIN_FILENO : -1, .events = POLLIN};
	if (changed)
		return KEY_NONE;
	if (poll(&keys, 1, (int)ms) <= 0)
		return KEY_NONE;
	ssize_t count = read(STDIN_FILENO, bytes, sizeof bytes);
	if (count > 0)
		return key_of(bytes, count);
	return count < 0 && errno == EINTR ? KEY_NONE : KEY_GONE;
}
