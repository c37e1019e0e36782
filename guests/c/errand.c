/* World errand of wit/guests/errand: passes on to bulkhead:host, and says in words what came of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "errand/errand.h"

static void say(errand_string_t *out, const char *before, const errand_string_t *text)
{
	size_t length = strlen(before);
	out->len = length + text->len;
	out->ptr = malloc(out->len);
	memcpy(out->ptr, before, length);
	memcpy(out->ptr + length, text->ptr, text->len);
}

/* "200 http://... what it said" */
bool exports_errand_get(errand_string_t *url, errand_string_t *ret, errand_string_t *err)
{
	static const char *const cases[] = {
		"invalid: ", "denied: ",     "unreachable: ", "tls: ", "timeout: ", "too-large: ", "too-many-redirects: ",
		"busy: ",    "unavailable: "};
	bulkhead_host_network_request_t request = {.method = {(uint8_t *)"GET", 3}, .url = *url};
	bulkhead_host_network_response_t response;
	bulkhead_host_network_error_t error;
	if (!bulkhead_host_network_http_fetch(&request, &response, &error)) {
		say(err, cases[error.tag], &error.val.denied);
		return false;
	}
	char head[1024];
	snprintf(head, sizeof head, "%u %.*s ", response.status, (int)response.url.len, (char *)response.url.ptr);
	say(ret, head, &(errand_string_t){response.body.ptr, response.body.len});
	return true;
}

static bool read_file(errand_string_t *path, errand_list_u8_t *bytes, errand_string_t *err)
{
	static const char *const cases[] = {"denied: ", "not-found: ", "not-a-file: ", "too-large: ", "busy: ", "io: "};
	bulkhead_host_filesystem_error_t error;
	if (bulkhead_host_filesystem_read(path, bytes, &error))
		return true;
	say(err, cases[error.tag], &error.val.denied);
	return false;
}

/* Nothing lies where an empty list is. */
static void free_file(errand_list_u8_t *bytes)
{
	if (bytes->len)
		free(bytes->ptr);
}

bool exports_errand_size(errand_string_t *path, uint32_t *ret, errand_string_t *err)
{
	errand_list_u8_t bytes;
	if (!read_file(path, &bytes, err))
		return false;
	*ret = bytes.len;
	free_file(&bytes);
	return true;
}

bool exports_errand_copies(errand_string_t *path, uint32_t times, uint32_t *ret, errand_string_t *err)
{
	*ret = 0;
	for (uint32_t i = 0; i < times; i++) {
		errand_list_u8_t bytes;
		if (!read_file(path, &bytes, err))
			return false;
		*ret += fwrite(bytes.ptr, 1, bytes.len, stdout);
		fflush(stdout);
		free_file(&bytes);
	}
	return true;
}

/* The same types on both sides, by two names. What comes in is not freed: the instance is soon gone. */

bool exports_bulkhead_host_filesystem_read(errand_string_t *path, errand_list_u8_t *ret,
                                           exports_bulkhead_host_filesystem_error_t *err)
{
	return bulkhead_host_filesystem_read(path, ret, (void *)err);
}

bool exports_bulkhead_host_network_http_fetch(exports_bulkhead_host_network_request_t *request,
                                              exports_bulkhead_host_network_response_t *ret,
                                              exports_bulkhead_host_network_error_t *err)
{
	return bulkhead_host_network_http_fetch((void *)request, (void *)ret, (void *)err);
}

bool exports_bulkhead_host_time_sleep(uint64_t milliseconds, exports_bulkhead_host_time_error_t *err)
{
	return bulkhead_host_time_sleep(milliseconds, (void *)err);
}
