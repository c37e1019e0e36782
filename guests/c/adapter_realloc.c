/*
 * Where the WASI 0.1 adapter gets its memory from. Without this export it grows the guest's memory
 * itself, before the first malloc; the malloc of older wasi-libc releases (Debian 12 has one) then
 * takes that memory for its own and overwrites the adapter's state.
 */
#include <stdlib.h>

__attribute__((export_name("cabi_realloc"))) void *cabi_realloc(void *old, size_t old_size, size_t align,
                                                                size_t new_size)
{
	(void)old_size;
	if (new_size == 0)
		return (void *)align;
	void *p = realloc(old, new_size);
	if (!p)
		abort();
	return p;
}
