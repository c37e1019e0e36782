/* What the tests of manifests share: reading text, and looking for remarks in what comes back. */
#ifndef BH_TEST_MANIFEST_H
#define BH_TEST_MANIFEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "bulkhead/manifest.h"
#include "bulkhead/value.h"

#define UNUSED __attribute__((unused))

/* A folder of this test's own, made when first asked for. */
UNUSED static const char *scratch(void)
{
	static char folder[64];
	if (!*folder) {
		strcpy(folder, "/tmp/bulkhead-test-XXXXXX");
		assert_non_null(mkdtemp(folder));
	}
	return folder;
}

/* A path in it; the next eight calls leave the text alone. */
UNUSED static const char *scratch_path(const char *name)
{
	static char paths[8][256];
	static unsigned next;
	char *path = paths[next++ % 8];
	snprintf(path, sizeof paths[0], "%s/%s", scratch(), name);
	return path;
}

UNUSED static const char *write_file(const char *name, const char *text, size_t length)
{
	const char *path = scratch_path(name);
	FILE *file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, length, file), length);
	fclose(file);
	return path;
}

UNUSED static int remove_scratch(void **state)
{
	char command[128];
	(void)state;
	snprintf(command, sizeof command, "rm -rf %s", scratch());
	return system(command);
}

/* Every remark on a text, the text being a Component.toml. */
UNUSED static bh_manifest *check_n(const char *text, size_t length)
{
	bh_manifest *m = NULL;
	assert_int_equal(bh_manifest_check(&m, write_file("Component.toml", text, length), NULL), BH_OK);
	return m;
}

UNUSED static bh_manifest *check(const char *text)
{
	return check_n(text, strlen(text));
}

UNUSED static size_t count_of(const bh_manifest *m, bh_severity severity)
{
	size_t count = 0;
	for (size_t i = 0; i < bh_manifest_diagnostic_count(m); i++)
		count += bh_manifest_diagnostic(m, i)->severity == severity;
	return count;
}

/* The first remark about a key; NULL if there is none. */
UNUSED static const bh_diagnostic *about(const bh_manifest *m, const char *key)
{
	for (size_t i = 0; i < bh_manifest_diagnostic_count(m); i++) {
		const bh_diagnostic *d = bh_manifest_diagnostic(m, i);
		if (d->where.key && !strcmp(d->where.key, key))
			return d;
	}
	return NULL;
}

UNUSED static void print_remarks(const bh_manifest *m)
{
	for (size_t i = 0; i < bh_manifest_diagnostic_count(m); i++) {
		const bh_diagnostic *d = bh_manifest_diagnostic(m, i);
		print_message("%u:%u %s: %s\n", d->where.line, d->where.column, d->where.key ? d->where.key : "-", d->message);
	}
}

/* A text that must load. */
UNUSED static bh_manifest *parse(const char *text)
{
	bh_error *err = NULL;
	bh_manifest *m = NULL;
	if (bh_manifest_parse(&m, text, strlen(text), NULL, &err))
		fail_msg("%s\n%s", bh_error_message(err), text);
	return m;
}

/* A text that must not load. */
UNUSED static bh_error *refuse(const char *text, bh_status status)
{
	bh_error *err = NULL;
	bh_manifest *m = NULL;
	assert_int_equal(bh_manifest_parse(&m, text, strlen(text), "Component.toml", &err), status);
	assert_null(m);
	assert_non_null(err);
	assert_int_equal(bh_error_status(err), status);
	return err;
}

#endif
