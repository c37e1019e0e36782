/* Threads of ours: they take none of the program's signals, but the faults, which the engine handles. */
#ifndef BH_BASE_THREAD_H
#define BH_BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A variable of each thread, found without a call from within the shared library too. Such variables come out of a small
 * reserve that the C library keeps for libraries loaded late (glibc: 1.6 KiB for all of them), so they are few and small.
 */
#define BH_THREAD_LOCAL _Thread_local __attribute__((tls_model("initial-exec")))

/* Start a thread; `stack` in bytes, 0 for the default. Returns 0 or an error number. */
int bh_thread_start(pthread_t *out, size_t stack, void *(*body)(void *data), void *data);

/*
 * The calling thread is to run soon when it wakes, instead of being left behind threads that compute: its timers ring when they
 * are due, not up to 50 us later, and Linux 6.12 gives it short slices of time (sched(7)). Who asks for the shorter ones goes
 * first; nobody gets more time than before.
 */
void bh_thread_be_prompt(uint64_t slice_ns);

/* The bounds of the calling thread's stack, for below; zero until they were asked for. */
typedef struct {
	uintptr_t low, high;
} bh_stack;

extern BH_THREAD_LOCAL bh_stack bh_thread_stack;
void bh_thread_find_stack(void);

/* Whether the calling thread's stack has so many bytes left. False where that cannot be known. Asked for each call. */
static inline bool bh_thread_has_stack(size_t bytes)
{
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);
	if (!bh_thread_stack.low)
		bh_thread_find_stack();
	/* Elsewhere: a coroutine's, or a signal handler's. */
	return here > bh_thread_stack.low && here < bh_thread_stack.high && here - bh_thread_stack.low > bytes;
}

/* A lock that is held for a few instructions: who finds it taken looks again before going to sleep. */
void bh_lock_init(pthread_mutex_t *lock);

#endif
