#include "peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

enum { MAX_ROUNDS = 15, FEW_ROUNDS = 5 };

bool peer_there(void)
{
	static bool told;
	const char *peer = getenv("RAW_WASMTIME");
	bool there = peer && *peer && access(peer, X_OK) == 0;
	if (!there && !told)
		fprintf(stderr, "bench: no raw-wasmtime: make bench-peers builds it\n");
	told = true;
	return there;
}

double peer_figure(const char *figure, const char *arguments)
{
	char command[2048], wanted[200], line[1000];
	double value = -1;
	snprintf(command, sizeof command, "'%s' %s", getenv("RAW_WASMTIME"), arguments);
	snprintf(wanted, sizeof wanted, "\"name\":\"%s\"", figure);
	FILE *out = popen(command, "r");
	while (out && fgets(line, sizeof line, out)) {
		const char *median = strstr(line, wanted) ? strstr(line, "\"median\":") : NULL;
		if (median)
			value = strtod(median + 9, NULL);
	}
	if (!out || pclose(out) || value < 0)
		bench_die("%s: no figure %s", command, figure);
	return value;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double median(const double *values, unsigned count)
{
	double sorted[MAX_ROUNDS];
	memcpy(sorted, values, count * sizeof *values);
	qsort(sorted, count, sizeof *sorted, compare);
	return sorted[count / 2];
}

void peer_beside(const char *name, const char *unit, const char *better, peer_ours *ours, void *data,
                 const char *figure, const char *arguments)
{
	double mine[MAX_ROUNDS], theirs[MAX_ROUNDS], ratios[MAX_ROUNDS];
	/* Rates are measured for a second each. */
	unsigned rounds = strcmp(better, "higher") ? MAX_ROUNDS : FEW_ROUNDS;
	bool peer = peer_there();
	for (unsigned i = 0; i < rounds; i++) {
		mine[i] = ours(data);
		theirs[i] = peer ? peer_figure(figure, arguments) : 1;
		ratios[i] = mine[i] / theirs[i];
	}
	printf("{\"name\":\"%s\",\"unit\":\"%s\",\"median\":%.6g,\"samples\":%u,\"better\":\"%s\"", name, unit,
	       median(mine, rounds), rounds, better);
	if (peer)
		printf(",\"peer\":\"raw wasmtime\",\"peer_median\":%.6g,\"ratio\":%.4g", median(theirs, rounds),
		       median(ratios, rounds));
	printf("}\n");
	fflush(stdout);
}

void peer_report_once(const char *name, const char *unit, const char *better, double value)
{
	printf("{\"name\":\"%s\",\"unit\":\"%s\",\"median\":%.6g,\"samples\":1,\"better\":\"%s\"}\n", name, unit, value,
	       better);
	fflush(stdout);
}
