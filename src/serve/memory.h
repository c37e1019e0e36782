/*
 * Memory for the daemon: allocations may fail, and whoever asked copes. Texts that are handed from one part of the daemon to
 * another come from here, and go back with sv_free().
 */
#ifndef BH_SERVE_MEMORY_H
#define BH_SERVE_MEMORY_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <bulkhead.h>

/* All return NULL when there is no memory. sv_alloc() gives zeros. */
void *sv_alloc(size_t size) __attribute__((malloc, warn_unused_result));
char *sv_copy(const char *text) __attribute__((malloc, warn_unused_result));
char *sv_copy_n(const char *text, size_t length) __attribute__((malloc, warn_unused_result));
char *sv_format(const char *format, ...) __attribute__((format(printf, 1, 2), malloc, warn_unused_result));
char *sv_vformat(const char *format, va_list args) __attribute__((format(printf, 1, 0), malloc, warn_unused_result));
void sv_free(void *block);

/*
 * Make room for one more element in an array that grows by doubling; the new room is not zeroed. Returns the array, moved or
 * not, with *capacity updated; NULL when there is no memory (the array stays).
 */
void *sv_grow(void *array, size_t count, size_t *capacity, size_t element) __attribute__((warn_unused_result));

/* How those who need memory fail. */
static inline bh_status no_memory(bh_error **err)
{
	return bh_error_new(err, BH_E_NO_MEMORY, "out of memory");
}

/* Owners clean up by themselves: SV_AUTO char *text = sv_format(...). Handed over with SV_TAKE(). */
static inline void sv_free_auto(void *owner)
{
	sv_free(*(void **)owner);
}
#define SV_AUTO __attribute__((cleanup(sv_free_auto)))
#define SV_TAKE(owner)                                                                                                 \
	__extension__({                                                                                                    \
		__typeof__(owner) taken_ = (owner);                                                                            \
		(owner) = NULL;                                                                                                \
		taken_;                                                                                                        \
	})

#define SV_COUNT(array) (sizeof(array) / sizeof *(array))

#endif
