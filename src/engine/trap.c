/* What the engine's errors mean in our terms. */
#include <string.h>

#include "base/text.h"
#include "engine/meter.h"
#include "engine/type.h"

/*
 * Wasmtime's trap codes, by number: asserted to be these in its C API (trap.rs). Kinds that come only from the
 * component model's async built-ins, which are switched off, are one kind.
 */
static const bh_trap traps[] = {
	[0] = BH_TRAP_STACK_OVERFLOW,
	[1] = BH_TRAP_MEMORY_OUT_OF_BOUNDS,
	[2] = BH_TRAP_HEAP_MISALIGNED,
	[3] = BH_TRAP_TABLE_OUT_OF_BOUNDS,
	[4] = BH_TRAP_INDIRECT_CALL_TO_NULL,
	[5] = BH_TRAP_BAD_SIGNATURE,
	[6] = BH_TRAP_INTEGER_OVERFLOW,
	[7] = BH_TRAP_INTEGER_DIVISION_BY_ZERO,
	[8] = BH_TRAP_BAD_CONVERSION,
	[9] = BH_TRAP_UNREACHABLE,
	[10] = BH_TRAP_INTERRUPTED,
	[11] = BH_TRAP_OUT_OF_FUEL,
	[12] = BH_TRAP_ATOMIC_WAIT,
	[13] = BH_TRAP_NULL_REFERENCE,
	[14] = BH_TRAP_ARRAY_OUT_OF_BOUNDS,
	[15] = BH_TRAP_ALLOCATION_TOO_LARGE,
	[16] = BH_TRAP_CAST_FAILURE,
	[17] = BH_TRAP_CANNOT_ENTER,
	[18] = BH_TRAP_ASYNC,
	[19] = BH_TRAP_UNHANDLED_TAG,
	[20] = BH_TRAP_CONTINUATION_CONSUMED,
	[21] = BH_TRAP_DISABLED_OPCODE,
	[22] = BH_TRAP_ASYNC,
	[23] = BH_TRAP_CANNOT_LEAVE,
	[24] = BH_TRAP_CANNOT_BLOCK,
	[25] = BH_TRAP_INVALID_CHAR,
	[26] = BH_TRAP_ENGINE_ASSERTION,
	[27] = BH_TRAP_ENGINE_ASSERTION,
	[28] = BH_TRAP_ENGINE_ASSERTION,
	[29] = BH_TRAP_ENGINE_ASSERTION,
	[30] = BH_TRAP_STRING_OUT_OF_BOUNDS,
	[31] = BH_TRAP_LIST_OUT_OF_BOUNDS,
	[32] = BH_TRAP_INVALID_DISCRIMINANT,
	[33] = BH_TRAP_UNALIGNED_POINTER,
	[34 ... 45] = BH_TRAP_ASYNC,
	[46] = BH_TRAP_REFERENCE_COUNT_OVERFLOW,
	[47] = BH_TRAP_ASYNC,
	[48] = BH_TRAP_ASYNC,
	[49] = BH_TRAP_UNCAUGHT_EXCEPTION,
};

bh_trap bh_trap_of(int32_t code)
{
	if (code < 0)
		return BH_TRAP_NONE;
	if ((size_t)code >= BH_COUNT(traps))
		return BH_TRAP_UNKNOWN;
	return traps[code];
}

/*
 * Checks at component boundaries that the engine reports as text, without a trap code. The texts are those of the
 * pinned version; one that is not found here is an unknown trap, not a wrong one.
 */
static const struct {
	const char *part;
	bh_trap trap;
} texts[] = {
	{"realloc return: result not aligned", BH_TRAP_UNALIGNED_POINTER},
	{"realloc return: beyond end of memory", BH_TRAP_LIST_OUT_OF_BOUNDS},
	{"string pointer not aligned", BH_TRAP_UNALIGNED_POINTER},
	{"string pointer/length out of bounds", BH_TRAP_STRING_OUT_OF_BOUNDS},
	{"list pointer/length out of bounds", BH_TRAP_LIST_OUT_OF_BOUNDS},
	{"list pointer is not aligned", BH_TRAP_UNALIGNED_POINTER},
	{"pointer not aligned", BH_TRAP_UNALIGNED_POINTER},
	{"pointer out of bounds", BH_TRAP_MEMORY_OUT_OF_BOUNDS},
	{"discriminant", BH_TRAP_INVALID_DISCRIMINANT},
	{"invalid utf-8", BH_TRAP_BAD_UTF8},
	{"a string is not UTF-8", BH_TRAP_BAD_UTF8},
	{"invalid utf-16", BH_TRAP_BAD_UTF8},
	{"invalid utf8 encoding", BH_TRAP_BAD_UTF8},
	{"invalid utf16 encoding", BH_TRAP_BAD_UTF8},
	{"unpaired surrogate", BH_TRAP_BAD_UTF8},
	{"converted integer out of range for `char`", BH_TRAP_INVALID_CHAR},
	{"unknown handle index", BH_TRAP_BAD_HANDLE},
	{"is not a resource", BH_TRAP_BAD_HANDLE},
	{"is not an own resource", BH_TRAP_BAD_HANDLE},
	{"owned resource while borrowed", BH_TRAP_BAD_HANDLE},
	{"cannot lift own resource", BH_TRAP_BAD_HANDLE},
	{"borrow handles still remain", BH_TRAP_BAD_HANDLE},
	{"handle index", BH_TRAP_BAD_HANDLE},
	{"type mismatch with resource", BH_TRAP_BAD_HANDLE},
	{"GC heap out of memory", BH_TRAP_ALLOCATION_TOO_LARGE},
	{"thrown Wasm exception", BH_TRAP_UNCAUGHT_EXCEPTION},
};

/* Bounds of ours that the engine checks, and reports as text. */
static const struct {
	const char *part;
	bh_limit limit;
} bounds[] = {
	{"fuel allocated for hostcalls", BH_LIMIT_HOSTCALL_BYTES},
	{"resource limit exceeded: instance count", BH_LIMIT_INSTANCES},
	{"resource limit exceeded: table count", BH_LIMIT_TABLES},
	{"resource limit exceeded: memory count", BH_LIMIT_MEMORIES},
	{"resource table has no free keys", BH_LIMIT_RESOURCES},
	{"store handle limit exceeded", BH_LIMIT_RESOURCES},
	{"table minimum size", BH_LIMIT_TABLE_ELEMENTS},
	{"memory minimum size", BH_LIMIT_MEMORY},
};

typedef struct {
	bh_error *e;
	char *first;
	char *last;
	bh_trap trap;
	bh_limit limit;
	bool no_room; /* the system had no memory to map */
} causes;

/* ENOMEM, as the engine's errors of mmap(2) and mprotect(2) end with. */
#define NO_ROOM "(os error 12)"

static void note_cause(void *data, const uint8_t *text, size_t length)
{
	causes *c = data;
	char *cause = bh_text_tame((const char *)text, length);
	if (!cause)
		return;
	for (size_t i = 0; !c->trap && i < BH_COUNT(texts); i++)
		if (strstr(cause, texts[i].part))
			c->trap = texts[i].trap;
	for (size_t i = 0; !c->limit && i < BH_COUNT(bounds); i++)
		if (strstr(cause, bounds[i].part))
			c->limit = bounds[i].limit;
	c->no_room |= strstr(cause, NO_ROOM) != NULL;
	if (c->e)
		bh_error_cause_add(c->e, "%s", cause);
	if (!c->first)
		c->first = bh_strdup(cause);
	bh_free(c->last);
	c->last = cause;
}

char *bh_engine_text(const wasmtime_error_t *e)
{
	causes c = {0};
	bhx_error_causes(e, note_cause, &c);
	bh_free(c.first);
	return c.last;
}

char *bh_engine_outer_text(const wasmtime_error_t *e)
{
	causes c = {0};
	bhx_error_causes(e, note_cause, &c);
	bh_free(c.last);
	return c.first;
}

static void add_causes(bh_error *e, const wasmtime_error_t *engine_error)
{
	causes c = {.e = e};
	bhx_error_causes(engine_error, note_cause, &c);
	bh_free(c.first);
	bh_free(c.last);
}

static char *frame_text(bhx_text_t text)
{
	return text.data ? bh_text_tame(text.data, text.length) : NULL;
}

static void add_frame(void *data, const bhx_frame_t *frame)
{
	BH_AUTO(bh_free) char *function = frame_text(frame->function);
	BH_AUTO(bh_free) char *module = frame_text(frame->module);
	BH_AUTO(bh_free) char *file = frame_text(frame->file);
	bh_frame kept = {
		.function = function,
		.module = module,
		.file = file,
		.line = frame->line,
		.column = frame->column,
		.function_index = frame->function_index,
		.offset = frame->offset,
	};
	bh_error_frame_add(data, &kept);
}

void bh_engine_frames(bh_error *e, const wasmtime_error_t *engine_error)
{
	if (e)
		bhx_error_frames(engine_error, add_frame, e);
}

bh_status bh_engine_fail(bh_error **err, bh_status status, wasmtime_error_t *engine_error, const char *format, ...)
{
	if (err) {
		va_list args;
		va_start(args, format);
		BH_AUTO(bh_free) char *headline = bh_vformat(format, args);
		va_end(args);
		bh_error *e = bh_error_begin(err, status, "%s", headline ? headline : bh_status_text(status));
		if (e)
			add_causes(e, engine_error);
	}
	wasmtime_error_delete(engine_error);
	return status;
}

/* A limit of ours ended the guest. */
static bh_error *limit_error(bh_error **err, bh_status status, bh_limit limit, uint64_t allowed, uint64_t attempted)
{
	const bh_limit_info *info = bh_limit_describe(limit);
	char had[48], wanted[48];
	bh_limit_format(had, sizeof had, limit, allowed);
	bh_limit_format(wanted, sizeof wanted, limit, attempted);
	const char *name = limit == BH_LIMIT_MEMORY ? "memory" : info->text;
	bh_error *e = attempted ? bh_error_begin(err, status, "%s limit reached: %s allowed, %s wanted (%s)", name, had,
	                                         wanted, info->key)
	                        : bh_error_begin(err, status, "%s limit reached: %s allowed (%s)", name, had, info->key);
	bh_error_limit_set(e, limit, allowed, attempted);
	bh_error_trap_set(e, limit == BH_LIMIT_MEMORY ? BH_TRAP_MEMORY_LIMIT : BH_TRAP_RESOURCE_LIMIT);
	return e;
}

bh_status bh_meter_reached(const bh_meter *meter, bh_limit limit, bh_error **err)
{
	limit_error(err, BH_E_RESOURCE_LIMIT, limit, bh_limits_get(meter->limits, limit), 0);
	return BH_E_RESOURCE_LIMIT;
}

/* All instances of the host have used up together what they may. */
static bh_error *budget_error(bh_error **err, const bh_meter *meter)
{
	char had[48], wanted[48];
	uint64_t has = meter->budget.reserved + meter->taken;
	bh_limit_format(had, sizeof had, BH_LIMIT_MEMORY, has);
	bh_limit_format(wanted, sizeof wanted, BH_LIMIT_MEMORY, meter->attempted);
	bh_error *e = bh_error_begin(err, BH_E_MEMORY_LIMIT,
	                             "the host's memory budget is spent: the instance has %s, %s wanted (memory_budget)",
	                             had, wanted);
	bh_error_hint_set(e, "The component's own limit would allow it. Give back instances, or raise memory_budget; what "
	                     "an instance must always be able to get is its initial_memory.");
	bh_error_limit_set(e, BH_LIMIT_MEMORY, has, meter->attempted);
	bh_error_trap_set(e, BH_TRAP_MEMORY_LIMIT);
	return e;
}

static bh_status refused(const bh_meter *meter, bh_error **err, bh_error **e)
{
	if (meter->over_budget) {
		*e = budget_error(err, meter);
		return BH_E_MEMORY_LIMIT;
	}
	bh_status status = meter->refused == BH_LIMIT_MEMORY ? BH_E_MEMORY_LIMIT : BH_E_RESOURCE_LIMIT;
	*e = limit_error(err, status, meter->refused, bh_limits_get(meter->limits, meter->refused), meter->attempted);
	return status;
}

static bh_status out_of_fuel(const bh_meter *meter, bh_error **err, bh_error **e)
{
	char allowed[48];
	bh_limit_format(allowed, sizeof allowed, BH_LIMIT_FUEL, meter->limits->fuel);
	*e = bh_error_begin(err, BH_E_OUT_OF_FUEL, "out of fuel: %s allowed a call (max_fuel_per_execution)", allowed);
	bh_error_limit_set(*e, BH_LIMIT_FUEL, meter->limits->fuel, 0);
	bh_error_trap_set(*e, BH_TRAP_OUT_OF_FUEL);
	return BH_E_OUT_OF_FUEL;
}

static bh_status exited(const bh_meter *meter, int exit_status, bh_error **err, bh_error **e)
{
	/* A guest that was refused memory and gave up ends because of the limit. */
	if (exit_status && meter->refused)
		return refused(meter, err, e);
	*e = bh_error_begin(err, BH_E_EXIT, "exited with %d", exit_status);
	bh_error_exit_set(*e, exit_status);
	bh_error_trap_set(*e, BH_TRAP_EXIT);
	return BH_E_EXIT;
}

static bh_status trapped(const bh_meter *meter, bh_trap trap, bh_error **err, bh_error **e)
{
	if (trap == BH_TRAP_OUT_OF_FUEL)
		return out_of_fuel(meter, err, e);
	if (meter->refused)
		return refused(meter, err, e);
	*e = bh_error_begin(err, BH_E_TRAP, "trapped: %s", bh_trap_text(trap));
	bh_error_trap_set(*e, trap);
	return BH_E_TRAP;
}

/* Of the address space, the maps, or memory itself: none of it is the guest's fault. */
static bh_status no_room(bh_error **err, bh_error **e)
{
	*e = bh_error_begin(err, BH_E_NO_MEMORY,
	                    "the system has no address space, maps or memory left for the guest's memory or stack");
	bh_error_hint_set(
		*e, "Each memory of a live guest reserves 4 GiB of address space and about two maps: look at ulimit -v, "
			"vm.max_map_count and the memory limit of the program's control group. bulkhead doctor says how "
			"many fit; bound them with max_instances, or give some back.");
	return BH_E_NO_MEMORY;
}

/* First match wins: whichever limit ended the guest names the error. */
static bh_status headline(const bh_meter *meter, const bhx_error_info_t *info, const causes *found, bh_error **err,
                          bh_error **e)
{
	if (info->exited)
		return exited(meter, info->exit_status, err, e);
	if (info->pool_full) {
		*e = bh_error_begin(err, BH_E_BUSY, "all instance slots of the host are taken");
		return BH_E_BUSY;
	}
	if (info->raised == BH_RAISE_OPEN_FILES || info->raised == BH_RAISE_IO_BYTES) {
		bh_limit limit = info->raised == BH_RAISE_OPEN_FILES ? BH_LIMIT_OPEN_FILES : BH_LIMIT_IO_BYTES;
		*e = limit_error(err, BH_E_RESOURCE_LIMIT, limit, bh_limits_get(meter->limits, limit), 0);
		return BH_E_RESOURCE_LIMIT;
	}
	if (info->raised == BH_RAISE_NO_MEMORY) {
		*e = bh_error_begin(err, BH_E_NO_MEMORY, "no memory left for the result");
		return BH_E_NO_MEMORY;
	}
	if (info->raised == BH_RAISE_NO_MEMORY_IN_CALL) {
		*e = bh_error_begin(err, BH_E_NO_MEMORY, "no memory left for the arguments of a host function");
		return BH_E_NO_MEMORY;
	}
	if (info->trap_code >= 0)
		return trapped(meter, bh_trap_of(info->trap_code), err, e);
	if (info->raised || meter->refused)
		return refused(meter, err, e);
	if (found->limit) {
		bh_status status = found->limit == BH_LIMIT_MEMORY ? BH_E_MEMORY_LIMIT : BH_E_RESOURCE_LIMIT;
		*e = limit_error(err, status, found->limit, bh_limits_get(meter->limits, found->limit), 0);
		return status;
	}
	if (found->no_room && !found->trap)
		return no_room(err, e);
	return trapped(meter, found->trap ? found->trap : BH_TRAP_UNKNOWN, err, e);
}

/* A guest that exits leaves no dump, though the engine makes one of it. */
static void add_coredump(bh_error *e, const bh_meter *meter, const wasmtime_error_t *engine_error)
{
	static const char program[] = "bulkhead guest";
	bhx_block_t dump = {0};
	if (bh_error_trap(e) == BH_TRAP_EXIT)
		return;
	wasmtime_error_t *failed = bhx_error_coredump(engine_error, meter->context, program, sizeof program - 1, &dump);
	if (dump.data)
		bh_error_coredump_set(e, dump.data, dump.length);
	if (!failed)
		return;
	BH_AUTO(bh_free) char *why = bh_engine_text(failed);
	bh_error_cause_add(e, BH_NO_COREDUMP "%s", why ? why : "no memory");
	wasmtime_error_delete(failed);
}

bh_status bh_meter_classify(const bh_meter *meter, wasmtime_error_t *engine_error, bh_error **err)
{
	bhx_error_info_t info;
	causes found = {0};
	bh_error *e = NULL;
	bhx_error_inspect(engine_error, &info);
	if (info.trap_code < 0 && !info.exited && !info.raised)
		bhx_error_causes(engine_error, note_cause, &found);
	bh_status status = headline(meter, &info, &found, err, &e);
	bh_free(found.first);
	bh_free(found.last);
	if (e)
		add_causes(e, engine_error);
	bh_engine_frames(e, engine_error);
	if (e)
		add_coredump(e, meter, engine_error);
	wasmtime_error_delete(engine_error);
	return status;
}
