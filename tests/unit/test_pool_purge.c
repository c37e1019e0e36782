// test: timeout=60
/* A pool that is purged while two threads make instances and drop them: each finds its image and nothing else, and keeps what it wrote. */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "api.h"
#include "base/clock.h"
#include "engine/variant.h"
#include "host/host.h"

enum { WORDS = 327680 / 8, ENTRIES = 500 };

/* `run` counts the words that are not as declared, tables included, and then writes all over everything. */
static const char guest[] =
	"(component (core module $m (memory 5) (table $t 500 funcref) (elem declare func $f) (func $f)"
	" (data (i32.const 4096) \"imageimg\")"
	" (func $deep (param i32 i64 i64) (result i64) (if (result i64) (local.get 0)"
	"  (then (i64.add (local.get 1) (call $deep (i32.sub (local.get 0) (i32.const 1)) (local.get 2) (local.get 1))))"
	"  (else (local.get 2))))"
	" (func (export \"run\") (result i32) (local $at i32) (local $count i32)"
	"  (loop $words"
	"   (local.set $count (i32.add (local.get $count) (i64.ne (i64.load (local.get $at))"
	"    (select (i64.const 0x676d696567616d69) (i64.const 0) (i32.eq (local.get $at) (i32.const 4096))))))"
	"   (local.set $at (i32.add (local.get $at) (i32.const 8)))"
	"   (br_if $words (i32.lt_u (local.get $at) (i32.const 327680))))"
	"  (local.set $at (i32.const 0))"
	"  (loop $entries"
	"   (local.set $count (i32.add (local.get $count) (i32.eqz (ref.is_null (table.get $t (local.get $at))))))"
	"   (local.set $at (i32.add (local.get $at) (i32.const 1)))"
	"   (br_if $entries (i32.lt_u (local.get $at) (i32.const 500))))"
	"  (memory.fill (i32.const 0) (i32.const 0xaa) (i32.const 327680))"
	"  (table.fill $t (i32.const 0) (ref.func $f) (i32.const 500))"
	"  (drop (call $deep (i32.const 500) (i64.const -1) (i64.const 3)))"
	"  (local.get $count)))"
	" (core instance $i (instantiate $m))"
	" (func (export \"run\") (result u32) (canon lift (core func $i \"run\"))))";

static bh_component *component;
static _Atomic bool stop;
static _Atomic unsigned made;

static void *make_and_drop(void *data)
{
	bh_export *export_ = data;
	for (unsigned i = 0; !atomic_load(&stop); i++) {
		bh_value count = BH_VALUE_INIT;
		bh_instance *instance = t_instance(component);
		OK(bh_instance_call(instance, export_, NULL, 0, &count, NULL, NULL, &t_err));
		EXPECT(count.as.u32 == 0);
		/* And its own is left alone while it lives. */
		OK(bh_instance_call(instance, export_, NULL, 0, &count, NULL, NULL, &t_err));
		EXPECT(count.as.u32 == WORDS + ENTRIES);
		bh_instance_free(instance);
		atomic_fetch_add(&made, 1);
		if (i % 4 == 0)
			usleep(i % 500);
	}
	return NULL;
}

static void beside_those_who_make_instances(void **state)
{
	(void)state;
	bh_host *host = t_host_pooled(32);
	component = t_load_text(host, guest, NULL);
	bh_export *export_ = t_find(component, "run");
	pthread_t threads[2];
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, make_and_drop, export_), 0);
	uint64_t until = bh_after_ms(bh_now(), 2000), quiet = 0;
	while (bh_now() < until || atomic_load(&made) < 200) {
		quiet += !bh_variant_in_use(component->variant);
		bh_variant_rest(component->variant);
	}
	atomic_store(&stop, true);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	assert_true(quiet);
	assert_false(bh_variant_in_use(component->variant));
	bh_export_free(export_);
	bh_component_unref(component);
	bh_host_free(host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(beside_those_who_make_instances)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
