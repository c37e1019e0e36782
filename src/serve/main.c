/* bulkheadd: keeps the components of a bulkhead.toml running. `bulkhead serve` starts it. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "daemon.h"
#include "init.h"
#include "notify.h"
#include "say.h"

static const char usage[] = "usage: bulkheadd [--strict] [bulkhead.toml]\n"
							"Keeps the components that the file names running. man bulkheadd, man bulkhead.toml\n";

/* A program started without standard descriptors would hand their numbers to files of its own. */
static void occupy_standard_descriptors(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR | O_NOCTTY) != fd)
			_exit(EXIT_INTERNAL);
}

/* Each child takes three descriptors, and each connection one. */
static void raise_descriptors(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		say(BH_LOG_DEBUG, "open files stay at %llu", (unsigned long long)limit.rlim_cur);
}

int main(int argc, char **argv)
{
	static const struct option rows[] = {
		{"strict", no_argument, NULL, 's'}, {"help", no_argument, NULL, 'h'}, {"version", no_argument, NULL, 'V'}, {0}};
	daemon_options options = {.config = "bulkhead.toml"};
	occupy_standard_descriptors();
	for (int letter; (letter = getopt_long(argc, argv, "shV", rows, NULL)) >= 0;)
		switch (letter) {
		case 's':
			options.strict = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return fflush(stdout) ? EXIT_INTERNAL : 0;
		case 'V':
			printf("bulkheadd %s\n", BH_VERSION);
			return fflush(stdout) ? EXIT_INTERNAL : 0;
		default:
			fputs(usage, stderr);
			return EXIT_USAGE;
		}
	if (argc - optind > 1) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	if (optind < argc)
		options.config = argv[optind];
	say_begin();
	init_become();
	notify_begin();
	raise_descriptors();
	return daemon_run(&options);
}
