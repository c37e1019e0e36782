/* Any bytes as a bulkhead.toml: nothing crashes, and what is said about them is true. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "manifest/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_remark(const bh_diagnostic *d)
{
	assert(d->message && *d->message && !strpbrk(d->message, "\n\r\x1b"));
	assert(!d->source || !strpbrk(d->source, "\n\r\x1b"));
	assert(!d->fix || (*d->fix && !strpbrk(d->fix, "\r\x1b")));
	assert(!d->hint || *d->hint);
}

/* What is good can be added to a tree in this order. */
static void check_good(const bh_config *config)
{
	const bh_config_child *child;
	for (size_t i = 0; (child = bh_config_child_at(config, i)); i++) {
		assert(bh_config_child_find(config, child->path) == child);
		assert(!*child->parent || bh_config_child_find(config, child->parent));
		assert(bh_config_child_same(child, child));
		assert(child->options->kind == BH_CHILD_SUPERVISOR || child->file);
		assert(child->options->name && *child->options->name);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bh_config *all = NULL, *config = NULL;
	bh_error *err = NULL;
	const char *text = (const char *)data;
	if (bh_config_read(&all, text, size, "fuzz/bulkhead.toml", NULL))
		return 0;
	size_t errors = 0;
	uint32_t line = 0;
	for (size_t i = 0; i < bh_config_diagnostic_count(all); i++) {
		const bh_diagnostic *d = bh_config_diagnostic(all, i);
		check_remark(d);
		assert(d->where.line >= line);
		line = d->where.line;
		errors += d->severity == BH_SEVERITY_ERROR;
	}

	/* Loading fails exactly where checking finds an error. */
	bh_status status = bh_config_parse(&config, text, size, "fuzz/bulkhead.toml", &err);
	assert(!status == !errors);
	assert(!status == (config != NULL) && !status == !err);
	if (!status)
		check_good(config);
	bh_error_free(err);
	bh_config_free(config);
	bh_config_free(all);
	return 0;
}
