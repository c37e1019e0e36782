/*
 * For tests: answers with any bytes, which C bindings would not. The path of a request is the answer in hexadecimal digits,
 * as it lies in memory; the query, if there is one, is the address that is returned instead of the answer's. "DATA" in the
 * path is the address of 256 bytes of text. From smg:gateway, without bindings.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

__attribute__((export_name("cabi_realloc"))) void *cabi_realloc(void *old, size_t old_size, size_t align, size_t size)
{
	(void)old_size, (void)align;
	return size ? realloc(old, size) : (void *)align;
}

static _Alignas(8) uint8_t answer[64];
static char text[256];

static unsigned digit(char c)
{
	return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'a' + 10);
}

static int32_t decimal(const char *from, size_t length)
{
	uint32_t n = 0;
	for (size_t i = 0; i < length; i++)
		n = n * 10 + (uint32_t)(from[i] - '0');
	return (int32_t)n;
}

static int32_t reply(const char *path, size_t length, const char *query, size_t query_length)
{
	size_t at = 0;
	memset(text, 'x', sizeof text);
	memset(answer, 0, sizeof answer);
	for (size_t i = 0; i + 1 < length && at < sizeof answer;) {
		if (length - i >= 4 && !memcmp(path + i, "DATA", 4)) {
			uint32_t address = (uint32_t)(uintptr_t)text;
			memcpy(answer + at, &address, sizeof address);
			at += 4;
			i += 4;
		} else {
			answer[at++] = (uint8_t)(digit(path[i]) << 4 | digit(path[i + 1]));
			i += 2;
		}
	}
	return query_length ? decimal(query, query_length) : (int32_t)(uintptr_t)answer;
}

__attribute__((export_name("smg:gateway/middleware-on-request#on-request"))) int32_t on_request(
	const char *method, size_t method_length, const char *path, size_t path_length, const char *query,
	size_t query_length, void *headers, size_t header_count, void *body, size_t body_length, void *id, size_t id_length,
	uint64_t now)
{
	(void)method, (void)method_length, (void)headers, (void)header_count, (void)body, (void)body_length, (void)id;
	(void)id_length, (void)now;
	return reply(path, path_length, query, query_length);
}

__attribute__((export_name("smg:gateway/middleware-on-response#on-response"))) int32_t on_response(
	uint32_t status, void *headers, size_t header_count, void *body, size_t body_length)
{
	(void)status, (void)headers, (void)header_count, (void)body, (void)body_length;
	memset(answer, 0, sizeof answer);
	return (int32_t)(uintptr_t)answer;
}
