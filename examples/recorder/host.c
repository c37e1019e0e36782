/* What guests may import: things that are never twice the same. */
#include <pthread.h>
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

static uint64_t clock_ns(void)
{
	struct timespec time;
	clock_gettime(CLOCK_REALTIME, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static bh_status now(void *data, const bh_value *args, size_t count, bh_value *result, bh_error **err)
{
	(void)data, (void)args, (void)count, (void)err;
	*result = bh_of_u64(clock_ns());
	return BH_OK;
}

/* The time in a while: answered by a thread that sleeps until then, while the guest's has other things to do. */
enum { LONGEST_MS = 1000 };
typedef struct {
	bh_completion *completion;
	uint32_t ms;
} nap;

static void *sleep_and_answer(void *data)
{
	nap *n = data;
	nanosleep(&(struct timespec){.tv_sec = n->ms / 1000, .tv_nsec = n->ms % 1000 * 1000000L}, NULL);
	bh_value time = bh_of_u64(clock_ns());
	bh_completion_finish(n->completion, &time);
	free(n);
	return NULL;
}

static void later(void *data, bh_completion *completion, const bh_value *args, size_t count)
{
	(void)data, (void)count;
	pthread_t thread;
	nap *n = args[0].as.u32 > LONGEST_MS ? NULL : malloc(sizeof *n);
	if (n)
		*n = (nap){completion, args[0].as.u32};
	if (n && !pthread_create(&thread, NULL, sleep_and_answer, n)) {
		pthread_detach(thread);
		return;
	}
	free(n);
	bh_completion_fail(completion, BH_E_INVALID, "%u ms is too long a while", args[0].as.u32);
}

static bh_status one_of(bh_value *result, uint32_t most, bh_error **err)
{
	uint64_t random = 0;
	if (getrandom(&random, sizeof random, 0) != sizeof random)
		return bh_error_new(err, BH_E_SYSTEM, "no random numbers");
	*result = bh_of_u32((uint32_t)(random % most) + 1);
	return BH_OK;
}

static bh_status roll(void *data, const bh_value *args, size_t count, bh_value *result, bh_error **err)
{
	(void)data, (void)count;
	if (!args[0].as.u32)
		return bh_error_new(err, BH_E_INVALID, "a die without sides");
	return one_of(result, args[0].as.u32, err);
}

/* Pots, which guests have handles of. They are numbered, not pointed to: a record has the numbers. */
enum { POTS = 1000 };
static const bh_resource_type *pot_type;
static uint32_t pots[POTS]; /* the most that is drawn from it; 0: there is none */

bh_status pot_handle(bh_value *out, uint64_t number, bh_error **err)
{
	return bh_resource_new(out, pot_type, number, err);
}

bool pot_number(uint64_t *number, const bh_value *handle)
{
	return bh_resource_read(number, handle, pot_type);
}

static bh_status new_pot(void *data, const bh_value *args, size_t count, bh_value *result, bh_error **err)
{
	(void)data, (void)count;
	uint64_t number = 0;
	while (number < POTS && pots[number])
		number++;
	if (number == POTS || !args[0].as.u32)
		return bh_error_new(err, BH_E_INVALID, number == POTS ? "no more pots" : "an empty pot");
	bh_status status = pot_handle(result, number, err);
	if (!status)
		pots[number] = args[0].as.u32;
	return status;
}

static bh_status draw(void *data, const bh_value *args, size_t count, bh_value *result, bh_error **err)
{
	(void)data, (void)count;
	uint64_t number = 0;
	if (!pot_number(&number, &args[0]))
		return bh_error_new(err, BH_E_INVALID, "no pot");
	return one_of(result, pots[number], err);
}

/* What is replayed has handles of pots that were never made. */
static void break_pot(void *data, uint64_t number)
{
	(void)data;
	if (number < POTS)
		pots[number] = 0;
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
		bh_host_async_fn *start;
		void (*free_data)(void *data);
	} all[] = {
		{"now", "func() -> u64", now, NULL, NULL},
		{"roll", "func(sides: u32) -> u32", roll, NULL, NULL},
		{"get", "func(key: string) -> option<string>", get, NULL, NULL},
		{"put", "func(key: string, value: string)", put, NULL, forget},
		{"later", "func(ms: u32) -> u64", NULL, later, NULL},
		{"[constructor]pot", NULL, new_pot, NULL, NULL}, /* whose types are of a resource */
		{"[method]pot.draw", NULL, draw, NULL, NULL},
	};
	bh_status failed = bh_imports_define_resource(&pot_type, imports, PLACE, "pot", break_pot, NULL, err);
	if (failed)
		return failed;
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		bh_host_function function = BH_HOST_FUNCTION_INIT;
		function.interface = PLACE;
		function.name = all[i].name;
		function.signature = all[i].signature;
		function.call = all[i].call;
		function.start = all[i].start;
		function.free_data = all[i].free_data;
		bh_status status = bh_imports_define_function(imports, &function, err);
		if (status)
			return status;
	}
	return BH_OK;
}
