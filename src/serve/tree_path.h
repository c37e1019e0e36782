/* The paths of what bh_child_list() tells of: names below the root with '/' between them. */
#ifndef BH_SERVE_TREE_PATH_H
#define BH_SERVE_TREE_PATH_H

#include <stddef.h>
#include <stdint.h>

enum { TREE_DEEPEST = 64, TREE_LONGEST_PATH = TREE_DEEPEST * 257 };

/* Zero: a list from the root. */
typedef struct {
	char text[TREE_LONGEST_PATH];
	size_t ends[TREE_DEEPEST]; /* where the path of each depth ends */
	uint32_t base;             /* the depth of what the list begins with, below the root */
} tree_path;

/* A list that begins at a depth, below what has the path `above`. */
void tree_path_begin(tree_path *path, const char *above, uint32_t depth);

/* Of the next one in the list, until there is another: "" for the root, "?" where it is too deep to be told. */
const char *tree_path_of(tree_path *path, uint32_t depth, const char *name);

#endif
