/* What guests may import: things that are never twice the same. */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "recorder.h"

#define PLACE "acme:visitor/host@1.0.0"

/* The last few values that were put. */
enum { PLACES = 16 };
static struct {
	bh_value key, value;
} memory[PLACES];
static size_t next;

static bh_status now(void *data, const bh_value *args, size_t count, bh_value *result, bh_error **err)
{
	(void)data, (void)args, (void)count, (void)err;
	struct timespec time;
	clock_gettime(CLOCK_REALTIME, &time);
	*result = bh_of_u64((uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec);
	return BH_OK;
}

static bh_status roll(void *data, const bh_value *args, size_t count, bh_value *result, bh_error **err)
{
	(void)data, (void)count;
	uint64_t random = 0;
	if (!args[0].as.u32)
		return bh_error_new(err, BH_E_INVALID, "a die without sides");
	if (getrandom(&random, sizeof random, 0) != sizeof random)
		return bh_error_new(err, BH_E_SYSTEM, "no random numbers");
	*result = bh_of_u32((uint32_t)(random % args[0].as.u32) + 1);
	return BH_OK;
}

static bh_status get(void *data, const bh_value *args, size_t count, bh_value *result, bh_error **err)
{
	(void)data, (void)count;
	bh_value found = bh_of_option(NULL);
	for (size_t i = 0; i < PLACES; i++)
		if (bh_value_equal(&memory[i].key, &args[0]))
			found = bh_of_option(&memory[i].value);
	return bh_value_copy(result, &found, err);
}

static bh_status put(void *data, const bh_value *args, size_t count, bh_value *result, bh_error **err)
{
	(void)data, (void)count, (void)result;
	size_t at = 0;
	while (at < PLACES && !bh_value_equal(&memory[at].key, &args[0]))
		at++;
	if (at == PLACES)
		at = next++ % PLACES;
	bh_value key = BH_VALUE_INIT, value = BH_VALUE_INIT;
	bh_status status = bh_value_copy(&key, &args[0], err);
	if (!status && (status = bh_value_copy(&value, &args[1], err)))
		bh_value_deinit(&key);
	if (status)
		return status;
	bh_value_deinit(&memory[at].key);
	bh_value_deinit(&memory[at].value);
	memory[at].key = key;
	memory[at].value = value;
	return BH_OK;
}

static void forget(void *data)
{
	(void)data;
	for (size_t i = 0; i < PLACES; i++) {
		bh_value_deinit(&memory[i].key);
		bh_value_deinit(&memory[i].value);
	}
}

bh_status host_functions(bh_imports *imports, bh_error **err)
{
	static const struct {
		const char *name, *signature;
		bh_host_fn *call;
		void (*free_data)(void *data);
	} all[] = {
		{"now", "func() -> u64", now, NULL},
		{"roll", "func(sides: u32) -> u32", roll, NULL},
		{"get", "func(key: string) -> option<string>", get, NULL},
		{"put", "func(key: string, value: string)", put, forget},
	};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		bh_host_function function = BH_HOST_FUNCTION_INIT;
		function.interface = PLACE;
		function.name = all[i].name;
		function.signature = all[i].signature;
		function.call = all[i].call;
		function.free_data = all[i].free_data;
		bh_status status = bh_imports_define_function(imports, &function, err);
		if (status)
			return status;
	}
	return BH_OK;
}
