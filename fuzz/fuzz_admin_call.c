/* Any bytes as the body of a call: what is taken has a name and arguments, and those are read or refused. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "bulkhead/call.h"
#include "bulkhead/host.h"
#include "serve/call_body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An export that has all kinds of types, without a guest that would have to be built. */
static bh_export *callee(void)
{
	static const char text[] =
		"(component"
		"  (type $r (record (field \"n\" s64) (field \"t\" string) (field \"o\" (option (option u8)))))"
		"  (type $v (variant (case \"none\") (case \"some\" (list f32)) (case \"err\" (result (error string)))))"
		"  (type $e (enum \"a\" \"b\"))"
		"  (type $f (flags \"x\" \"y\"))"
		"  (core module $M (memory (export \"memory\") 1)"
		"    (func (export \"realloc\") (param i32 i32 i32 i32) (result i32) i32.const 8)"
		"    (func (export \"f\") (param i32)))"
		"  (core instance $m (instantiate $M))"
		"  (alias core export $m \"memory\" (core memory $memory))"
		"  (alias core export $m \"realloc\" (core func $realloc))"
		"  (type $t (tuple bool char u64 f64 s8))"
		"  (type $l (list $v))"
		"  (type $b (list u8))"
		"  (export $r' \"r\" (type $r)) (export $v' \"v\" (type $v)) (export $e' \"e\" (type $e)) (export $f' \"fl\" (type $f))"
		"  (func (export \"f\") (param \"r\" $r') (param \"l\" (list $v')) (param \"e\" $e') (param \"f\" $f') (param \"t\" $t)"
		"    (param \"b\" $b)"
		"    (canon lift (core func $m \"f\") (memory $memory) (realloc $realloc))))";
	static bh_export *found;
	bh_error *err = NULL;
	bh_host *host = NULL;
	bh_component *component = NULL;
	bh_host_options host_options = BH_HOST_OPTIONS_INIT;
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	host_options.allocation = BH_ALLOCATION_ON_DEMAND;
	options.limits.memory = BH_MIB(1);
	if (found)
		return found;
	bh_status status = bh_host_new(&host, &host_options, &err);
	if (!status)
		status = bh_component_load_bytes(&component, host, text, sizeof text - 1, &options, &err);
	if (!status)
		status = bh_export_find(&found, component, "f", &err);
	if (status)
		fprintf(stderr, "%s\n", bh_error_cause_count(err) ? bh_error_cause(err, 0) : bh_error_message(err));
	assert(!status);
	bh_component_unref(component);
	bh_host_free(host);
	return found;
}

static void read_args(const char *json)
{
	bh_export *export_ = callee();
	bh_value args[6];
	bh_error *err = NULL;
	bh_status status = bh_export_parse_json_args(args, export_, json, &err);
	assert(!status == !err && (!status || status == BH_E_TYPE));
	for (size_t i = 0; i < 6; i++) {
		char *once = NULL, *again = NULL;
		bh_value copy = BH_VALUE_INIT;
		assert(!status || args[i].kind == BH_KIND_NONE);
		if (!status) {
			/* What was read is written so that it is read as the same, as far as it has text. */
			assert(bh_value_to_json(&once, &args[i], NULL) == BH_OK);
			assert(bh_value_parse_json(&copy, bh_export_param_type(export_, i), once, NULL) == BH_OK);
			assert(bh_value_to_json(&again, &copy, NULL) == BH_OK && !strcmp(once, again));
		}
		bh_string_free(once);
		bh_string_free(again);
		bh_value_deinit(&copy);
		bh_value_deinit(&args[i]);
	}
	bh_error_free(err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	call_body body = {0};
	bh_error *err = NULL;
	bh_status status = call_body_read(&body, (const char *)data, size, &err);
	assert(!status == !err);
	assert(status == BH_OK || status == BH_E_INVALID);
	if (!status) {
		assert(body.export_ && *body.export_ && strlen(body.export_) <= 1024 && body.args);
		assert(body.args[0] == (body.wave ? '(' : '['));
		if (!body.wave)
			read_args(body.args);
	}
	bh_error_free(err);
	call_body_deinit(&body);

	/* The bytes as arguments, too: the library reads what no other reader looked at first. */
	char *text = bh_strndup((const char *)data, size);
	assert(text);
	read_args(text);
	bh_free(text);
	return 0;
}
