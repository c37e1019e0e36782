/*
 * Memory: the only way the library allocates, and the cleanup idiom that goes with it.
 *
 * Blocks come from malloc and go back with bh_free(). The engine archive allocates from malloc too (its
 * global allocator says so), so a buffer that crosses from there to here changes hands without a copy.
 *
 * Cleanup: declare an owner with BH_AUTO(type_free), return what it owns with BH_TAKE().
 */
#ifndef BH_BASE_ALLOC_H
#define BH_BASE_ALLOC_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "bulkhead/base.h"

/* All return NULL when there is no memory; a size of zero gives a block that can be freed. */
void *bh_alloc(size_t size) __attribute__((malloc, warn_unused_result));
void *bh_calloc(size_t count, size_t size) __attribute__((malloc, warn_unused_result));
void *bh_realloc(void *block, size_t size) __attribute__((warn_unused_result));
char *bh_strdup(const char *text) __attribute__((malloc, warn_unused_result));
char *bh_strndup(const char *text, size_t length) __attribute__((malloc, warn_unused_result));
void *bh_memdup(const void *from, size_t size) __attribute__((malloc, warn_unused_result));
char *bh_format(const char *format, ...) __attribute__((format(printf, 1, 2), malloc, warn_unused_result));
char *bh_vformat(const char *format, va_list args) __attribute__((format(printf, 1, 0), malloc, warn_unused_result));
void bh_free(void *block);

/*
 * The memory that the thread's next few small blocks come from is faulted in at once, where the system can do that: page by
 * page takes several times as long. For who is about to make many things that last. Seldom takes more than a count.
 */
void bh_alloc_ahead(void);

/* Free memory goes back to the system, where the C library can do that. Of the whole process; takes milliseconds. */
void bh_alloc_trim(void);

/*
 * Make room for one more element in an array that grows by doubling.
 * Returns the array, moved or not, with *capacity updated; NULL when there is no memory (the array stays).
 */
void *bh_grow(void *array, size_t count, size_t *capacity, size_t element) __attribute__((warn_unused_result));

/*
 * Fault injection for tests: the nth allocation from now on fails, and those after it too if `sticky`.
 * 0 switches it off. Only in builds with BH_FAULTS.
 */
void bh_alloc_fail_at(uint64_t nth, bool sticky);
uint64_t bh_alloc_count(void);

#define BH_AUTO(release) __attribute__((cleanup(release##_auto)))
#define BH_DEFINE_AUTO(type, release)                                                                                  \
	static inline void release##_auto(type *owner)                                                                     \
	{                                                                                                                  \
		release(*owner);                                                                                               \
	}
#define BH_TAKE(owner)                                                                                                 \
	__extension__({                                                                                                    \
		__typeof__(owner) taken_ = (owner);                                                                            \
		(owner) = NULL;                                                                                                \
		taken_;                                                                                                        \
	})

static inline void bh_free_auto(void *owner)
{
	bh_free(*(void **)owner);
}

#define BH_COUNT(array) (sizeof(array) / sizeof *(array))

#endif
