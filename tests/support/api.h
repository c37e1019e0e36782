/*
 * Helpers of the tests that run guests.
 *
 *   OK(bh_host_new(&host, NULL, &t_err));              the call must succeed
 *   FAILS(BH_E_TYPE, bh_export_call(..., &t_err));     it must fail so; t_err then holds the error
 *   assert_true(t_says("max_memory"));                 its message, hint or a cause has this text (with
 *                                                      BH_TEST_VERBOSE set they are printed where none has)
 *
 * On other threads than the first a failed expectation aborts, for cmocka cannot jump between threads.
 */
#ifndef BH_TEST_API_H
#define BH_TEST_API_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bulkhead.h"

extern _Thread_local bh_error *t_err;

#define OK(call) (t_begin(), t_check(BH_OK, (call), #call, __FILE__, __LINE__))
#define FAILS(status, call) (t_begin(), t_check((status), (call), #call, __FILE__, __LINE__))
/* An expectation on any thread. */
#define EXPECT(truth) ((truth) ? (void)0 : t_fail(#truth, __FILE__, __LINE__))

void t_begin(void);
void t_check(bh_status wanted, bh_status got, const char *call, const char *file, int line);
void t_fail(const char *what, const char *file, int line);
bool t_says(const char *text);
void t_print_error(const bh_error *err);

/* Asserts that the error names this limit, with this value. */
void t_names_limit(bh_limit limit, uint64_t allowed);

/* Roomy limits: 64 MiB of memory, 30 s, no fuel limit. */
bh_limits t_limits(void);

/* A host without pools, which is made quickly, and one with. */
bh_host *t_host(void);
bh_host *t_host_pooled(uint32_t slots);

/* A guest of build/guests; skips the test program where it is not built. NULL limits are t_limits(). */
const char *t_guest(const char *name);
bh_component *t_load(bh_host *host, const char *guest, const bh_limits *limits);
bh_component *t_load_text(bh_host *host, const char *wat, const bh_limits *limits);
bh_component *t_load_with(bh_host *host, const char *guest, const bh_limits *limits, const bh_permissions *permissions);
bh_instance *t_instance(bh_component *component);
bh_export *t_find(bh_component *component, const char *name);

/* Calls with arguments as WAVE text, result as WAVE text (to be freed with bh_string_free; NULL for none). */
bh_status t_call(char **result, bh_component *component, const char *name, const char *args,
                 const bh_call_options *options, bh_usage *usage, bh_error **err);
bh_status t_call_live(char **result, bh_instance *instance, bh_export *export_, const char *args,
                      const bh_call_options *options, bh_usage *usage, bh_error **err);

/*
 * Runs a command with arguments that end with NULL; stdout and stderr both go to `out`, which may be NULL. `base`
 * says the rest; NULL for nothing.
 */
bh_status t_run(bh_component *component, const char *const *args, const bh_instance_options *base, bh_buffer *out,
                int *exit_status, bh_error **err);
#define T_ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* The result of a call that must succeed and return a number. */
uint64_t t_number(bh_component *component, const char *name, const char *args);
uint64_t t_number_live(bh_instance *instance, bh_component *component, const char *name, const char *args);

double t_now_ms(void);
void t_sleep_ms(unsigned ms);

/* How much longer things may take here: sanitizers, and other programs on the machine. */
double t_slack(void);

/*
 * Whether this is a build with TSan: it fails an assertion of its own where the engine's threads, which it does not
 * see through, hand descriptors of files over.
 */
bool t_under_tsan(void);

/* Of this process. */
size_t t_descriptors(void);
size_t t_threads(void);
size_t t_rss(void);

/* How often its threads other than this one went to sleep of themselves, which is once for each wake-up. */
uint64_t t_sleeps(void);

#endif
