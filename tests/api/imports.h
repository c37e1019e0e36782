/* What the tests of host functions share: sets of definitions, and components that are linked with them. */
#ifndef BH_TEST_IMPORTS_H
#define BH_TEST_IMPORTS_H

#include "one_host.h"

#define HOST "acme:test/host@1.0.0"

static inline bh_imports *t_imports(void)
{
	bh_imports *imports = NULL;
	OK(bh_imports_new(&imports, &t_err));
	return imports;
}

static inline void t_define(bh_imports *imports, const char *name, bh_host_fn *call, void *data)
{
	OK(bh_imports_define(imports, HOST, name, NULL, call, data, &t_err));
}

static inline void t_define_async(bh_imports *imports, const char *name, bh_host_async_fn *start, void *data)
{
	OK(bh_imports_define_async(imports, HOST, name, NULL, start, data, &t_err));
}

static inline bh_component_options t_linked(bh_imports *imports)
{
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	options.limits = t_limits();
	options.imports = imports;
	return options;
}

static inline bh_component *t_link_text(const char *wat, const bh_component_options *options)
{
	bh_component *component = NULL;
	OK(bh_component_load_bytes(&component, host, wat, strlen(wat), options, &t_err));
	return component;
}

/* `wat` linked with a set, which is given up. */
static inline bh_component *t_link(const char *wat, bh_imports *imports)
{
	bh_component_options options = t_linked(imports);
	bh_component *component = t_link_text(wat, &options);
	bh_imports_free(imports);
	return component;
}

/* An allocator for guests in text: it only ever goes on, and grows the memory as it goes. */
#define T_LIBC                                                                                                         \
	"(core module $Libc (memory (export \"memory\") 1) (global $end (mut i32) (i32.const 1024))\n"                     \
	"  (func (export \"realloc\") (param i32 i32 i32 i32) (result i32) (local $at i32)\n"                              \
	"    (local.set $at (i32.and (i32.add (global.get $end) (i32.const 15)) (i32.const -16)))\n"                       \
	"    (global.set $end (i32.add (local.get $at) (local.get 3)))\n"                                                  \
	"    (if (i32.gt_u (global.get $end) (i32.mul (memory.size) (i32.const 65536)))\n"                                 \
	"      (then (if (i32.eq (i32.const -1) (memory.grow (i32.add (i32.const 1) (i32.shr_u (i32.sub (global.get $end)" \
	"        (i32.mul (memory.size) (i32.const 65536))) (i32.const 16))))) (then unreachable))))\n"                    \
	"    (local.get $at)))\n"                                                                                          \
	"(core instance $libc (instantiate $Libc))\n"                                                                      \
	"(alias core export $libc \"memory\" (core memory $memory))\n"                                                     \
	"(alias core export $libc \"realloc\" (core func $realloc))\n"

/*
 * A guest that imports functions of HOST: each of its exports calls the import of its name; `many` calls `number` n
 * times, `spin` computes for ever, `huge` passes that many bytes on.
 */
static const char t_caller_text[] =
	"(component\n"
	"  (import \"" HOST "\" (instance $host\n"
	"    (export \"number\" (func (param \"n\" u32) (result u32)))\n"
	"    (export \"text\" (func (param \"s\" string) (result string)))\n"
	"    (export \"bytes\" (func (param \"b\" (list u8)) (result u32)))\n"
	"    (export \"nothing\" (func))))\n" T_LIBC "  (core func $number (canon lower (func $host \"number\")))\n"
	"  (core func $text (canon lower (func $host \"text\")\n"
	"    (memory $memory) (realloc $realloc)))\n"
	"  (core func $bytes (canon lower (func $host \"bytes\") (memory $memory)))\n"
	"  (core func $nothing (canon lower (func $host \"nothing\")))\n"
	"  (core module $M\n"
	"    (import \"libc\" \"memory\" (memory 0))\n"
	"    (import \"libc\" \"realloc\" (func $realloc (param i32 i32 i32 i32) (result i32)))\n"
	"    (import \"host\" \"number\" (func $number (param i32) (result i32)))\n"
	"    (import \"host\" \"text\" (func $text (param i32 i32 i32)))\n"
	"    (import \"host\" \"bytes\" (func $bytes (param i32 i32) (result i32)))\n"
	"    (import \"host\" \"nothing\" (func $nothing))\n"
	"    (func (export \"number\") (param i32) (result i32) (call $number (local.get 0)))\n"
	"    (func (export \"text\") (param i32 i32) (result i32)\n"
	"      (call $text (local.get 0) (local.get 1) (i32.const 16)) (i32.const 16))\n"
	"    (func (export \"huge\") (param i32) (result i32)\n"
	"      (call $bytes (call $realloc (i32.const 0) (i32.const 0) (i32.const 1) (local.get 0)) (local.get 0)))\n"
	"    (func (export \"nothing\") (call $nothing))\n"
	"    (func (export \"many\") (param i32) (result i32) (local i32)\n"
	"      (block (loop (br_if 1 (i32.eqz (local.get 0)))\n"
	"        (local.set 1 (call $number (local.get 1)))\n"
	"        (local.set 0 (i32.sub (local.get 0) (i32.const 1))) (br 0))) (local.get 1))\n"
	"    (func (export \"spin\") (call $nothing) (loop (br 0))))\n"
	"  (core instance $i (instantiate $M (with \"libc\" (instance $libc)) (with \"host\" (instance\n"
	"    (export \"number\" (func $number)) (export \"text\" (func $text)) (export \"bytes\" (func $bytes))\n"
	"    (export \"nothing\" (func $nothing))))))\n"
	"  (func (export \"number\") (param \"n\" u32) (result u32) (canon lift (core func $i \"number\")))\n"
	"  (func (export \"text\") (param \"s\" string) (result string) (canon lift (core func $i \"text\")\n"
	"    (memory $memory) (realloc $realloc)))\n"
	"  (func (export \"huge\") (param \"n\" u32) (result u32) (canon lift (core func $i \"huge\")))\n"
	"  (func (export \"nothing\") (canon lift (core func $i \"nothing\")))\n"
	"  (func (export \"many\") (param \"n\" u32) (result u32) (canon lift (core func $i \"many\")))\n"
	"  (func (export \"spin\") (canon lift (core func $i \"spin\"))))\n";

/* What it imports, as host functions that do what is expected of them. */

static inline bh_status t_add_one(void *data, const bh_value *args, size_t count, bh_value *result, bh_error **err)
{
	(void)err;
	EXPECT(count == 1 && args[0].kind == BH_KIND_U32);
	uint32_t *calls = data;
	if (calls)
		++*calls;
	*result = bh_of_u32(args[0].as.u32 + 1);
	return BH_OK;
}

static inline bh_status t_echo(void *data, const bh_value *args, size_t count, bh_value *result, bh_error **err)
{
	(void)data;
	EXPECT(count == 1);
	return bh_value_copy(result, &args[0], err);
}

static inline bh_status t_length(void *data, const bh_value *args, size_t count, bh_value *result, bh_error **err)
{
	(void)data, (void)err;
	EXPECT(count == 1 && args[0].kind == BH_KIND_BYTES);
	*result = bh_of_u32((uint32_t)args[0].as.bytes.length);
	return BH_OK;
}

static inline bh_status t_nothing(void *data, const bh_value *args, size_t count, bh_value *result, bh_error **err)
{
	(void)data, (void)args, (void)result, (void)err;
	EXPECT(count == 0);
	return BH_OK;
}

/* All of them but one, which a test defines as it likes; NULL: all. */
static inline bh_imports *t_all_but(const char *other)
{
	static const struct {
		const char *name;
		bh_host_fn *call;
	} all[] = {{"number", t_add_one}, {"text", t_echo}, {"bytes", t_length}, {"nothing", t_nothing}};
	bh_imports *imports = t_imports();
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (!other || strcmp(all[i].name, other) != 0)
			t_define(imports, all[i].name, all[i].call, NULL);
	return imports;
}

/* A component of t_caller_text with one function of a test's own. */
static inline bh_component *t_caller(const char *name, bh_host_fn *call, void *data)
{
	bh_imports *imports = t_all_but(name);
	if (call)
		t_define(imports, name, call, data);
	return t_link(t_caller_text, imports);
}

static inline bh_component *t_caller_async(const char *name, bh_host_async_fn *start, void *data)
{
	bh_imports *imports = t_all_but(name);
	t_define_async(imports, name, start, data);
	return t_link(t_caller_text, imports);
}

/* A call that must fail so. */
#define CALL_FAILS(status, component, name, args) FAILS(status, t_call(NULL, component, name, args, NULL, NULL, &t_err))

#endif
