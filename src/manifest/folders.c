/*
 * [permissions] filesystem: four lists of folders, and what they grant together.
 *
 * WASI has two grants for a folder: reading (listing included) and everything. So `read` grants reading, and a
 * folder that is in `write` must be in `delete` and `read` too; anything else is refused, because the nearest
 * grant would be a wider one.
 */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/permissions.h"
#include "base/text.h"
#include "manifest/access.h"
#include "manifest/walk.h"

enum { READ, WRITE, DELETE, LIST, KINDS };

static const char *const kinds[KINDS] = {"read", "write", "delete", "list"};

/* More folders than anybody reads are a mistake or an attack. */
enum { MAX_FOLDERS = 256, MAX_FIX = 2000 };

/* A folder, and where each list names it. */
typedef struct {
	char *host;
	char *guest; /* NULL: not said */
	const bh_toml_node *named[KINDS];
	int asks;       /* the list that asks for too much, if `lacks` is not 0 */
	unsigned lacks; /* a bit for each list that would have to name it as well */
	const char *why;
} folder;

typedef struct {
	folder *items;
	size_t count, capacity;
	const bh_toml_node *lists[KINDS];
} folders;

static void folders_deinit(folders *set)
{
	for (size_t i = 0; i < set->count; i++) {
		bh_free(set->items[i].host);
		bh_free(set->items[i].guest);
	}
	bh_free(set->items);
}

/* Without "./", doubled and trailing slashes, in place: one spelling for one folder. */
static void tidy(char *path)
{
	char *to = path + (*path == '/');
	for (const char *p = path; *p;) {
		size_t length = strcspn(p, "/");
		if (length && !(length == 1 && *p == '.')) {
			if (to > path && to[-1] != '/')
				*to++ = '/';
			memmove(to, p, length);
			to += length;
		}
		p += length;
		while (*p == '/')
			p++;
	}
	if (to == path)
		*to++ = '.';
	*to = '\0';
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

/* Take over a folder's strings, or drop them if it is known already. */
static folder *add(bh_reader *r, folders *set, char *host, char *guest)
{
	for (size_t i = 0; host && i < set->count; i++) {
		folder *known = &set->items[i];
		if (strcmp(known->host, host) != 0 || !same_text(known->guest, guest))
			continue;
		bh_free(host);
		bh_free(guest);
		return known;
	}
	folder *grown = host ? bh_grow(set->items, set->count, &set->capacity, sizeof *grown) : NULL;
	if (!grown) {
		r->failed = true;
		bh_free(host);
		bh_free(guest);
		return NULL;
	}
	set->items = grown;
	set->items[set->count] = (folder){.host = host, .guest = guest};
	return &set->items[set->count++];
}

/* "HOST" or "HOST::GUEST" as a path that can be granted; false after a remark. */
static bool check_item(bh_reader *r, const bh_toml_node *node)
{
	if (!bh_reader_plain(r, node))
		return false;
	const char *text = node->as.text.data;
	const char *separator = strstr(text, "::");
	if (separator == text || (separator && !separator[2])) {
		bh_reader_error(r, node, BH_E_CONFIG, bh_reader_format(r, "%s: half of a folder's names is missing", text),
		                bh_reader_format(r, "Write \"HOST\", or \"HOST::GUEST\" to choose what the guest calls it."),
		                NULL);
		return false;
	}
	size_t length = separator ? (size_t)(separator - text) : strlen(text);
	size_t plain = strcspn(text, "*?");
	if (plain >= length)
		return true;
	while (plain && text[plain - 1] != '/')
		plain--;
	char *whole = bh_reader_format(r, "\"%.*s\"", plain > 1 ? (int)plain - 1 : (int)plain, text);
	if (whole)
		bh_reader_error(r, node, BH_E_UNSUPPORTED, bh_reader_format(r, "%s: patterns cannot be granted", text),
		                bh_reader_format(r,
		                                 "WASI grants whole folders, with everything below them. Name the folder, if "
		                                 "that is what you want the guest to have."),
		                plain > 1 ? bh_reader_corrected(r, node, whole) : NULL);
	bh_free(whole);
	return false;
}

static void read_item(bh_reader *r, folders *set, int kind, const bh_toml_node *node)
{
	if (!check_item(r, node))
		return;
	const char *text = node->as.text.data;
	const char *separator = strstr(text, "::");
	char *host = bh_strndup(text, separator ? (size_t)(separator - text) : strlen(text));
	char *path = NULL, *guest = NULL;
	if (host) {
		/* The guest's name comes from what the manifest says, not from where the manifest is. */
		guest = separator ? bh_strdup(separator + 2) : bh_permissions_guest_name(host);
		tidy(host);
		path = guest ? bh_path_join(r->folder, host) : NULL;
	}
	bh_free(host);
	folder *known = add(r, set, path, guest);
	if (known && !known->named[kind])
		known->named[kind] = node;
}

static void read_list(bh_reader *r, folders *set, int kind, const bh_toml_node *node)
{
	set->lists[kind] = node;
	if (node->type == BH_TOML_ARRAY) {
		for (size_t i = 0; i < node->count && bh_reader_goes_on(r) && set->count < MAX_FOLDERS; i++)
			read_item(r, set, kind, &node->children[i]);
		if (set->count == MAX_FOLDERS)
			bh_reader_error(r, node, BH_E_CONFIG, bh_reader_format(r, "more than %d folders", MAX_FOLDERS - 1), NULL,
			                NULL);
		return;
	}
	char *value = bh_reader_excerpt(r, node->span), *item = bh_reader_verbatim(r, node->span);
	bool text = item && node->type == BH_TOML_STRING;
	char *list = bh_reader_format(r, "[%s]", text ? item : "\"./data\"");
	if (value && list)
		bh_reader_error(r, node, BH_E_CONFIG, bh_reader_format(r, "%s = %s: not a list of folders", node->key, value),
		                bh_reader_format(r, "Write a list of \"HOST\" or \"HOST::GUEST\"."),
		                bh_reader_corrected(r, node, list));
	bh_free(list);
	bh_free(item);
	bh_free(value);
}

/* What stands before the last part of a key on its line ("filesystem."), if that is simple enough to repeat. */
static void key_prefix(const bh_reader *r, const bh_toml_node *node, char *out, size_t size)
{
	size_t end = node->key_span.offset, start = end;
	while (start && r->text[start - 1] != '\n' && end - start < size)
		start--;
	while (start < end && (r->text[start] == ' ' || r->text[start] == '\t'))
		start++;
	size_t length = end - start;
	bool simple = length < size;
	for (size_t i = start; simple && i < end; i++)
		simple = r->text[i] == '.' || r->text[i] == '_' || (r->text[i] >= 'a' && r->text[i] <= 'z');
	snprintf(out, size, "%.*s", simple ? (int)length : (int)size - 1, simple ? r->text + start : "filesystem.");
}

/* Add to a list's line, item by item; false if one is too long to be repeated. */
static bool add_item(bh_reader *r, bh_text *line, bh_toml_span at, bool first)
{
	char *item = line->length < MAX_FIX ? bh_reader_verbatim(r, at) : NULL;
	if (item)
		bh_text_add(line, "%s%s", first ? "" : ", ", item);
	bh_free(item);
	return item != NULL;
}

/* The line of list `kind` with all that it lacks; false if it would be too long. */
static bool add_line(bh_reader *r, bh_text *fix, const folders *set, int kind, const bh_toml_node *near)
{
	char prefix[64];
	const bh_toml_node *list = set->lists[kind];
	size_t listed = list && list->type == BH_TOML_ARRAY ? list->count : 0;
	bool first = true, complete = true;
	key_prefix(r, list ? list : near->parent, prefix, sizeof prefix);
	bh_text_add(fix, "%s%s%s = [", fix->length ? "\n" : "", prefix, kinds[kind]);
	for (size_t i = 0; i < listed; i++, first = false)
		complete = complete && add_item(r, fix, list->children[i].span, first);
	for (size_t i = 0; i < set->count; i++) {
		const folder *f = &set->items[i];
		if (!(f->lacks & 1u << kind))
			continue;
		complete = complete && add_item(r, fix, f->named[f->asks]->span, first);
		first = false;
	}
	bh_text_add(fix, "]");
	return complete;
}

static void refuse(bh_reader *r, const folders *set, const folder *f)
{
	const bh_toml_node *node = f->named[f->asks];
	char *path = bh_reader_excerpt(r, node->span);
	BH_AUTO(bh_text) bh_text fix = {0};
	bool complete = true;
	for (int kind = 0; kind < KINDS; kind++)
		if (f->lacks & 1u << kind)
			complete = complete && add_line(r, &fix, set, kind, node);
	char *lines = complete ? bh_reader_keep(r, bh_text_take(&fix)) : NULL;
	if (path)
		bh_reader_error(
			r, node, BH_E_UNSUPPORTED, bh_reader_format(r, "%s: %s", path, f->why),
			bh_reader_format(r,
		                     "WASI has two grants for a folder: reading (listing included) and everything.\n"
		                     "Name it in the other lists as well, or take it out of %s.",
		                     kinds[f->asks]),
			lines);
	else
		bh_free(lines);
	bh_free(path);
}

/* What WASI would have to grant beyond what is asked for. */
static void judge(folder *f)
{
	const bh_toml_node *const *in = f->named;
	unsigned named = 0;
	for (int kind = 0; kind < KINDS; kind++)
		named |= in[kind] ? 1u << kind : 0;
	unsigned all = 1u << READ | 1u << WRITE | 1u << DELETE;
	f->asks = in[WRITE] ? WRITE : in[DELETE] ? DELETE : in[LIST] ? LIST : READ;
	f->lacks = (in[WRITE] || in[DELETE] ? all : 1u << READ) & ~named;
	if (in[WRITE])
		f->why =
			in[DELETE] ? "writing without reading cannot be granted" : "writing without deleting cannot be granted";
	else
		f->why =
			in[DELETE] ? "deleting without writing cannot be granted" : "listing without reading cannot be granted";
}

static void grant(bh_reader *r, const folder *f)
{
	bh_error *err = NULL;
	int access = f->named[WRITE] ? BH_DIR_READ_WRITE : BH_DIR_READ_ONLY;
	if (bh_permissions_allow_dir(r->manifest->permissions, f->host, f->guest, access, &err))
		bh_reader_refused(r, f->named[READ], err, "Choose another name for the guest: \"HOST::GUEST\".", NULL);
}

void bh_read_folders(bh_reader *r, const bh_toml_node *table)
{
	folders set = {0};
	for (size_t i = 0; i < table->count && bh_reader_goes_on(r); i++) {
		const bh_toml_node *node = &table->children[i];
		size_t kind = bh_toml_key_among(node, kinds, KINDS);
		if (kind < KINDS)
			read_list(r, &set, (int)kind, node);
		else
			bh_warn_unknown(r, node, bh_text_nearest(node->key, kinds, KINDS));
	}
	for (size_t i = 0; i < set.count; i++)
		judge(&set.items[i]);
	for (size_t i = 0; i < set.count && bh_reader_goes_on(r); i++)
		if (set.items[i].lacks)
			refuse(r, &set, &set.items[i]);
		else
			grant(r, &set.items[i]);
	folders_deinit(&set);
}
