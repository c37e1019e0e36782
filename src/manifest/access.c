#include "manifest/access.h"

#include "base/text.h"
#include "manifest/keys.h"
#include "manifest/walk.h"

void bh_reader_refused(bh_reader *r, const bh_toml_node *node, bh_error *err, const char *extra, char *fix)
{
	if (!err || bh_error_status(err) == BH_E_NO_MEMORY) {
		r->failed = true;
		bh_free(fix);
	} else {
		const char *hint = bh_error_hint(err);
		bh_status status = bh_error_status(err) == BH_E_UNSUPPORTED ? BH_E_UNSUPPORTED : BH_E_CONFIG;
		bool both = hint && extra;
		bh_reader_error(
			r, node, status, bh_reader_format(r, "%s", bh_error_message(err)),
			hint || extra ? bh_reader_format(r, "%s%s%s", hint ? hint : "", both ? " " : "", extra ? extra : "") : NULL,
			fix);
	}
	bh_error_free(err);
}

/* Hosts that have a storage of their own grant it so; a WASI 0.2 host has files. "No" can be said, though. */
static void read_storage(bh_reader *r, const bh_toml_node *node)
{
	bool nothing = (node->type == BH_TOML_BOOL && !node->as.boolean) || bh_toml_is(node, "") ||
	               ((node->type == BH_TOML_ARRAY || node->type == BH_TOML_TABLE) && !node->count);
	if (nothing)
		return;
	bh_reader_error(r, node, BH_E_UNSUPPORTED, bh_reader_format(r, "storage cannot be granted: there is none"),
	                bh_reader_format(r, "There is no key-value storage here. Grant a folder instead: "
	                                    "filesystem.read, filesystem.write and filesystem.delete that name it."),
	                bh_reader_corrected(r, node, "false"));
}

/* A list of names; what they stand for, the program that loads the component knows. */
static void read_capabilities(bh_reader *r, const bh_toml_node *node)
{
	if (node->type != BH_TOML_ARRAY) {
		char *item = bh_reader_verbatim(r, node->span);
		char *list = bh_reader_format(r, "[%s]", item && node->type == BH_TOML_STRING ? item : "\"kv\"");
		if (list)
			bh_reader_error(r, node, BH_E_CONFIG, bh_reader_format(r, "capabilities: not a list"),
			                bh_reader_format(r, "A list of names is wanted here, those that host functions ask for."),
			                bh_reader_corrected(r, node, list));
		bh_free(list);
		bh_free(item);
		return;
	}
	for (size_t i = 0; i < node->count && bh_reader_goes_on(r); i++) {
		const bh_toml_node *item = &node->children[i];
		bh_error *err = NULL;
		if (bh_reader_plain(r, item) &&
		    bh_permissions_allow_capability(r->manifest->permissions, item->as.text.data, &err))
			bh_reader_refused(r, item, err, NULL, NULL);
	}
}

void bh_read_permissions(bh_reader *r, const bh_key *key, const bh_toml_node *table)
{
	static const char *const names[] = {"filesystem", "network", "storage", "capabilities"};
	static void (*const readers[])(bh_reader *, const bh_toml_node *) = {bh_read_folders, bh_read_network, read_storage,
	                                                                     read_capabilities};
	enum { TABLES = 2 };
	(void)key;
	if (table->type != BH_TOML_TABLE) {
		bh_want_table(r, table);
		return;
	}
	for (size_t i = 0; i < table->count && bh_reader_goes_on(r); i++) {
		const bh_toml_node *node = &table->children[i];
		size_t row = bh_toml_key_among(node, names, BH_COUNT(names));
		if (row == BH_COUNT(names))
			bh_warn_unknown(r, node, bh_text_nearest(node->key, names, BH_COUNT(names)));
		else if (row < TABLES && node->type != BH_TOML_TABLE)
			bh_want_table(r, node);
		else
			readers[row](r, node);
	}
}
