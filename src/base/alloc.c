#include "base/alloc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/thread.h"
#include "bulkhead/value.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

#ifdef BH_FAULTS
#include <stdatomic.h>

static _Atomic uint64_t allocations;
static _Atomic uint64_t fail_at;
static _Atomic bool fail_sticky;

static _Atomic bool counting; /* somebody asked: the others are spared the addition */

static bool fault(void)
{
	if (!atomic_load_explicit(&counting, memory_order_relaxed))
		return false;
	uint64_t n = atomic_fetch_add(&allocations, 1) + 1;
	uint64_t at = atomic_load(&fail_at);
	return at && (n == at || (n > at && atomic_load(&fail_sticky)));
}

void bh_alloc_fail_at(uint64_t nth, bool sticky)
{
	atomic_store(&allocations, 0);
	atomic_store(&fail_sticky, sticky);
	atomic_store(&fail_at, nth);
	atomic_store(&counting, true);
}

uint64_t bh_alloc_count(void)
{
	return atomic_load(&allocations);
}
#else
static inline bool fault(void)
{
	return false;
}

void bh_alloc_fail_at(uint64_t nth, bool sticky)
{
	(void)nth;
	(void)sticky;
}

uint64_t bh_alloc_count(void)
{
	return 0;
}
#endif

void *bh_alloc(size_t size)
{
	return fault() ? NULL : malloc(size ? size : 1);
}

/* calloc() does not look into what malloc() keeps for each thread, which is where small blocks are had quickest. */
enum { KEPT_BY_THREAD = 1032 };

void *bh_calloc(size_t count, size_t size)
{
	size_t whole;
	if (fault() || __builtin_mul_overflow(count, size, &whole))
		return NULL;
	if (whole > KEPT_BY_THREAD)
		return calloc(1, whole);
	void *block = malloc(whole ? whole : 1);
	return block ? memset(block, 0, whole) : NULL;
}

void *bh_realloc(void *block, size_t size)
{
	return fault() ? NULL : realloc(block, size ? size : 1);
}

void bh_free(void *block)
{
	free(block);
}

void bh_string_free(char *text)
{
	bh_free(text);
}

void *bh_memdup(const void *from, size_t size)
{
	void *copy = bh_alloc(size);
	if (copy && size)
		memcpy(copy, from, size);
	return copy;
}

char *bh_strndup(const char *text, size_t length)
{
	char *copy = bh_alloc(length + 1);
	if (!copy)
		return NULL;
	if (length)
		memcpy(copy, text, length);
	copy[length] = '\0';
	return copy;
}

#if defined __GLIBC__ && defined MADV_POPULATE_WRITE
/*
 * Blocks are cut from the low end of the heap's free top, so what is taken and given back there is what comes next. A larger
 * block than this would have free() look whether the top is to be trimmed.
 */
enum { AHEAD = 48 * 1024, AHEAD_LASTS = 4 /* instances of some 10 KiB each */, PAGE = 4096 };

void bh_alloc_ahead(void)
{
	static BH_THREAD_LOCAL unsigned count;
	if (count++ % AHEAD_LASTS)
		return;
	char *block = malloc(AHEAD);
	if (!block)
		return;
	char *first = block + -(uintptr_t)block % PAGE;
	int before = errno;
	(void)madvise(first, AHEAD - PAGE, MADV_POPULATE_WRITE);
	errno = before;
	free(block);
}
#else
void bh_alloc_ahead(void)
{
}
#endif

void bh_alloc_trim(void)
{
#ifdef __GLIBC__
	malloc_trim(0);
#endif
}

char *bh_strdup(const char *text)
{
	return bh_strndup(text, strlen(text));
}

char *bh_vformat(const char *format, va_list args)
{
	va_list again;
	va_copy(again, args);
	int length = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (length < 0)
		return NULL;
	char *text = bh_alloc((size_t)length + 1);
	if (text)
		vsnprintf(text, (size_t)length + 1, format, args);
	return text;
}

char *bh_format(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	char *text = bh_vformat(format, args);
	va_end(args);
	return text;
}

void *bh_grow(void *array, size_t count, size_t *capacity, size_t element)
{
	if (count < *capacity)
		return array;
	size_t wanted = *capacity ? *capacity * 2 : 8;
	void *grown = bh_realloc(array, wanted * element);
	if (grown)
		*capacity = wanted;
	return grown;
}
