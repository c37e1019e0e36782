/* A core dump, read back: every section, to its last byte, with memories put together from their segments. */
#ifndef BH_TEST_COREDUMP_READER_H
#define BH_TEST_COREDUMP_READER_H

#include <stdlib.h>

#include "api.h"

enum { DUMP_MEMORIES = 8, DUMP_GLOBALS = 64, DUMP_MODULES = 32, DUMP_INSTANCES = 32, DUMP_FRAMES = 64 };
#define DUMP_UNKNOWN UINT32_MAX

typedef struct {
	uint8_t *bytes;
	uint64_t size;
	bool wide;
} dump_memory;

typedef struct {
	uint32_t module, memories[DUMP_MEMORIES], globals[DUMP_GLOBALS];
	size_t memory_count, global_count;
} dump_instance;

typedef struct {
	uint32_t instance, function, offset;
} dump_frame;

typedef struct {
	char program[64];
	dump_memory memories[DUMP_MEMORIES];
	size_t memory_count;
	struct {
		uint8_t type;
		bool mutable;
		int64_t value; /* of integers */
	} globals[DUMP_GLOBALS];
	size_t global_count;
	char modules[DUMP_MODULES][80];
	size_t module_count;
	dump_instance instances[DUMP_INSTANCES];
	size_t instance_count;
	dump_frame frames[DUMP_FRAMES];
	size_t frame_count, segments;
} dump;

typedef struct {
	const uint8_t *at, *end;
} dump_reader;

static inline const uint8_t *dump_skip(dump_reader *r, uint64_t count)
{
	EXPECT(count <= (size_t)(r->end - r->at));
	const uint8_t *at = r->at;
	r->at += count;
	return at;
}

static inline uint8_t dump_byte(dump_reader *r)
{
	return *dump_skip(r, 1);
}

static inline int64_t dump_signed(dump_reader *r)
{
	uint64_t number = 0;
	unsigned shift = 0;
	uint8_t byte;
	do {
		EXPECT(shift < 70);
		byte = dump_byte(r);
		number |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80);
	if (shift < 64 && byte & 0x40)
		number |= ~UINT64_C(0) << shift;
	return (int64_t)number;
}

static inline uint64_t dump_number(dump_reader *r)
{
	uint64_t number = 0;
	for (unsigned shift = 0; shift < 70; shift += 7) {
		uint8_t byte = dump_byte(r);
		number |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return number;
	}
	EXPECT(!"a number of ten bytes at the most");
	return 0;
}

static inline size_t dump_count(dump_reader *r, size_t most)
{
	uint64_t count = dump_number(r);
	EXPECT(count <= most);
	return (size_t)count;
}

static inline void dump_text(dump_reader *r, char *out, size_t size)
{
	uint64_t length = dump_number(r);
	const uint8_t *text = dump_skip(r, length);
	snprintf(out, size, "%.*s", (int)length, (const char *)text);
}

static inline int64_t dump_value(dump_reader *r)
{
	int64_t value = 0;
	uint8_t code = dump_byte(r);
	if (code == 0x41 || code == 0x42) /* i32.const, i64.const */
		value = dump_signed(r);
	else if (code == 0x43 || code == 0x44) /* f32.const, f64.const */
		dump_skip(r, code == 0x43 ? 4 : 8);
	else if (code == 0xfd) /* v128.const */
		dump_skip(r, 1 + 16);
	else if (code == 0xd0) /* ref.null */
		dump_byte(r);
	else
		EXPECT(!"a constant");
	EXPECT(dump_byte(r) == 0x0b);
	return value;
}

static inline void dump_read_memories(dump *d, dump_reader *r)
{
	d->memory_count = dump_count(r, DUMP_MEMORIES);
	for (size_t i = 0; i < d->memory_count; i++) {
		dump_memory *memory = &d->memories[i];
		uint8_t flags = dump_byte(r);
		EXPECT(!(flags & ~5));
		memory->wide = flags & 4;
		memory->size = dump_number(r) * 65536;
		if (flags & 1)
			EXPECT(dump_number(r) * 65536 >= memory->size);
		EXPECT(memory->size <= BH_GIB(4));
		memory->bytes = calloc(1, memory->size + 1);
		EXPECT(memory->bytes);
	}
}

static inline void dump_read_globals(dump *d, dump_reader *r)
{
	d->global_count = dump_count(r, DUMP_GLOBALS);
	for (size_t i = 0; i < d->global_count; i++) {
		d->globals[i].type = dump_byte(r);
		uint8_t mutable = dump_byte(r);
		EXPECT(mutable <= 1);
		d->globals[i].mutable = mutable;
		d->globals[i].value = dump_value(r);
	}
}

static inline void dump_read_data(dump *d, dump_reader *r)
{
	d->segments = dump_count(r, UINT32_MAX);
	for (size_t i = 0; i < d->segments; i++) {
		EXPECT(dump_number(r) == 2);
		uint64_t index = dump_number(r);
		EXPECT(index < d->memory_count);
		const dump_memory *memory = &d->memories[index];
		EXPECT(*r->at == (memory->wide ? 0x42 : 0x41));
		int64_t value = dump_value(r);
		uint64_t offset = memory->wide ? (uint64_t)value : (uint32_t)value, length = dump_number(r);
		EXPECT(length && offset + length <= memory->size);
		memcpy(memory->bytes + offset, dump_skip(r, length), length);
		EXPECT(memory->bytes[offset] && memory->bytes[offset + length - 1]);
	}
}

static inline void dump_read_instances(dump *d, dump_reader *r)
{
	d->instance_count = dump_count(r, DUMP_INSTANCES);
	for (size_t i = 0; i < d->instance_count; i++) {
		dump_instance *instance = &d->instances[i];
		EXPECT(dump_byte(r) == 0);
		instance->module = (uint32_t)dump_number(r);
		EXPECT(instance->module < d->module_count);
		instance->memory_count = dump_count(r, DUMP_MEMORIES);
		for (size_t j = 0; j < instance->memory_count; j++) {
			instance->memories[j] = (uint32_t)dump_number(r);
			EXPECT(instance->memories[j] < d->memory_count || instance->memories[j] == DUMP_UNKNOWN);
		}
		instance->global_count = dump_count(r, DUMP_GLOBALS);
		for (size_t j = 0; j < instance->global_count; j++) {
			instance->globals[j] = (uint32_t)dump_number(r);
			EXPECT(instance->globals[j] < d->global_count || instance->globals[j] == DUMP_UNKNOWN);
		}
	}
}

static inline void dump_read_stack(dump *d, dump_reader *r)
{
	char thread[16];
	EXPECT(dump_byte(r) == 0);
	dump_text(r, thread, sizeof thread);
	EXPECT(!strcmp(thread, "main"));
	d->frame_count = dump_count(r, DUMP_FRAMES);
	for (size_t i = 0; i < d->frame_count; i++) {
		EXPECT(dump_byte(r) == 0);
		d->frames[i].instance = (uint32_t)dump_number(r);
		EXPECT(d->frames[i].instance < d->instance_count);
		d->frames[i].function = (uint32_t)dump_number(r);
		d->frames[i].offset = (uint32_t)dump_number(r);
		EXPECT(!dump_number(r) && !dump_number(r)); /* locals and operands are not known */
	}
}

static inline void dump_read_custom(dump *d, dump_reader *r)
{
	char name[32];
	dump_text(r, name, sizeof name);
	if (!strcmp(name, "core")) {
		EXPECT(dump_byte(r) == 0);
		dump_text(r, d->program, sizeof d->program);
	} else if (!strcmp(name, "coremodules")) {
		d->module_count = dump_count(r, DUMP_MODULES);
		for (size_t i = 0; i < d->module_count; i++) {
			EXPECT(dump_byte(r) == 0);
			dump_text(r, d->modules[i], sizeof d->modules[i]);
		}
	} else if (!strcmp(name, "coreinstances")) {
		dump_read_instances(d, r);
	} else {
		EXPECT(!strcmp(name, "corestack"));
		dump_read_stack(d, r);
	}
}

/* Sections come once each, in this order: core, memory, global, data, coremodules, coreinstances, corestack. */
static inline dump *dump_read(const void *bytes, size_t length)
{
	static const uint8_t ids[] = {0, 5, 6, 11, 0, 0, 0};
	dump *d = calloc(1, sizeof *d);
	dump_reader all = {bytes, (const uint8_t *)bytes + length};
	EXPECT(d && !memcmp(dump_skip(&all, 8), "\0asm\1\0\0\0", 8));
	for (size_t i = 0; i < sizeof ids; i++) {
		EXPECT(dump_byte(&all) == ids[i]);
		uint64_t size = dump_number(&all);
		dump_reader section = {dump_skip(&all, size), all.at};
		void (*const readers[])(dump *, dump_reader *) = {
			[5] = dump_read_memories, [6] = dump_read_globals, [11] = dump_read_data};
		(ids[i] ? readers[ids[i]] : dump_read_custom)(d, &section);
		EXPECT(section.at == section.end);
	}
	EXPECT(all.at == all.end && *d->program);
	return d;
}

static inline void dump_free(dump *d)
{
	for (size_t i = 0; i < d->memory_count; i++)
		free(d->memories[i].bytes);
	free(d);
}

/* How often a text is in a memory. */
static inline size_t dump_finds(const dump_memory *memory, const char *text)
{
	size_t found = 0, length = strlen(text);
	for (uint64_t at = 0; at + length <= memory->size; at++)
		found += memory->bytes[at] == (uint8_t)*text && !memcmp(memory->bytes + at, text, length);
	return found;
}

/* The dump of t_err, checked against its frames. */
static inline dump *dump_of_error(void)
{
	size_t length = 0;
	const void *bytes = bh_error_coredump(t_err, &length);
	EXPECT(bytes && length);
	dump *d = dump_read(bytes, length);
	EXPECT(d->frame_count == bh_error_frame_count(t_err));
	for (size_t i = 0; i < d->frame_count; i++) {
		const bh_frame *frame = bh_error_frame(t_err, i);
		const char *module = d->modules[d->instances[d->frames[i].instance].module];
		EXPECT(d->frames[i].function == frame->function_index);
		EXPECT(frame->module ? !strcmp(module, frame->module) : !strncmp(module, "<module ", 8));
	}
	return d;
}

#endif
