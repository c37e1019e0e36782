/*
 * The raw-wasmtime peer (bench/peers): a program that calls the engine directly. It is run in turn with what it is
 * compared with, and its JSON lines are read. $RAW_WASMTIME names it; without it peers are left out.
 */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include <stdbool.h>

/* Whether there is one; says so once if not. */
bool peer_there(void);

/* Run it, and return the median of the figure of that name. */
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
