/*
 * Feeding bytes to the library, whatever they are: load, list, instantiate, call everything; and hold the library
 * to its promises on the way. For hostile inputs and fuzzing.
 */
#ifndef BH_TEST_FEED_H
#define BH_TEST_FEED_H

#include <bulkhead.h>

/* Figures of memory mean nothing under a sanitizer. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define FEED_SANITIZED true
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FEED_SANITIZED true
#endif
#ifndef FEED_SANITIZED
#define FEED_SANITIZED false
#endif

/* How far the bytes got. */
typedef enum {
	FEED_REFUSED, /* not loaded, or not instantiated */
	FEED_LOADED,  /* instantiated; it exports nothing that was called */
	FEED_TRAPPED, /* some call failed */
	FEED_RAN      /* every call returned */
} feed_end;

typedef struct {
	feed_end end;
	bh_status status; /* of the first thing that failed */
	size_t exports;
	size_t calls;
	char what[400]; /* the first error's message and its last cause */
} feed_result;

/* Limits that end any guest within milliseconds. */
bh_limits feed_limits(void);

/*
 * Aborts the process where the library breaks a promise; the input's name is printed then (feed_name).
 * `wrap` takes core modules too.
 */
feed_result feed(bh_host *host, const void *bytes, size_t length, bool wrap);

/* The name of what is fed next, printed when the process dies of it or takes longer than `seconds`. */
__attribute__((format(printf, 2, 3))) void feed_name(unsigned seconds, const char *format, ...);

/* No more feeding: the clock is stopped. */
void feed_done(void);

/* A file as a block to free(); NULL if it cannot be read. */
unsigned char *feed_read(const char *path, size_t *length);

#endif
