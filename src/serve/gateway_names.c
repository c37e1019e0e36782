/* Lists of names: the order in which modules are. */
#include <string.h>

#include "gateway_internal.h"
#include "memory.h"

void names_free(char **names)
{
	for (char **name = names; name && *name; name++)
		sv_free(*name);
	sv_free(names);
}

static size_t place_in(char *const *order, size_t count, const char *name)
{
	size_t i = 0;
	while (i < count && strcmp(order[i], name) != 0)
		i++;
	return i;
}

/* Those that the order names as it names them; each of the others behind whom it stood behind. */
void names_order(module_list *list, char *const *order, size_t count)
{
	for (size_t i = 1; i < list->count; i++) {
		module_record *m = list->items[i];
		size_t place = place_in(order, count, m->name), at = i;
		if (place == count)
			continue;
		while (at && place_in(order, count, list->items[at - 1]->name) > place)
			at--;
		memmove(&list->items[at + 1], &list->items[at], (i - at) * sizeof(list->items[0]));
		list->items[at] = m;
	}
}

char **names_of_config(const bh_config *config)
{
	size_t count = bh_config_module_count(config);
	char **names = sv_alloc((count + 1) * sizeof *names);
	for (size_t i = 0; names && i < count; i++)
		if (!(names[i] = sv_copy(bh_config_module_at(config, i)->name))) {
			names_free(names);
			return NULL;
		}
	return names;
}

bool names_same(char *const *a, char *const *b)
{
	if (!a || !b)
		return a == b;
	while (*a && *b && !strcmp(*a, *b))
		a++, b++;
	return !*a && !*b;
}
