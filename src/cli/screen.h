/*
 * A terminal as a screen that is drawn again and again. However the command ends, the terminal is as it was: at SIGINT,
 * SIGTERM and the like the handlers see to it, SIGTSTP gives it back for as long as it lasts.
 */
#ifndef BH_CLI_SCREEN_H
#define BH_CLI_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
	KEY_NONE, /* the time is over, or the screen has another size */
	KEY_UP = 0x100,
	KEY_DOWN,
	KEY_PAGE_UP,
	KEY_PAGE_DOWN,
	KEY_GONE  /* the terminal went */
} screen_key; /* others are characters */

/* Take the terminal that stdout is. */
void screen_enter(void);
void screen_leave(void);

void screen_size(size_t *rows, size_t *columns);

/* Show a frame: lines, with newlines between them, that fit. False: the terminal went. */
bool screen_draw(const char *frame);

/* A key, if one comes within the time. */
int screen_wait(uint32_t ms);

#endif
