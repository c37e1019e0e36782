#include "admin_place.h"

#include <bulkhead.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "exit_code.h"
#include "memory.h"
#include "output.h"
#include "report.h"

enum { SHORTEST_TOKEN = 32, LONGEST_TOKEN = 512 };

static const option_row rows[] = {
	{"socket", 'S', "PATH", "Where the daemon's admin socket is", take_text, offsetof(admin_place, socket)},
	{"url", 0, "URL", "Ask by TCP instead: http://127.0.0.1:9797", take_text, offsetof(admin_place, url)},
	{"token-file", 0, "FILE", "With --url: the file with the token", take_text, offsetof(admin_place, token_file)},
};

option_group admin_group(admin_place *target)
{
	return (option_group){rows, X_COUNT(rows), target};
}

bool admin_place_is_said(const admin_place *place)
{
	return place->socket || place->url || place->token_file;
}

static bool is_url(const char *text)
{
	return !strncmp(text, "http://", strlen("http://")) || !strncmp(text, "https://", strlen("https://"));
}

static int wrong(const char *subject, const char *message, const char *hint)
{
	return report_words(&(report){.file = subject}, BH_E_INVALID, message, hint);
}

static int take_url(admin_target *out, const char *url)
{
	const char *host = is_url(url) ? strstr(url, "://") + strlen("://") : "";
	size_t length = strcspn(host, "/?#@");
	if (!length || (host[length] && strcmp(host + length, "/") != 0))
		return wrong(url, "not where a daemon can be", "Write:  --url http://127.0.0.1:9797");
	out->url = x_copy_n(url, (size_t)(host - url) + length);
	return 0;
}

static int take_socket(admin_target *out, const char *path)
{
	if (!*path || strlen(path) >= sizeof((struct sockaddr_un *)NULL)->sun_path)
		return wrong(path, "not a socket's path: it has 1 to 107 bytes", NULL);
	out->socket = x_copy(path);
	out->url = x_copy("http://bulkhead");
	return 0;
}

static int read_token(admin_target *out, const char *path)
{
	char text[LONGEST_TOKEN + 8];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	int number = errno;
	if (fd >= 0)
		close(fd);
	if (length < 0)
		return report_missing_file(path, number);
	while (length && strchr(" \t\r\n", text[length - 1]))
		length--;
	text[length] = '\0';
	for (ssize_t i = 0; i < length; i++)
		if (text[i] <= ' ' || text[i] > '~')
			length = 0;
	if (length < SHORTEST_TOKEN || length > LONGEST_TOKEN)
		return report_words(&(report){.file = path}, BH_E_CONFIG,
		                    "not a token: that is one line of 32 to 512 characters",
		                    "It is the file that token_file in bulkhead.toml [admin] names.");
	out->token = x_copy(text);
	return 0;
}

static int take_default(admin_target *out)
{
	char *path = bh_config_default_socket();
	if (path) {
		int code = take_socket(out, path);
		bh_string_free(path);
		return code;
	}
	x_no_memory();
}

int admin_target_settle(admin_target *out, const admin_place *place)
{
	const char *said = getenv("BULKHEAD_ADMIN"), *file = place->token_file;
	int code;
	if (place->socket && place->url)
		return wrong(NULL, "--socket or --url, not both", NULL);
	if (place->url)
		code = take_url(out, place->url);
	else if (place->socket)
		code = take_socket(out, place->socket);
	else if (said && is_url(said))
		code = take_url(out, said);
	else
		code = said && *said ? take_socket(out, said) : take_default(out);
	if (code)
		return code;
	if (file && out->socket)
		return wrong(NULL, "--token-file goes with --url: over the socket there is no token", NULL);
	if (!file && !out->socket)
		file = getenv("BULKHEAD_ADMIN_TOKEN_FILE");
	return file && *file ? read_token(out, file) : 0;
}

void admin_target_deinit(admin_target *target)
{
	x_free(target->socket);
	x_free(target->url);
	x_free(target->token);
	*target = (admin_target){0};
}
