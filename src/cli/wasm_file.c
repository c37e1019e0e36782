#include "wasm_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memory.h"
#include "whole.h"

/* Sections that matter here; ids of components and of modules overlap. */
enum { COMPONENT_MODULE = 1, COMPONENT_COMPONENT = 4, MODULE_MEMORY = 5, DEEPEST = 16 };

enum { MEMORY_HAS_MAXIMUM = 1, MEMORY_HAS_PAGE_SIZE = 8 };

static const uint8_t magic[4] = {0, 'a', 's', 'm'};

/* What is left to read. A read past the end, or of nonsense, empties it. */
typedef struct {
	const uint8_t *at;
	const uint8_t *end;
} cursor;

static void give_up(cursor *c)
{
	c->at = c->end;
}

static uint64_t number(cursor *c)
{
	uint64_t value = 0;
	for (unsigned shift = 0; shift < 64 && c->at < c->end; shift += 7) {
		uint8_t byte = *c->at++;
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return value;
	}
	give_up(c);
	return 0;
}

/* The next `length` bytes, which are skipped. */
static cursor part(cursor *c, uint64_t length)
{
	if (length > (uint64_t)(c->end - c->at)) {
		give_up(c);
		return *c;
	}
	cursor inside = {c->at, c->at + length};
	c->at += length;
	return inside;
}

static wasm_kind kind_of(cursor *c)
{
	static const uint8_t module[4] = {1, 0, 0, 0}, component[4] = {13, 0, 1, 0};
	cursor header = part(c, 8);
	if (header.at == header.end || memcmp(header.at, magic, sizeof magic) != 0)
		return WASM_OTHER;
	if (!memcmp(header.at + 4, component, sizeof component))
		return WASM_COMPONENT;
	return memcmp(header.at + 4, module, sizeof module) == 0 ? WASM_MODULE : WASM_OTHER;
}

static void read_memories(cursor c, wasm_file *out)
{
	uint64_t count = number(&c);
	for (uint64_t i = 0; i < count && c.at < c.end; i++) {
		uint64_t flags = number(&c);
		number(&c);
		uint64_t maximum = flags & MEMORY_HAS_MAXIMUM ? number(&c) : 0;
		uint64_t page_bits = flags & MEMORY_HAS_PAGE_SIZE ? number(&c) : 16;
		uint64_t bytes;
		if (page_bits > 16 || __builtin_mul_overflow(maximum, UINT64_C(1) << page_bits, &bytes) ||
		    __builtin_add_overflow(out->maximum, bytes, &out->maximum) || !(flags & MEMORY_HAS_MAXIMUM))
			out->bounded = false;
		out->memories++;
	}
}

static wasm_kind read_sections(cursor c, wasm_file *out, int depth)
{
	wasm_kind kind = kind_of(&c);
	while (kind != WASM_OTHER && c.at < c.end) {
		uint8_t id = *c.at++;
		cursor section = part(&c, number(&c));
		bool nested = kind == WASM_COMPONENT && (id == COMPONENT_MODULE || id == COMPONENT_COMPONENT);
		if (nested && depth < DEEPEST)
			read_sections(section, out, depth + 1);
		else if (kind == WASM_MODULE && id == MODULE_MEMORY)
			read_memories(section, out);
	}
	return kind;
}

static void describe(wasm_file *out, const void *bytes, size_t length)
{
	*out = (wasm_file){.size = length, .bounded = true};
	digest_sha256(out->sha256, bytes, length);
	cursor all = {bytes, (const uint8_t *)bytes + length};
	out->kind = read_sections(all, out, 0);
}

/* Read, not mapped: a file that somebody cuts short meanwhile must not end us by a signal. */
static bh_status describe_open_file(wasm_file *out, int fd)
{
	struct stat info;
	if (fstat(fd, &info) < 0)
		return BH_E_IO;
	if (!S_ISREG(info.st_mode)) {
		errno = S_ISDIR(info.st_mode) ? EISDIR : EINVAL;
		return BH_E_IO;
	}
	size_t size = (size_t)info.st_size, length;
	X_AUTO uint8_t *bytes = x_alloc(size);
	if (!read_whole(fd, bytes, size, &length))
		return BH_E_IO;
	describe(out, bytes, length);
	return BH_OK;
}

bh_status wasm_file_read(wasm_file *out, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? BH_E_NOT_FOUND : BH_E_IO;
	bh_status status = describe_open_file(out, fd);
	int saved = errno;
	close(fd);
	errno = saved;
	return status;
}
