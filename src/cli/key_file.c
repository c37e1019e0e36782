#include "key_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exit_code.h"
#include "output.h"
#include "whole.h"

static const struct {
	const char *label;
	const char *what;
	size_t size;
} kinds[] = {
	[KEY_PUBLIC] = {"bulkhead-public-key-1 ", "a public key", BH_PUBLIC_KEY},
	[KEY_SECRET] = {"bulkhead-secret-key-1 ", "a secret key", BH_SECRET_KEY},
};

enum { MAX_LINE = 256 };

static int not_a_key(const char *path, key_kind kind)
{
	say_error(path, "not %s", kinds[kind].what);
	say_more("bulkhead keygen makes a pair: NAME.key is secret, NAME.pub is public.");
	return EXIT_CONFIG;
}

int key_read(uint8_t *out, key_kind kind, const char *path)
{
	char line[MAX_LINE] = "";
	struct stat info;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	size_t length;
	bool plain = fd >= 0 && fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
	bool good = plain && read_whole(fd, line, sizeof line - 1, &length);
	int number = errno;
	if (fd >= 0)
		close(fd);
	if (!good) {
		say_error(path, "%s", fd < 0 || plain ? strerror(number) : "not a file");
		return EXIT_NO_FILE;
	}
	if (kind == KEY_SECRET && info.st_mode & (S_IRWXG | S_IRWXO)) {
		say_error(path, "others may use this secret key");
		say_more("chmod 600 %s", path);
		return EXIT_CONFIG;
	}
	size_t label = strlen(kinds[kind].label), size = 0;
	const char *end = NULL;
	if (strncmp(line, kinds[kind].label, label) != 0 ||
	    sodium_base642bin(out, kinds[kind].size, line + label, strlen(line + label), "\n", &size, &end,
	                      sodium_base64_VARIANT_ORIGINAL) ||
	    size != kinds[kind].size || *end)
		return not_a_key(path, kind);
	return 0;
}

int key_write(const uint8_t *key, key_kind kind, const char *path)
{
	char text[MAX_LINE], line[MAX_LINE + 64];
	sodium_bin2base64(text, sizeof text, key, kinds[kind].size, sodium_base64_VARIANT_ORIGINAL);
	int length = snprintf(line, sizeof line, "%s%s\n", kinds[kind].label, text);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kind == KEY_SECRET ? 0600 : 0644);
	int number = errno;
	if (fd < 0) {
		say_error(path, "%s", number == EEXIST ? "exists already and was left as it is" : strerror(number));
		return number == EEXIST ? EXIT_CONFIG : EXIT_NO_FILE;
	}
	bool good = write_whole(fd, line, (size_t)length) && fsync(fd) == 0;
	number = errno;
	close(fd);
	if (good)
		return 0;
	unlink(path);
	say_error(path, "%s", strerror(number));
	return EXIT_NO_FILE;
}
