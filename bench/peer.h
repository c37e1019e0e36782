/*
 * Peers (bench/peers): programs that are run in turn with what they are compared with, and whose JSON lines are read.
 * raw-wasmtime calls the engine directly; smg-wasm is the gateway that others have. $RAW_WASMTIME and $SMG_WASM name them;
 * without them peers are left out.
 */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include <stdbool.h>

/* A figure that a peer printed. */
typedef struct {
	const char *name;
	double median, p99;
} peer_value;

/* Run the program that an environment variable names, and fill in the figures. False: there is no such program. */
bool peer_run(const char *variable, const char *arguments, peer_value *values, unsigned count);

/* Of numbers; which are sorted. */
double peer_median(double *values, unsigned count);

/* Whether there is raw-wasmtime; says so once if not. */
bool peer_there(void);

/* Run raw-wasmtime, and return the median of the figure of that name. */
double peer_figure(const char *figure, const char *arguments);

/*
 * A figure of ours that was measured a few times, in turn with one of the peer's. Medians of both are reported, and that of
 * the ratios of each pair: what slows the machine down for a while slows both down.
 */
typedef double peer_ours(void *data);
void peer_beside(const char *name, const char *unit, const char *better, peer_ours *ours, void *data,
                 const char *figure, const char *arguments);

/* A figure that was measured once. */
void peer_report_once(const char *name, const char *unit, const char *better, double value);

#endif
