/* Any bytes as a manifest: nothing crashes, and what is said about them is true. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "manifest/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The length of a line, from 1; -1 if the text has none of that number. */
static long line_length(const char *text, size_t size, uint32_t number)
{
	const char *p = text, *end = text + size;
	for (uint32_t i = 1; i < number; i++) {
		p = memchr(p, '\n', (size_t)(end - p));
		if (!p)
			return -1;
		p++;
	}
	const char *stop = memchr(p, '\n', (size_t)(end - p));
	return (stop ? stop : end) - p;
}

static void check_remark(const bh_diagnostic *d, const char *text, size_t size)
{
	assert(d->message && *d->message && !strpbrk(d->message, "\n\r\x1b"));
	assert(!d->source || !strpbrk(d->source, "\n\r\x1b"));
	assert(!d->fix || (*d->fix && !strpbrk(d->fix, "\r\x1b")));
	assert(!d->hint || *d->hint);
	if (!d->where.line)
		return;
	long length = line_length(text, size, d->where.line);
	assert(length >= 0 && d->where.column >= 1);
	assert((long)d->where.column - 1 + (long)d->where.length <= length);
	assert(!d->source || (long)strlen(d->source) <= length);
}

/* A manifest without errors must be good for use. */
static void check_good(const bh_manifest *m)
{
	const bh_limits *limits = bh_manifest_limits(m);
	assert(bh_limits_check(limits, NULL) == BH_OK);
	assert(bh_manifest_dialect(m) != BH_DIALECT_FLAT || limits->stack);
	bh_permissions *copy = NULL;
	assert(bh_permissions_copy(&copy, bh_manifest_permissions(m), NULL) == BH_OK);
	assert(bh_permissions_count(copy) == bh_permissions_count(bh_manifest_permissions(m)));
	for (size_t i = 0; i < bh_permissions_count(copy); i++)
		assert(!strcmp(bh_permissions_describe(copy, i), bh_permissions_describe(bh_manifest_permissions(m), i)));
	bh_permissions_free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bh_manifest *all = NULL, *m = NULL;
	bh_error *err = NULL;
	const char *text = (const char *)data;
	assert(bh_manifest_read(&all, text, size, "fuzz/Component.toml", NULL) == BH_OK);
	size_t errors = 0;
	uint32_t line = 0;
	for (size_t i = 0; i < bh_manifest_diagnostic_count(all); i++) {
		const bh_diagnostic *d = bh_manifest_diagnostic(all, i);
		check_remark(d, text, size);
		assert(d->where.line >= line);
		line = d->where.line;
		errors += d->severity == BH_SEVERITY_ERROR;
	}

	/* Loading fails exactly where checking finds an error. */
	bh_status status = bh_manifest_parse(&m, text, size, "fuzz/Component.toml", &err);
	assert(!status == !errors);
	assert(status == BH_OK || status == BH_E_CONFIG || status == BH_E_MISSING_LIMITS || status == BH_E_UNSUPPORTED);
	assert(!status == (m != NULL) && !status == !err);
	if (!status)
		check_good(m);
	bh_error_free(err);
	bh_manifest_free(m);
	bh_manifest_free(all);
	return 0;
}
