/*
 * The harness: time something many times, report median and p99 as one JSON line.
 *
 * Where two things are compared, their samples are taken in turn in one run: the machines are noisy, and a ratio
 * taken that way is worth more than either figure.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
	double *values;
	size_t count;
} bench_samples;

/* One sample of `batch` runs: seconds for the whole batch. */
typedef double bench_fn(void *data, unsigned batch);

/* Time a plain function `batch` times. */
double bench_time(void (*body)(void *data), void *data, unsigned batch);

double bench_now(void);

/* Warm up, then take `count` samples of `batch` runs each; values are seconds a run. */
bench_samples bench_take(bench_fn *fn, void *data, unsigned batch, size_t count);

/* The same for several things in turn. */
void bench_take_in_turn(bench_samples *out, bench_fn *const *fns, void *const *data, const unsigned *batches,
                        size_t things, size_t count);

double bench_median(const bench_samples *samples);
void bench_free(bench_samples *samples);

/* Print a figure, with values multiplied by `scale` to get the unit. Lower is better. */
void bench_report(const char *name, const char *unit, double scale, const bench_samples *samples);
void bench_report_beside(const char *name, const char *unit, double scale, const bench_samples *samples,
                         const char *peer, const bench_samples *peer_samples);

/* Print what is wrong and exit. */
void bench_die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* A file of the guests' folder, whole; its path is built into the program. */
const char *bench_guest(const char *name);
char *bench_read(const char *path, size_t *length);

#endif
