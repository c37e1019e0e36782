#include "peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

/* The machine has moods that last for a second: what is quickly measured is measured more often. */
enum { MAX_ROUNDS = 61, MIN_ROUNDS = 15, FEW_ROUNDS = 5, SECONDS = 12 };

static const char *program_of(const char *variable)
{
	const char *program = getenv(variable);
	return program && *program && access(program, X_OK) == 0 ? program : NULL;
}

bool peer_there(void)
{
	static bool told;
	bool there = program_of("RAW_WASMTIME");
	if (!there && !told)
		fprintf(stderr, "bench: no raw-wasmtime: make bench-peers builds it\n");
	told = true;
	return there;
}

static void take_line(const char *line, peer_value *value)
{
	char wanted[200];
	snprintf(wanted, sizeof wanted, "\"name\":\"%s\"", value->name);
	const char *median = strstr(line, wanted) ? strstr(line, "\"median\":") : NULL;
	const char *p99 = median ? strstr(line, "\"p99\":") : NULL;
	if (median)
		value->median = strtod(median + 9, NULL);
	if (p99)
		value->p99 = strtod(p99 + 6, NULL);
}

bool peer_run(const char *variable, const char *arguments, peer_value *values, unsigned count)
{
	char command[2048], line[1000];
	const char *program = program_of(variable);
	if (!program)
		return false;
	snprintf(command, sizeof command, "'%s' %s", program, arguments);
	for (unsigned i = 0; i < count; i++)
		values[i].median = -1;
	FILE *out = popen(command, "r");
	while (out && fgets(line, sizeof line, out))
		for (unsigned i = 0; i < count; i++)
			take_line(line, &values[i]);
	bool ended = out && !pclose(out);
	for (unsigned i = 0; i < count; i++)
		if (!ended || values[i].median < 0)
			bench_die("%s: no figure %s", command, values[i].name);
	return true;
}

double peer_figure(const char *figure, const char *arguments)
{
	peer_value value = {.name = figure};
	if (!peer_run("RAW_WASMTIME", arguments, &value, 1))
		bench_die("no raw-wasmtime");
	return value.median;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

double peer_median(double *values, unsigned count)
{
	qsort(values, count, sizeof *values, compare);
	return values[count / 2];
}

void peer_beside(const char *name, const char *unit, const char *better, peer_ours *ours, void *data,
                 const char *figure, const char *arguments)
{
	double mine[MAX_ROUNDS], theirs[MAX_ROUNDS], ratios[MAX_ROUNDS];
	/* Rates are measured for a second each. */
	unsigned rounds = 0, least = strcmp(better, "higher") ? MIN_ROUNDS : FEW_ROUNDS;
	bool peer = peer_there();
	for (double begin = bench_now(); rounds < least || (rounds < MAX_ROUNDS && bench_now() < begin + SECONDS);
	     rounds++) {
		mine[rounds] = ours(data);
		theirs[rounds] = peer ? peer_figure(figure, arguments) : 1;
		ratios[rounds] = mine[rounds] / theirs[rounds];
	}
	printf("{\"name\":\"%s\",\"unit\":\"%s\",\"median\":%.6g,\"samples\":%u,\"better\":\"%s\"", name, unit,
	       peer_median(mine, rounds), rounds, better);
	if (peer)
		printf(",\"peer\":\"raw wasmtime\",\"peer_median\":%.6g,\"ratio\":%.4g", peer_median(theirs, rounds),
		       peer_median(ratios, rounds));
	printf("}\n");
	fflush(stdout);
}

void peer_report_once(const char *name, const char *unit, const char *better, double value)
{
	printf("{\"name\":\"%s\",\"unit\":\"%s\",\"median\":%.6g,\"samples\":1,\"better\":\"%s\"}\n", name, unit, value,
	       better);
	fflush(stdout);
}
