// test: timeout=60
/* What runs beside the messages: shadows, which nobody waits for, and what modules write. */
#include <pthread.h>
#include <stdatomic.h>

#include "chain_tools.h"
#include "one_host.h"

static bh_component *edit_guest, *print_guest, *slow_guest;

static bh_chain_stats_entry counted(bh_chain *chain, const char *name)
{
	bh_chain_stats *stats;
	const bh_chain_stats_entry *entry = t_counted(&stats, chain, name, BH_ATTACH_REQUEST);
	bh_chain_stats_entry copy = entry ? *entry : (bh_chain_stats_entry){0};
	copy.calls = NULL;
	bh_chain_stats_free(stats);
	return copy;
}

static uint64_t ended(bh_chain *chain, const char *name)
{
	bh_chain_stats_entry c = counted(chain, name);
	return c.continued + c.rejected + c.modified + c.replied + c.closed + c.opened;
}

/* Shadows are through with so many messages. */
static void wait_ended(bh_chain *chain, const char *name, uint64_t wanted)
{
	for (double end = t_now_ms() + 10000 * t_slack(); ended(chain, name) < wanted && t_now_ms() < end;)
		t_sleep_ms(1);
	assert_int_equal(ended(chain, name), wanted);
}

static bh_chain *shadowed(bh_component *component)
{
	bh_chain *chain = t_chain(host);
	bh_chain_module_options options = module_of("m", component);
	options.shadow = true;
	t_add(chain, &options);
	return chain;
}

/* Whatever it does changes nothing, and is counted. The message goes before it is seen: the copy is whole. */
static void changes_nothing(void **state)
{
	(void)state;
	static const char *const wants[][2] = {{"x-reject", "403"}, {"x-set", "a=1"}, {"x-do", "crash"}, {"x-do", "lie"}};
	bh_chain *chain = shadowed(edit_guest);
	for (size_t i = 0; i < 4; i++) {
		char name[16], value[16], body[] = "body";
		snprintf(name, sizeof name, "%s", wants[i][0]);
		snprintf(value, sizeof value, "%s", wants[i][1]);
		const bh_header given = header(name, value);
		bh_http_request request = request_of("POST", "/", &given, 1);
		request.body = bh_bytes_lend(body, 4);
		bh_exchange *e = t_ask(chain, &request);
		CONTINUES(e);
		assert_true(bh_exchange_saw(e, "m"));
		assert_ptr_equal(bh_exchange_get_request(e)->headers, &given);
		assert_ptr_equal(bh_exchange_get_request(e)->body.data, body);
		bh_exchange_free(e);
		memset(name, '!', sizeof name);
		memset(value, '!', sizeof value);
		memset(body, '!', sizeof body);
	}
	wait_ended(chain, "m", 4);
	bh_chain_stats_entry c = counted(chain, "m");
	assert_int_equal(c.rejected, 1);
	assert_int_equal(c.modified, 1);
	assert_int_equal(c.opened, 2);
	assert_int_equal(c.skipped, 0);
	bh_chain_free(chain);
}

/* It sees what those before it made of the request, and its response; what stands behind it does not see it. */
static void sees_its_turn(void **state)
{
	(void)state;
	bh_chain *chain = t_chain(host);
	bh_chain_module_options first = module_of("first", edit_guest), shadow = module_of("m", edit_guest);
	shadow.shadow = true;
	t_add(chain, &first);
	t_add(chain, &shadow);
	first.name = "last";
	t_add(chain, &first);
	/* The first is told to set what tells the shadow, in its turn, to reject; the last is not told anything. */
	bh_http_request request = GET("/", header("x-turn", "1"), header("x-set-1", "x-reject-2=418"));
	bh_http_response response = RESPONSE(200, header("x-reject", "403"));
	bh_exchange *e = t_ask(chain, &request);
	REPLIES(e, 418); /* of the last one: the shadow did not count */
	bh_exchange_free(e);
	wait_ended(chain, "m", 1);
	assert_int_equal(counted(chain, "m").rejected, 1);
	bh_chain_free(chain);

	chain = shadowed(edit_guest);
	request = GET("/", header("a", "b"));
	e = t_ask(chain, &request);
	OK(bh_exchange_response(e, &response, &t_err));
	assert_int_equal(bh_exchange_get_response(e)->status, 200);
	bh_exchange_free(e);
	bh_chain_stats *stats;
	uint64_t rejected = 0;
	for (double end = t_now_ms() + 10000 * t_slack(); !rejected && t_now_ms() < end; t_sleep_ms(1)) {
		const bh_chain_stats_entry *entry = t_counted(&stats, chain, "m", BH_ATTACH_RESPONSE);
		rejected = entry ? entry->rejected : 0;
		bh_chain_stats_free(stats);
	}
	assert_int_equal(rejected, 1);
	bh_chain_free(chain);
}

/* One that spins to its limit holds nobody up; past the bound messages are left out, and that is counted. */
static void nobody_waits(void **state)
{
	(void)state;
	enum { MESSAGES = 4 * BH_CHAIN_SHADOWS };
	bh_chain *chain = shadowed(slow_guest);
	bh_http_request spin = GET("/", header("x-do", "spin"));
	double begin = t_now_ms();
	unsigned saw = 0;
	for (int i = 0; i < MESSAGES; i++) {
		bh_exchange *e = t_ask(chain, &spin);
		CONTINUES(e);
		saw += bh_exchange_saw(e, "m");
		bh_exchange_free(e);
	}
	/* Each of them spins for 300 ms. */
	assert_true(t_now_ms() - begin < 300 * MESSAGES / 8.0);
	assert_in_range(saw, BH_CHAIN_SHADOWS, MESSAGES - 1);
	wait_ended(chain, "m", saw);
	bh_chain_stats_entry c = counted(chain, "m");
	assert_int_equal(c.opened, saw);
	assert_int_equal(c.skipped, MESSAGES - saw);
	/* There is room again. */
	bh_http_request calm = GET("/", header("a", "b"));
	bh_exchange *e = t_ask(chain, &calm);
	assert_true(bh_exchange_saw(e, "m"));
	bh_exchange_free(e);
	wait_ended(chain, "m", saw + 1);
	bh_chain_free(chain);
}

/* By what they hold: of two that are large only one is let in; one alone may be larger than all. */
static void bytes_are_bounded(void **state)
{
	(void)state;
	enum { LARGE = 9 << 20 };
	bh_chain *chain = shadowed(slow_guest);
	char *body = calloc(LARGE, 1);
	assert_non_null(body);
	bh_http_request spin = GET("/", header("x-do", "spin"));
	spin.body = bh_bytes_lend(body, LARGE);
	unsigned saw = 0;
	for (int i = 0; i < 2; i++) {
		bh_exchange *e = t_ask(chain, &spin);
		saw += bh_exchange_saw(e, "m");
		bh_exchange_free(e);
	}
	assert_int_equal(saw, 1);
	free(body);
	wait_ended(chain, "m", 1);
	assert_int_equal(counted(chain, "m").skipped, 1);
	bh_chain_free(chain);
}

/* The chain may go while they run. */
static void outlives_chain(void **state)
{
	(void)state;
	bh_chain *chain = shadowed(slow_guest);
	bh_http_request spin = GET("/", header("x-do", "spin"));
	for (int i = 0; i < 3; i++)
		bh_exchange_free(t_ask(chain, &spin));
	bh_chain_free(chain);
}

/* The same with values, where interceptors look on. */
static void watched(void **state)
{
	(void)state;
	unsigned seen = 0;
	bh_component *component = t_watched(host, "gateway-edit.wasm", &seen);
	bh_chain *chain = shadowed(component);
	bh_http_request request = GET("/", header("x-reject", "403"));
	bh_exchange *e = t_ask(chain, &request);
	CONTINUES(e);
	bh_exchange_free(e);
	wait_ended(chain, "m", 1);
	assert_int_equal(counted(chain, "m").rejected, 1);
	bh_chain_free(chain);
	bh_component_unref(component);
}

/* What modules write. */

typedef struct {
	pthread_mutex_t lock;
	char text[4096];
	size_t told;
} heard;

static void hear(void *data, const bh_chain_output *output)
{
	heard *h = data;
	pthread_mutex_lock(&h->lock);
	size_t length = strlen(h->text);
	int shown = output->text.length < 100 ? (int)output->text.length : 100;
	snprintf(h->text + length, sizeof h->text - length, "%s %u %s %.*s%s[%.*s]", output->module, output->attach,
	         output->error ? "err" : "out", (int)output->request_id.length, output->request_id.data,
	         output->truncated ? " cut " : " ", shown, output->text.data);
	h->told++;
	EXPECT(output->text.length <= 1000);
	pthread_mutex_unlock(&h->lock);
}

static bh_chain *told(heard *h, bh_component *component, uint32_t reuse)
{
	bh_chain *chain = NULL;
	bh_chain_options options = BH_CHAIN_OPTIONS_INIT;
	bh_chain_module_options module = module_of("m", component);
	*h = (heard){.lock = PTHREAD_MUTEX_INITIALIZER};
	options.log = hear;
	options.log_data = h;
	OK(bh_chain_new(&chain, host, &options, &t_err));
	module.reuse = reuse;
	module.attach = BH_ATTACH_REQUEST;
	t_add(chain, &module);
	return chain;
}

static _Atomic bool over;

static void note_end(void *data, bh_exchange *exchange)
{
	(void)data, (void)exchange;
	over = true;
}

static void ask(bh_chain *chain, const bh_http_request *request, bool starts)
{
	bh_exchange *e = t_begin_exchange(chain, request);
	over = !starts;
	if (starts)
		OK(bh_exchange_request_start(e, note_end, NULL, &t_err));
	else
		OK(bh_exchange_request(e, &t_err));
	for (double end = t_now_ms() + 10000 * t_slack(); !over && t_now_ms() < end;)
		t_sleep_ms(1);
	assert_true(over);
	bh_exchange_free(e);
}

/* Of fresh instances and of kept ones, waited for and started; each call by itself. */
static void written(void **state)
{
	(void)state;
	bh_http_request print = GET("/", header("x-do", "print"));
	for (int i = 0; i < 4; i++) {
		heard h;
		bh_chain *chain = told(&h, print_guest, i & 1 ? 3 : 1);
		for (int n = 0; n < 3; n++)
			ask(chain, &print, i & 2);
		assert_int_equal(h.told, 6);
		assert_string_equal(h.text, "m 1 out id-1 [a line\n]m 1 err id-1 [another\n]"
		                            "m 1 out id-1 [a line\n]m 1 err id-1 [another\n]"
		                            "m 1 out id-1 [a line\n]m 1 err id-1 [another\n]");
		bh_http_request calm = GET("/", header("a", "b"));
		ask(chain, &calm, i & 2);
		assert_int_equal(h.told, 6);
		bh_chain_free(chain);
	}
}

/* One that writes and traps is heard; one that floods is cut off, each time anew. */
static void written_badly(void **state)
{
	(void)state;
	heard h;
	bh_limits limits = t_limits();
	limits.output_bytes = 1000;
	limits.fuel = BH_UNLIMITED;
	bh_component *component = t_load(host, "gateway-print.wasm", &limits);
	bh_http_request crash = GET("/", header("x-do", "print-crash")), flood = GET("/", header("x-do", "print-much"));
	for (int i = 0; i < 4; i++) {
		bh_chain *chain = told(&h, component, i & 1 ? 3 : 1);
		ask(chain, &crash, i & 2);
		assert_string_equal(h.text, "m 1 err id-1 [last words]");
		h.text[0] = 0;
		ask(chain, &flood, i & 2);
		ask(chain, &flood, i & 2);
		assert_int_equal(h.told, 3);
		assert_non_null(strstr(h.text, "m 1 out id-1 cut [yyyy"));
		assert_ptr_not_equal(strstr(h.text, "cut ["), strrchr(h.text, '[') - 4);
		bh_chain_free(chain);
	}
	bh_component_unref(component);
}

/* Once the chain was given up nobody is told: what log_data pointed to may go. */
static void not_told_late(void **state)
{
	(void)state;
	heard h;
	bh_component *slow = t_middleware(host, "gateway-print.wasm", 300);
	bh_chain *chain = told(&h, slow, 1);
	bh_chain_edit *edit = NULL;
	bh_chain_module_options module = module_of("m", slow);
	module.shadow = true;
	module.attach = BH_ATTACH_REQUEST;
	OK(bh_chain_edit_new(&edit, chain, &t_err));
	OK(bh_chain_edit_replace(edit, "m", &module, &t_err));
	OK(bh_chain_edit_commit(edit, &t_err));
	bh_chain_edit_free(edit);
	bh_http_request spin = GET("/", header("x-do", "print-spin"));
	bh_exchange *e = t_ask(chain, &spin);
	bh_chain_free(chain);
	assert_int_equal(h.told, 0);
	memset(&h, 0xff, sizeof h);
	t_sleep_ms(400);
	for (size_t i = 0; i < sizeof h; i++)
		assert_int_equal(((unsigned char *)&h)[i], 0xff);
	bh_exchange_free(e);
	bh_component_unref(slow);
}

static int set_up(void **state)
{
	host_begin(state);
	edit_guest = t_middleware(host, "gateway-edit.wasm", 5000);
	print_guest = t_middleware(host, "gateway-print.wasm", 5000);
	slow_guest = t_middleware(host, "gateway-edit.wasm", 300);
	return 0;
}

static int tear_down(void **state)
{
	bh_component_unref(edit_guest);
	bh_component_unref(print_guest);
	bh_component_unref(slow_guest);
	return host_end(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes_nothing),   cmocka_unit_test(sees_its_turn),  cmocka_unit_test(nobody_waits),
		cmocka_unit_test(bytes_are_bounded), cmocka_unit_test(outlives_chain), cmocka_unit_test(watched),
		cmocka_unit_test(written),           cmocka_unit_test(written_badly),  cmocka_unit_test(not_told_late),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
