#include "tree_path.h"

#include <stdio.h>
#include <string.h>

void tree_path_begin(tree_path *path, const char *above, uint32_t depth)
{
	size_t length = strlen(above);
	path->base = depth;
	if (depth <= 1 || depth >= TREE_DEEPEST || length >= sizeof path->text)
		return;
	memcpy(path->text, above, length + 1);
	path->ends[depth - 1] = length;
}

/* The path of its parent is that of the last one told of with a smaller depth. */
const char *tree_path_of(tree_path *path, uint32_t below, const char *name)
{
	uint32_t depth = path->base + below;
	if (!depth || depth >= TREE_DEEPEST)
		return depth ? "?" : "";
	size_t at = depth > 1 ? path->ends[depth - 1] : 0;
	int length = snprintf(path->text + at, sizeof path->text - at, "%s%s", at ? "/" : "", name);
	if (length < 0 || (size_t)length >= sizeof path->text - at)
		return "?";
	path->ends[depth] = at + (size_t)length;
	return path->text;
}
