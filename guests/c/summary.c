/*
 * Sums up numbers from its arguments or stdin: count, mean, deviation, quantiles, a small histogram. An ordinary small
 * command with formatted numbers, sorting, patterns and dates in it, as large as such things are.
 */
#include <errno.h>
#include <math.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wchar.h>

enum { MOST = 100000, BINS = 10 };

static double numbers[MOST];
static size_t count;

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void take(const regex_t *pattern, const char *word)
{
	if (count == MOST)
		return;
	if (regexec(pattern, word, 0, NULL, 0)) {
		fprintf(stderr, "summary: %s: not a number\n", word);
		exit(1);
	}
	numbers[count++] = strtod(word, NULL);
}

static void read_all(const regex_t *pattern)
{
	char word[64];

	while (scanf("%63s", word) == 1)
		take(pattern, word);
}

static double quantile(double part)
{
	double place = part * (double)(count - 1), whole = floor(place);
	size_t at = (size_t)whole;

	return numbers[at] + (at + 1 < count ? (numbers[at + 1] - numbers[at]) * (place - whole) : 0);
}

static void histogram(double low, double high)
{
	size_t bins[BINS] = {0};

	for (size_t i = 0; i < count; i++) {
		size_t bin = high > low ? (size_t)((numbers[i] - low) / (high - low) * BINS) : 0;

		bins[bin < BINS ? bin : BINS - 1]++;
	}
	for (size_t i = 0; i < BINS; i++) {
		printf("%12.4g ", low + (high - low) * (double)i / BINS);
		for (size_t k = 0; k < bins[i] * 40 / count; k++)
			putchar('#');
		putchar('\n');
	}
}

int main(int argc, char **argv)
{
	regex_t pattern;
	double sum = 0, squares = 0, logs = 0;
	char day[64];
	wchar_t wide[64];
	time_t epoch = 0;

	if (regcomp(&pattern, "^[-+]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][-+]?[0-9]+)?$", REG_EXTENDED | REG_NOSUB))
		return 1;
	for (int i = 1; i < argc; i++)
		take(&pattern, argv[i]);
	if (argc == 1)
		read_all(&pattern);
	if (!count)
		return fputs("summary: no numbers\n", stderr), 1;
	qsort(numbers, count, sizeof *numbers, by_size);
	for (size_t i = 0; i < count; i++) {
		sum += numbers[i];
		logs += numbers[i] > 0 ? log(numbers[i]) : 0;
	}
	for (size_t i = 0; i < count; i++)
		squares += pow(numbers[i] - sum / (double)count, 2);
	strftime(day, sizeof day, "%A, %d %B %Y", gmtime(&epoch));
	swprintf(wide, 64, L"%zu numbers", count);
	printf("%ls since %s\n", wide, day);
	printf("mean %.6g, deviation %.6g, geometric %.6g\n", sum / (double)count, sqrt(squares / (double)count),
	       exp(logs / (double)count));
	printf("least %g, median %g, 90 %% %g, most %g\n", numbers[0], quantile(0.5), quantile(0.9), numbers[count - 1]);
	histogram(numbers[0], numbers[count - 1]);
	regfree(&pattern);
	return 0;
}
