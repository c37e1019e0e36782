#include "bench.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

double bench_now(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

double bench_time(void (*body)(void *data), void *data, unsigned batch)
{
	double start = bench_now();
	for (unsigned i = 0; i < batch; i++)
		body(data);
	return bench_now() - start;
}

void bench_die(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fprintf(stderr, "bench: ");
	vfprintf(stderr, format, args);
	fprintf(stderr, "\n");
	va_end(args);
	exit(1);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* After a rest a processor is slow for up to 70 ms. */
enum { WARM_MS = 100 };

void bench_take_in_turn(bench_samples *out, bench_fn *const *fns, void *const *data, const unsigned *batches,
                        size_t things, size_t count)
{
	size_t warm = count / 10 + 1;
	for (size_t t = 0; t < things; t++) {
		out[t] = (bench_samples){calloc(count, sizeof(double)), count};
		if (!out[t].values)
			bench_die("out of memory");
	}
	double begin = bench_now();
	for (size_t i = 0; i < warm || bench_now() < begin + WARM_MS * 1e-3; i++)
		for (size_t t = 0; t < things; t++)
			fns[t](data[t], batches[t]);
	for (size_t i = 0; i < count; i++)
		for (size_t t = 0; t < things; t++)
			out[t].values[i] = fns[t](data[t], batches[t]) / batches[t];
	for (size_t t = 0; t < things; t++)
		qsort(out[t].values, count, sizeof(double), compare);
}

bench_samples bench_take(bench_fn *fn, void *data, unsigned batch, size_t count)
{
	bench_samples samples;
	bench_take_in_turn(&samples, &fn, &data, &batch, 1, count);
	return samples;
}

double bench_median(const bench_samples *samples)
{
	return samples->values[samples->count / 2];
}

static double p99(const bench_samples *samples)
{
	return samples->values[(samples->count * 99) / 100];
}

void bench_free(bench_samples *samples)
{
	free(samples->values);
	samples->values = NULL;
}

static void start_line(const char *name, const char *unit, double scale, const bench_samples *samples)
{
	printf("{\"name\":\"%s\",\"unit\":\"%s\",\"median\":%.9g,\"p99\":%.9g,\"samples\":%zu,\"better\":\"lower\"", name,
	       unit, bench_median(samples) * scale, p99(samples) * scale, samples->count);
}

void bench_report(const char *name, const char *unit, double scale, const bench_samples *samples)
{
	start_line(name, unit, scale, samples);
	printf("}\n");
	fflush(stdout);
}

void bench_report_beside(const char *name, const char *unit, double scale, const bench_samples *samples,
                         const char *peer, const bench_samples *peer_samples)
{
	start_line(name, unit, scale, samples);
	printf(",\"peer\":\"%s\",\"peer_median\":%.9g,\"ratio\":%.4g}\n", peer, bench_median(peer_samples) * scale,
	       bench_median(samples) / bench_median(peer_samples));
	fflush(stdout);
}

const char *bench_guest(const char *name)
{
	static char path[1024];
	snprintf(path, sizeof path, "%s/%s", BH_TEST_GUESTS_DIR, name);
	return path;
}

char *bench_read(const char *path, size_t *length)
{
	FILE *file = fopen(path, "rb");
	if (!file)
		bench_die("%s: cannot be opened", path);
	fseek(file, 0, SEEK_END);
	*length = (size_t)ftell(file);
	rewind(file);
	char *data = malloc(*length + 1);
	if (!data || fread(data, 1, *length, file) != *length)
		bench_die("%s: cannot be read", path);
	fclose(file);
	return data;
}
