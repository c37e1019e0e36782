/* Threads of ours: they take none of the program's signals, but the faults, which the engine handles. */
#ifndef BH_BASE_THREAD_H
#define BH_BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * A variable of each thread, found without a call from within the shared library too. Such variables come out of a small
 * reserve that the C library keeps for libraries loaded late (glibc: 1.6 KiB for all of them), so they are few and small.
 */
#define BH_THREAD_LOCAL _Thread_local __attribute__((tls_model("initial-exec")))

/* Start a thread; `stack` in bytes, 0 for the default. Returns 0 or an error number. */
int bh_thread_start(pthread_t *out, size_t stack, void *(*body)(void *data), void *data);

/*
 * The calling thread works for a moment when it wakes, and then sleeps: the kernel is to let it, instead of leaving it behind
 * threads that compute. Linux 6.12 gives it short slices of time for that (sched(7)); others do nothing.
 */
void bh_thread_be_brief(void);

/* Whether the calling thread's stack has so many bytes left. False where that cannot be known. */
bool bh_thread_has_stack(size_t bytes);

/* A lock that is held for a few instructions: who finds it taken looks again before going to sleep. */
void bh_lock_init(pthread_mutex_t *lock);

#endif
