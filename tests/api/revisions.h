/* Versions of one service, as upgrades replace them: each says its number, counts, and may fail in some way. */
#ifndef BH_TEST_REVISIONS_H
#define BH_TEST_REVISIONS_H

#include "supervisor_tools.h"

typedef struct {
	unsigned number;
	bool traps_at_start, never_ready, never_well, traps_when_ready, lacks_add;
	bool state;       /* exports bulkhead:service/state: its count */
	unsigned padding; /* bytes behind it in a snapshot */
	unsigned pages;   /* of memory; 0: 4 */
	bool refuses, traps_at_restore, traps_at_snapshot, hangs_at_restore, hangs_at_snapshot;
	uint64_t execution_ms, queue_ms; /* 0: 10 s, 20 s */
} revision;

static const char revision_core[] =
	"(component (core module $m (memory (export \"mem\") %u) (global $n (mut i32) (i32.const 0))"
	" (func (export \"realloc\") (param i32 i32 i32 i32) (result i32) (i32.const 131072))"
	" (func (export \"version\") (result i32) (i32.const %u))"
	" (func (export \"add\") (result i32) (global.set $n (i32.add (global.get $n) (i32.const 1))) (global.get $n))"
	" (func (export \"get\") (result i32) (global.get $n))"
	" (func (export \"crash\") unreachable)"
	" (func (export \"spin\") (loop (br 0)))"
	" (func (export \"ready\") (result i32) %s)"
	" (func (export \"health\") (result i32) (i32.const %d))"
	" (func (export \"snapshot\") (result i32) %s (i32.store (i32.const 16) (global.get $n))"
	"  (i32.store (i32.const 0) (i32.const 16)) (i32.store (i32.const 4) (i32.const %u)) (i32.const 0))"
	/* Where the error's text is: "no". */
	" (func (export \"restore\") (param i32 i32) (result i32) %s"
	"  (i32.store (i32.const 8) (i32.const %d)) (i32.store (i32.const 12) (i32.const 40))"
	"  (i32.store (i32.const 16) (i32.const 2)) (i32.store16 (i32.const 40) (i32.const 0x6f6e))"
	"  (if (i32.eqz (i32.load (i32.const 8))) (then (global.set $n (i32.load (local.get 0))))) (i32.const 8))"
	" (func $start %s) (start $start))"
	" (core instance $i (instantiate $m))"
	" (func (export \"version\") (result u32) (canon lift (core func $i \"version\")))"
	" (func (export \"%s\") (result u32) (canon lift (core func $i \"add\")))"
	" (func (export \"get\") (result u32) (canon lift (core func $i \"get\")))"
	" (func (export \"crash\") (canon lift (core func $i \"crash\")))"
	" (func (export \"spin\") (canon lift (core func $i \"spin\")))"
	" (func (export \"ready\") (result bool) (canon lift (core func $i \"ready\")))"
	" (func (export \"health\") (result bool) (canon lift (core func $i \"health\")))"
	" %s)";
static const char revision_state[] =
	"(func $snapshot (result (list u8)) (canon lift (core func $i \"snapshot\") (memory (core memory $i \"mem\"))))"
	" (func $restore (param \"state\" (list u8)) (result (result (error string)))"
	"  (canon lift (core func $i \"restore\") (memory (core memory $i \"mem\")) (realloc (core func $i \"realloc\"))))"
	" (instance $state (export \"snapshot\" (func $snapshot)) (export \"restore\" (func $restore)))"
	" (export \"bulkhead:service/state@0.1.0\" (instance $state))";

static inline const char *revision_fault(bool traps, bool hangs)
{
	return traps ? "unreachable" : hangs ? "(loop (br 0))" : "";
}

static inline bh_component *revision_load(revision r)
{
	char text[8192];
	bh_limits limits = t_limits();
	uint32_t pages = r.pages ? r.pages : 4;
	limits.memory = pages > 16 ? pages * UINT64_C(65536) : BH_MIB(1);
	limits.execution_ms = r.execution_ms ? r.execution_ms : 10000;
	limits.queue_ms = r.queue_ms ? r.queue_ms : (uint64_t)(20000 * t_slack());
	limits.fuel = BH_UNLIMITED;
	int length =
		snprintf(text, sizeof text, revision_core, pages, r.number,
	             r.traps_when_ready ? "unreachable"
	             : r.never_ready    ? "(i32.const 0)"
	                                : "(i32.const 1)",
	             !r.never_well, revision_fault(r.traps_at_snapshot, r.hangs_at_snapshot), 4 + r.padding,
	             revision_fault(r.traps_at_restore, r.hangs_at_restore), r.refuses,
	             r.traps_at_start ? "unreachable" : "", r.lacks_add ? "added" : "add", r.state ? revision_state : "");
	assert_true(length > 0 && (size_t)length < sizeof text);
	return t_load_text(host, text, &limits);
}

static inline bh_child_options revision_service(bh_component *component)
{
	bh_child_options options = BH_CHILD_OPTIONS_INIT;
	options.name = "service";
	options.component = component;
	options.ready = "ready";
	options.health = "health";
	options.health_ms = 60000;
	options.answer_ms = (uint64_t)(1000 * t_slack());
	options.start_ms = (uint64_t)(10000 * t_slack());
	options.shutdown_ms = 300;
	return options;
}

/* What came of an upgrade. */
typedef struct {
	_Atomic unsigned told;
	bh_status status;
	bh_error *why;
} outcome;

static inline void outcome_done(void *data, bh_child *child, bh_status status, const bh_error *why)
{
	(void)child;
	outcome *o = data;
	o->status = status;
	o->why = bh_error_copy(why);
	atomic_fetch_add(&o->told, 1);
}

static inline bh_status outcome_wait(outcome *o)
{
	double until = t_now_ms() + 30000 * t_slack();
	while (!atomic_load(&o->told) && t_now_ms() < until)
		t_sleep_ms(1);
	assert_int_equal(atomic_load(&o->told), 1);
	return o->status;
}

/* Upgrade and wait for what comes of it. */
static inline bh_status upgrade_to(scene *s, bh_component *component, bh_upgrade_options options)
{
	outcome o = {0};
	options.done = outcome_done;
	options.done_data = &o;
	OK(bh_child_upgrade(s->child, component, &options, &t_err));
	bh_status status = outcome_wait(&o);
	t_begin();
	t_err = o.why; /* so that t_says() sees it */
	return status;
}

#endif
