#include "peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

enum { ROUNDS = 5 };

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

void peer_beside(const char *name, const char *unit, const char *better, peer_ours *ours, void *data,
                 const char *figure, const char *arguments)
{
	double mine[ROUNDS], theirs[ROUNDS];
	bool peer = peer_there();
	for (int i = 0; i < ROUNDS; i++) {
		mine[i] = ours(data);
		theirs[i] = peer ? peer_figure(figure, arguments) : 0;
	}
	qsort(mine, ROUNDS, sizeof *mine, compare);
	qsort(theirs, ROUNDS, sizeof *theirs, compare);
	printf("{\"name\":\"%s\",\"unit\":\"%s\",\"median\":%.6g,\"samples\":%d,\"better\":\"%s\"", name, unit,
	       mine[ROUNDS / 2], ROUNDS, better);
	if (peer)
		printf(",\"peer\":\"raw wasmtime\",\"peer_median\":%.6g,\"ratio\":%.4g", theirs[ROUNDS / 2],
		       mine[ROUNDS / 2] / theirs[ROUNDS / 2]);
	printf("}\n");
	fflush(stdout);
}

void peer_report_once(const char *name, const char *unit, const char *better, double value)
{
	printf("{\"name\":\"%s\",\"unit\":\"%s\",\"median\":%.6g,\"samples\":1,\"better\":\"%s\"}\n", name, unit, value,
	       better);
	fflush(stdout);
}
