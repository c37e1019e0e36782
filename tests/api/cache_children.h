/*
 * Children of a test: `program PART FOLDER USER` plays a part in a folder, and its exit status tells what became of it.
 * A program that uses this has a table of its parts, and its main() hands over to play().
 */
#ifndef BH_TEST_CACHE_CHILDREN_H
#define BH_TEST_CACHE_CHILDREN_H

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "cache_tools.h"

enum { ANSWER = 41, OTHER = 42, NOBODY = 65534, CANNOT = 77, TELLS = 100 };

static inline int tell(outcome found)
{
	return TELLS + 10 * (int)found.warnings + (int)found.origin;
}

enum {
	COMPILED = TELLS + BH_CODE_COMPILED,
	COMPILED_AND_WARNED = COMPILED + 10,
	FROM_DISK = TELLS + BH_CODE_FROM_DISK,
};

/* A guest that is new, and again with another host. */
static inline int play_plain(const char *dir)
{
	outcome new = ask(dir, OTHER);
	outcome again = ask(dir, OTHER);
	EXPECT(new.origin == BH_CODE_COMPILED);
	return tell(again);
}

static inline int play_known(const char *dir)
{
	return tell(ask(dir, ANSWER));
}

typedef struct {
	const char *name;
	int (*play)(const char *dir);
} part;

static inline int play(const part *parts, size_t count, char **argv)
{
	const char *name = argv[1], *dir = argv[2], *user = argv[3];
	if (*user && (setresgid(NOBODY, NOBODY, NOBODY) || setresuid(NOBODY, NOBODY, NOBODY)))
		return 1;
	prctl(PR_SET_DUMPABLE, 1); /* or a leak check at its end would fail */
	for (size_t i = 0; i < count; i++)
		if (SAME(parts[i].name, name))
			return parts[i].play(dir);
	return 1;
}

/* `as_nobody`: root may do anything, so it has to become somebody else for a while. */
static inline pid_t start(const char *name, const char *dir, bool as_nobody)
{
	fflush(NULL);
	pid_t child = fork();
	EXPECT(child >= 0);
	if (child)
		return child;
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failed test leaves nobody behind */
	execl("/proc/self/exe", "part", name, dir, as_nobody ? "nobody" : "", (char *)NULL);
	_exit(1);
}

static inline int end_of(pid_t child)
{
	int status = -1;
	EXPECT(waitpid(child, &status, 0) == child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static inline int in_child(const char *name, const char *dir, bool as_nobody)
{
	return end_of(start(name, dir, as_nobody));
}

/* A cache of theirs with the guest ANSWER in it; the path of its engine's folder. */
static inline const char *cache_of(const char *dir, bool nobody)
{
	static char path[PATH_MAX];
	EXPECT(!mkdir(dir, 0700) && (!nobody || !chown(dir, NOBODY, NOBODY)));
	assert_int_equal(in_child("known", dir, nobody), COMPILED);
	/* The cache would not be opened for root, who is another user: the folder is looked for by hand. */
	char v1[PATH_MAX];
	snprintf(v1, sizeof v1, "%.1000s/v1", dir);
	DIR *folders = opendir(v1);
	for (const struct dirent *entry; (entry = readdir(folders));)
		if (strlen(entry->d_name) == 32)
			snprintf(path, sizeof path, "%.2000s/%.255s", v1, entry->d_name);
	closedir(folders);
	return path;
}

#endif
