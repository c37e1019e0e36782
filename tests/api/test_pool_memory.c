// test: timeout=120 cost=5
/* What a freed slot of a pool leaves behind: nothing that the next guest can read, and not more than it may keep. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api.h"

/*
 * `words` grows the memory, and counts the words in it that are not as declared: data in two places, zero elsewhere.
 * `fill` grows it, and writes all over it.
 */
static const char guest[] =
	"(component (core module $m (memory %u)"
	" (data (i32.const 4096) \"%08u\") (data (i32.const 65528) \"%08u\")"
	" (func (export \"fill\") (param i32)"
	"  (if (i32.eq (memory.grow (local.get 0)) (i32.const -1)) (then unreachable))"
	"  (memory.fill (i32.const 0) (i32.const 0xaa) (i32.mul (memory.size) (i32.const 65536))))"
	" (func (export \"words\") (param i32) (result i32) (local $at i32) (local $count i32)"
	"  (if (i32.eq (memory.grow (local.get 0)) (i32.const -1)) (then unreachable))"
	"  (loop $next"
	"   (local.set $count (i32.add (local.get $count) (i64.ne (i64.load (local.get $at))"
	"    (select (i64.const %llu) (i64.const 0)"
	"     (i32.or (i32.eq (local.get $at) (i32.const 4096)) (i32.eq (local.get $at) (i32.const 65528)))))))"
	"   (local.set $at (i32.add (local.get $at) (i32.const 8)))"
	"   (br_if $next (i32.lt_u (local.get $at) (i32.mul (memory.size) (i32.const 65536)))))"
	"  (local.get $count)))"
	" (core instance $i (instantiate $m))"
	" (func (export \"fill\") (param \"pages\" u32) (canon lift (core func $i \"fill\")))"
	" (func (export \"words\") (param \"pages\" u32) (result u32) (canon lift (core func $i \"words\"))))";

static bh_component *load(bh_host *host, unsigned pages, unsigned mark)
{
	char text[4096], digits[9];
	unsigned long long word = 0;
	snprintf(digits, sizeof digits, "%08u", mark % 100000000U);
	memcpy(&word, digits, 8);
	snprintf(text, sizeof text, guest, pages, mark, mark, word);
	bh_limits limits = t_limits();
	limits.memory = BH_MIB(64);
	limits.fuel = BH_UNLIMITED;
	return t_load_text(host, text, &limits);
}

static void fill(bh_component *component, unsigned grown)
{
	char args[20];
	snprintf(args, sizeof args, "%u", grown);
	OK(t_call(NULL, component, "fill", args, NULL, NULL, &t_err));
}

static unsigned words(bh_component *component, unsigned grown)
{
	char args[20];
	snprintf(args, sizeof args, "%u", grown);
	return (unsigned)t_number(component, "words", args);
}

/* Guests of all sizes follow one another in the same slot: smaller, larger, of the same image and of others'. */
static void nothing_is_left_to_read(void **state)
{
	(void)state;
	static const unsigned sizes[] = {1, 3, 4, 5, 15, 16, 17, 64, 100};
	enum { SIZES = sizeof sizes / sizeof *sizes };
	for (unsigned slots = 1; slots <= 2000; slots = slots == 1 ? 2000 : slots + 1) { /* they keep 1 MiB, and 128 KiB */
		bh_host *host = t_host_pooled(slots);
		bh_component *components[SIZES];
		for (unsigned i = 0; i < SIZES; i++)
			components[i] = load(host, sizes[i], 10000000 + i);
		for (unsigned i = 0; i < SIZES; i++)
			for (unsigned j = 0; j < SIZES; j++)
				for (unsigned grown = 0; grown <= 40; grown += 20) {
					fill(components[i], grown);
					assert_int_equal(words(components[j], 0), 0);
					fill(components[i], 0);
					assert_int_equal(words(components[j], grown), 0);
				}
		for (unsigned i = 0; i < SIZES; i++)
			bh_component_unref(components[i]);
		bh_host_free(host);
	}
}

static uint64_t resident(void)
{
	unsigned long size = 0, pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");
	EXPECT(file && fscanf(file, "%lu %lu", &size, &pages) == 2);
	fclose(file);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* A rush of large guests; afterwards the pool keeps what it may, and no more after the next rush. */
static void the_rest_is_given_back(void **state)
{
	(void)state;
	if (t_slack() > 5)
		skip(); /* sanitizers keep what is freed */
	enum { SLOTS = 100, GUESTS = 100, MIB = 4 };
	static bh_instance *instances[GUESTS];
	bh_host *host = t_host_pooled(SLOTS);
	bh_component *component = load(host, 1, 1);
	bh_export *export_ = t_find(component, "fill");
	bh_value arg = bh_of_u32(MIB * 16 - 1);
	uint64_t before = resident();
	for (int rush = 0; rush < 3; rush++) {
		for (int i = 0; i < GUESTS; i++) {
			instances[i] = t_instance(component);
			OK(bh_instance_call(instances[i], export_, &arg, 1, NULL, NULL, NULL, &t_err));
		}
		assert_true(resident() > before + BH_MIB(MIB * GUESTS));
		for (int i = 0; i < GUESTS; i++)
			bh_instance_free(instances[i]);
		assert_true(resident() < before + BH_MIB(SLOTS) + BH_MIB(20));
	}
	bh_export_free(export_);
	bh_component_unref(component);
	bh_host_free(host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_left_to_read),
		cmocka_unit_test(the_rest_is_given_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
