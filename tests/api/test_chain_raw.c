/* Answers that no bindings would write: discriminants, addresses, lengths and alignments of any kind. */
#include "chain_tools.h"
#include "one_host.h"

static bh_chain *chain;

static bh_exchange *ask(const char *path, const char *query)
{
	bh_http_request request = GET(path, header("a", "b"));
	request.query = str(query);
	return t_ask(chain, &request);
}

static void traps(const char *path, const char *query, const char *text)
{
	bh_exchange *e = ask(path, query);
	REPLIES(e, 503);
	bh_exchange_failure failure = bh_exchange_get_failure(e);
	if (failure.status != BH_E_TRAP || (text && !strstr(failure.message, text)))
		fail_msg("%s %s: %s: %s", path, query, bh_status_name(failure.status), failure.message);
	bh_exchange_free(e);
}

/* An edit: its four lists and the option of a body. 16 digits are one list: address and count. */
#define EDIT(status, set, add, rm, body) "02000000" status set add rm body
#define NONE "0000000000000000"

static void said_well(void **state)
{
	(void)state;
	bh_exchange *e = ask("00", "");
	CONTINUES(e);
	bh_exchange_free(e);
	e = ask("01ffffff9401", ""); /* 404: what lies between is nobody's business */
	REPLIES(e, 404);
	bh_exchange_free(e);
	/* The address of an empty list may be any in memory. */
	e = ask(EDIT("00000000", "0400000000000000", NONE, NONE, "01000000DATA05000000"), "");
	CONTINUES(e);
	assert_true(body_is(bh_exchange_get_request(e)->body, "xxxxx"));
	bh_exchange_free(e);
}

static void said_badly(void **state)
{
	(void)state;
	traps("03", "", NULL); /* respond is not a case of smg:gateway */
	traps("ff", "", NULL);
	traps(EDIT("02000000", NONE, NONE, NONE, "00000000" NONE), "", NULL);
	traps(EDIT("00000000", NONE, NONE, NONE, "02000000" NONE), "", NULL);
	traps(EDIT("00000000", NONE, NONE, NONE, "01000000DATAffffffff"), "", NULL);
	traps(EDIT("00000000", NONE, NONE, NONE, "01000000ffffffff01000000"), "", NULL);
	traps(EDIT("00000000", "ffffffff00000000", NONE, NONE, "00000000" NONE), "", NULL);
	traps(EDIT("00000000", "0000000000000010", NONE, NONE, "00000000" NONE), "", NULL); /* 16 times this is 2^32 */
	traps(EDIT("00000000", NONE, "DATAffffff7f", NONE, "00000000" NONE), "", NULL);
	traps(EDIT("00000000", NONE, "0200000001000000", NONE, "00000000" NONE), "", NULL); /* not aligned */
	traps(EDIT("00000000", NONE, NONE, "0100000001000000", "00000000" NONE), "", NULL);
	traps(EDIT("00000000", NONE, "DATA01000000", NONE, "00000000" NONE), "", NULL); /* names at 0x78787878 */
	traps("00", "1", NULL);
	traps("00", "4294967292", NULL);
	traps("00", "4294967040", NULL);
	traps("00", "134217728", NULL); /* where no memory is */
}

/* Whatever it is, it is one of three: nothing, a trap, what is not allowed. Under ASan nothing is read that is not ours. */
static void said_anyhow(void **state)
{
	(void)state;
	enum { CASES = 4000 };
	uint32_t seed = 1;
	unsigned fine = 0;
	for (int i = 0; i < CASES; i++) {
		char path[120], *at = path;
		for (int word = 0; word < 11; word++) {
			seed = seed * 1664525 + 1013904223;
			unsigned kind = (seed >> 8) % 8, value = seed >> 16;
			if (kind == 0 && word > 1)
				at += sprintf(at, "DATA");
			else if (kind == 1)
				at += sprintf(at, "%04x%04x", value, value);
			else
				at += sprintf(at, "%02x000000", word ? value % (kind == 2 ? 256 : 3) : kind % 4);
		}
		bh_exchange *e = ask(path, "");
		bh_status status = bh_exchange_get_failure(e).status;
		if (status != BH_OK && status != BH_E_TRAP && status != BH_E_BAD_RESULT && status != BH_E_RESOURCE_LIMIT)
			fail_msg("%s: %s", path, bh_status_name(status));
		fine += status == BH_OK;
		bh_exchange_free(e);
	}
	assert_in_range(fine, CASES / 100, CASES - CASES / 100);
}

static int set_up(void **state)
{
	host_begin(state);
	bh_component *guest = t_middleware(host, "gateway-raw.wasm", 10000);
	chain = t_chain(host);
	bh_chain_module_options options = module_of("m", guest);
	t_add(chain, &options);
	bh_component_unref(guest);
	return 0;
}

static int tear_down(void **state)
{
	bh_chain_free(chain);
	return host_end(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(said_well),
		cmocka_unit_test(said_badly),
		cmocka_unit_test(said_anyhow),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
