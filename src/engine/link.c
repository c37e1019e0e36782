/* Linking: what a component imports, matched with what the embedding program defines; the rest is WASI's. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "engine/import.h"
#include "engine/internal.h"
#include "engine/type.h"

/*
 * Types of imports are the component's word: so many parts, all together, are looked at. A single function may have
 * as many as an export's.
 */
enum { MAX_TYPE_PARTS = 200000 };

/* Matching. */

typedef struct {
	unsigned long major, minor, patch;
} version;

/*
 * How much of an interface's name two versions of it share that are compatible: "a:b/c@1" of "a:b/c@1.2.3", "a:b/c@0.2"
 * of "a:b/c@0.2.1"; 0 if no other version is. The rule is that of the engine's linker.
 */
static size_t track_of(const char *name, version *out)
{
	const char *at = strchr(name, '@');
	char *end;
	if (!at || !isdigit((unsigned char)at[1]))
		return 0;
	out->major = strtoul(at + 1, &end, 10);
	const char *first = end;
	if (*first != '.' || !isdigit((unsigned char)first[1]))
		return 0;
	out->minor = strtoul(first + 1, &end, 10);
	const char *second = end;
	if (*second != '.' || !isdigit((unsigned char)second[1]))
		return 0;
	out->patch = strtoul(second + 1, &end, 10);
	if ((*end && *end != '+') || (!out->major && !out->minor))
		return 0;
	return (size_t)((out->major ? first : second) - name);
}

static bool later(const version *a, const version *b)
{
	if (a->major != b->major)
		return a->major > b->major;
	if (a->minor != b->minor)
		return a->minor > b->minor;
	return a->patch > b->patch;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

const bh_definition *bh_imports_find(const bh_imports *imports, const char *interface, const char *name)
{
	version wanted, found, best = {0};
	size_t track = interface ? track_of(interface, &wanted) : 0;
	const bh_definition *compatible = NULL;
	for (size_t i = 0; imports && i < imports->count; i++) {
		const bh_definition *definition = imports->definitions[i];
		if (strcmp(definition->name, name) != 0)
			continue;
		if (same_text(definition->interface, interface))
			return definition;
		if (!track || !definition->interface || track_of(definition->interface, &found) != track ||
		    memcmp(definition->interface, interface, track) != 0)
			continue;
		if (compatible && !later(&found, &best))
			continue;
		compatible = definition;
		best = found;
	}
	return compatible;
}

/* What serves it in a version that is not compatible, or under another interface. */
static const bh_definition *near(const bh_imports *imports, const char *interface, const char *name)
{
	const bh_definition *nearest = NULL;
	size_t package = interface ? strcspn(interface, "@") : 0;
	for (size_t i = 0; imports && i < imports->count; i++) {
		const bh_definition *definition = imports->definitions[i];
		if (strcmp(definition->name, name) != 0)
			continue;
		bool versions = package && definition->interface && strcspn(definition->interface, "@") == package &&
		                !memcmp(definition->interface, interface, package);
		if (versions || !nearest)
			nearest = definition;
	}
	return nearest;
}

/* "acme:kv/store@1.0.0#get" */
static char *full_name(const char *interface, const char *name)
{
	return interface ? bh_format("%s#%s", interface, name) : bh_strdup(name);
}

/* One look at all imports. */

typedef struct {
	bh_code *code; /* what is being linked */
	bh_imports *imports;
	size_t parts; /* of types looked at */
	bh_status status;
	bh_error **err;
} linking;

static char *signature_of(const bh_type *type)
{
	BH_AUTO(bh_text) bh_text text = {0};
	bh_type_write_function(&text, type);
	return bh_text_take(&text);
}

static bh_status not_provided(const linking *l, const bh_import *import, const bhx_import_t *given, bh_error **err)
{
	bh_error *e = bh_error_begin(err, BH_E_LINK, "an import is not provided: %s", import->text);
	const bh_definition *other = near(l->imports, import->interface, import->name);
	BH_AUTO(bh_free) char *elsewhere = other ? full_name(other->interface, other->name) : NULL;
	BH_AUTO(bh_free) char *wanted = NULL;
	bh_type *type = NULL;
	if (given->type && !bh_type_of_function(&type, given->type, NULL))
		wanted = signature_of(type);
	bh_type_free(type);
	const char *what = given->kind == BHX_IMPORT_RESOURCE ? "a resource" : wanted ? wanted : "something else";
	if (elsewhere)
		bh_error_hint_set(e, "It is wanted as: %s\nThe program defines %s, which does not serve it.", what, elsewhere);
	else
		bh_error_hint_set(e, "It is wanted as: %s\nThe program that loads the component can define it.", what);
	return BH_E_LINK;
}

static bh_status wrong_type(const bh_import *import, const bh_type *imported, bh_error **err)
{
	BH_AUTO(bh_free) char *wanted = signature_of(imported);
	BH_AUTO(bh_free) char *given = signature_of(import->definition->signature);
	bh_error *e =
		bh_error_begin(err, BH_E_LINK, "%s is imported with another type than it is defined with", import->text);
	bh_error_hint_set(e, "imported: %s\ndefined:  %s", wanted ? wanted : "?", given ? given : "?");
	return BH_E_LINK;
}

static bool holds_handles(const bh_type *type)
{
	bool holds = type->kind == BH_KIND_OWN || type->kind == BH_KIND_BORROW;
	for (size_t i = 0; i < type->count && !holds; i++)
		holds = holds_handles(type->parts[i]);
	return holds;
}

BH_DEFINE_AUTO(bh_type *, bh_type_free)

/* The type of a function, kept unless the definition says the same. */
static bh_status take_type(linking *l, bh_import *import, const wasmtime_component_func_type_t *given, bh_error **err)
{
	BH_AUTO(bh_type_free) bh_type *type = NULL;
	bh_status status = bh_type_of_function(&type, given, err);
	if (status)
		return status;
	l->parts += bh_type_size(type);
	if (l->parts > MAX_TYPE_PARTS)
		return bh_fail(err, BH_E_UNSUPPORTED, "the types of its imports have more than %d parts", MAX_TYPE_PARTS);
	const bh_type *signature = import->definition->signature;
	if (signature && !bh_type_same(type, signature))
		return wrong_type(import, type, err);
	for (size_t i = 0; i + 1 < type->count; i++)
		import->takes_handles |= holds_handles(type->parts[i]);
	import->passes_handles = holds_handles(bh_type_part(type, type->count - 1));
	if (!signature)
		import->type = BH_TAKE(type);
	return BH_OK;
}

static void import_deinit(bh_import *import)
{
	bh_free(import->interface);
	bh_free(import->name);
	bh_free(import->text);
	bh_type_free(import->type);
}

static bh_status take_import(linking *l, bh_import *import, const bhx_import_t *given, bh_error **err)
{
	import->interface = given->interface.data ? bh_strndup(given->interface.data, given->interface.length) : NULL;
	import->name = bh_strndup(given->name.data, given->name.length);
	BH_AUTO(bh_free) char *text = import->name ? full_name(import->interface, import->name) : NULL;
	import->text = text ? bh_text_tame(text, strlen(text)) : NULL;
	if (!import->text || (given->interface.data && !import->interface))
		return bh_fail_memory(err);
	import->definition = bh_imports_find(l->imports, import->interface, import->name);
	bool resource = given->kind == BHX_IMPORT_RESOURCE;
	if (!import->definition || given->kind == BHX_IMPORT_OTHER || resource != (import->definition->resource != NULL))
		return not_provided(l, import, given, err);
	return resource ? BH_OK : take_type(l, import, given->type, err);
}

static bool note_import(void *data, bhx_import_t *given)
{
	linking *l = data;
	bh_code *code = l->code;
	uint32_t package;
	bh_import import = {0};
	BH_AUTO(bh_free)
	char *interface = given->interface.data ? bh_strndup(given->interface.data, given->interface.length) : NULL;
	bool wasi = interface && bh_wasi_package(interface, &package);
	if (!wasi)
		l->status = take_import(l, &import, given, l->err);
	/* Interceptors may do what a leaf may not. */
	import.leaf = !l->status && import.definition && import.definition->leaf && !code->intercepted;
	bh_import *grown = NULL;
	if (!wasi && !l->status) {
		grown = bh_grow(code->imports, code->import_count, &code->import_capacity, sizeof *grown);
		l->status = grown ? BH_OK : bh_fail_memory(l->err);
	}
	if (grown) {
		code->imports = grown;
		grown[code->import_count++] = import;
		code->suspends |= !import.leaf;
	} else {
		import_deinit(&import);
	}
	if (given->type)
		wasmtime_component_func_type_delete(given->type);
	return !l->status;
}

static bhx_text_t text_of(const char *text)
{
	return (bhx_text_t){text, text ? strlen(text) : 0};
}

static wasmtime_error_t *define(wasmtime_component_linker_t *linker, bh_import *import)
{
	const bh_definition *definition = import->definition;
	bhx_place_t place = {text_of(import->interface), text_of(import->name)};
	if (definition->resource)
		return bhx_linker_define_resource(linker, &place, definition->resource->kind, import, &bh_host_calls_ops);
	return bhx_linker_define(linker, &place, import->leaf, import, &bh_host_calls_ops);
}

/* A linker of the code's own: what WASI it imports, and each of the program's under the name it is imported by. */
static bh_status link(bh_code *code, bh_error **err)
{
	wasmtime_component_linker_t *linker = NULL;
	wasmtime_error_t *failed = bh_variant_linker(code->variant, code->wasi, &linker);
	for (size_t i = 0; i < code->import_count && !failed; i++)
		failed = define(linker, &code->imports[i]);
	bool ours = failed;
	if (!failed)
		failed = bhx_linker_instantiate_pre(linker, code->component, &code->pre);
	if (linker)
		wasmtime_component_linker_delete(linker);
	if (!failed)
		return BH_OK;
	if (ours)
		return bh_engine_fail(err, BH_E_ENGINE, failed, "what the program defines could not be linked");
	return bh_code_link_failed(failed, err);
}

BH_DEFINE_AUTO(bh_code *, bh_code_free)

bh_status bh_code_link(bh_code **out, bh_code *base, bh_imports *imports, bool intercepted, bh_error **err)
{
	BH_AUTO(bh_code_free) bh_code *code = bh_code_share(base);
	if (!code)
		return bh_fail_memory(err);
	code->provided = bh_imports_ref(imports);
	code->intercepted = intercepted;
	linking l = {.code = code, .imports = imports, .err = err};
	wasmtime_error_t *failed = bhx_component_imports(code->component, note_import, &l);
	if (failed)
		return bh_engine_fail(err, BH_E_COMPILE, failed, "imports cannot be listed");
	bh_status status = l.status ? l.status : link(code, err);
	if (status)
		return status;
	if (imports)
		atomic_store(&imports->frozen, true);
	*out = BH_TAKE(code);
	return BH_OK;
}

void bh_code_unlink(bh_code *code)
{
	for (size_t i = 0; i < code->import_count; i++)
		import_deinit(&code->imports[i]);
	bh_free(code->imports);
	bh_imports_free(code->provided);
}

bh_code *bh_code_bare(bh_code *code)
{
	return bh_code_ref(code->base ? code->base : code);
}

bh_imports *bh_code_provided(const bh_code *code)
{
	return code->provided;
}

bool bh_code_intercepted(const bh_code *code)
{
	return code->intercepted;
}

bool bh_code_imports(const bh_code *code, const bh_resource_type *type)
{
	for (size_t i = 0; i < code->import_count; i++)
		if (code->imports[i].definition->resource == type)
			return true;
	return false;
}

bh_status bh_code_granted(const bh_code *code, const bh_permissions *permissions, bh_error **err)
{
	for (size_t i = 0; i < code->import_count; i++)
		if (!bh_import_granted(&code->imports[i], permissions))
			return bh_import_denied(&code->imports[i], err);
	return BH_OK;
}

const bh_type *bh_import_result(const bh_import *import)
{
	const bh_type *type = import->type ? import->type : import->definition->signature;
	const bh_type *result = bh_type_part(type, type->count - 1);
	return result->kind == BH_KIND_NONE ? NULL : result;
}
