/** Trap kinds: why a guest's execution ended abruptly. */
#ifndef BULKHEAD_TRAP_H
#define BULKHEAD_TRAP_H

#include "base.h"

BH_BEGIN

/*
 * Every trap kind: name, kebab-case name, text. The engine's own codes are mapped to these in
 * src/engine/trap.c, which fails to compile when one is left out.
 */
#define BH_TRAP_MAP(X)                                                                                                 \
	X(NONE, "none", "no trap")                                                                                         \
	X(UNKNOWN, "unknown", "a trap of a kind this version does not know")                                               \
	X(STACK_OVERFLOW, "stack-overflow", "call stack exhausted")                                                        \
	X(MEMORY_OUT_OF_BOUNDS, "memory-out-of-bounds", "memory access out of bounds")                                     \
	X(HEAP_MISALIGNED, "heap-misaligned", "misaligned atomic memory access")                                           \
	X(TABLE_OUT_OF_BOUNDS, "table-out-of-bounds", "table access out of bounds")                                        \
	X(INDIRECT_CALL_TO_NULL, "indirect-call-to-null", "indirect call to a null table entry")                           \
	X(BAD_SIGNATURE, "bad-signature", "indirect call with the wrong signature")                                        \
	X(INTEGER_OVERFLOW, "integer-overflow", "integer overflow")                                                        \
	X(INTEGER_DIVISION_BY_ZERO, "integer-division-by-zero", "integer divide by zero")                                  \
	X(BAD_CONVERSION, "bad-conversion-to-integer", "invalid conversion to integer")                                    \
	X(UNREACHABLE, "unreachable-code-reached", "unreachable code reached")                                             \
	X(INTERRUPTED, "interrupt", "interrupted")                                                                         \
	X(OUT_OF_FUEL, "out-of-fuel", "out of fuel")                                                                       \
	X(ATOMIC_WAIT, "atomic-wait-non-shared-memory", "atomic wait on memory that is not shared")                        \
	X(NULL_REFERENCE, "null-reference", "null reference used")                                                         \
	X(ARRAY_OUT_OF_BOUNDS, "array-out-of-bounds", "array access out of bounds")                                        \
	X(ALLOCATION_TOO_LARGE, "allocation-too-large", "garbage-collected allocation too large")                          \
	X(CAST_FAILURE, "cast-failure", "reference cast failed")                                                           \
	X(CANNOT_ENTER, "cannot-enter-component", "component entered again while it is running")                           \
	X(CANNOT_LEAVE, "cannot-leave-component", "component left while it may not be")                                    \
	X(CANNOT_BLOCK, "cannot-block-sync-task", "a synchronous task tried to block")                                     \
	X(UNHANDLED_TAG, "unhandled-tag", "no handler for a suspension")                                                   \
	X(CONTINUATION_CONSUMED, "continuation-already-consumed", "continuation used twice")                               \
	X(DISABLED_OPCODE, "disabled-opcode", "an instruction that is switched off")                                       \
	X(ASYNC, "async", "misuse of the component model's async built-ins")                                               \
	X(INVALID_CHAR, "invalid-char", "a char that is no Unicode scalar value crossed a component boundary")             \
	X(INVALID_DISCRIMINANT, "invalid-discriminant", "a variant's discriminant is out of range")                        \
	X(STRING_OUT_OF_BOUNDS, "string-out-of-bounds", "a string lies outside its memory")                                \
	X(LIST_OUT_OF_BOUNDS, "list-out-of-bounds", "a list lies outside its memory")                                      \
	X(UNALIGNED_POINTER, "unaligned-pointer", "an unaligned pointer crossed a component boundary")                     \
	X(BAD_UTF8, "bad-utf8", "a string that crossed a component boundary is not UTF-8")                                 \
	X(REFERENCE_COUNT_OVERFLOW, "reference-count-overflow", "too many references to one thing")                        \
	X(UNCAUGHT_EXCEPTION, "uncaught-exception", "an exception nobody caught")                                          \
	X(BAD_HANDLE, "bad-handle", "a resource handle that does not exist, or is borrowed")                               \
	X(ENGINE_ASSERTION, "engine-assertion", "the engine found itself in a state it should not be in")                  \
	X(EXIT, "exit", "the guest exited")                                                                                \
	X(CANCELLED, "cancelled", "cancelled by the host")                                                                 \
	X(MEMORY_LIMIT, "memory-limit", "memory limit reached")                                                            \
	X(RESOURCE_LIMIT, "resource-limit", "resource limit reached")

typedef enum {
#define X(name, kebab, text) BH_TRAP_##name,
	BH_TRAP_MAP(X)
#undef X
		BH_TRAP_COUNT
} bh_trap;

/** Kebab-case name, for machines: "integer-division-by-zero". Never NULL. Any thread. */
BH_API const char *bh_trap_name(bh_trap trap);

/** One line of English. Never NULL. Any thread. */
BH_API const char *bh_trap_text(bh_trap trap);

BH_END

#endif
