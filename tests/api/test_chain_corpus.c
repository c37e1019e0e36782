// test: timeout=60
/*
 * A corpus of messages, and what docs/guide/gateway.md says comes of them, written once more: as lists of strings that
 * are made anew at each step, with none of the library's code. Modules of guests/gateway/edit.c take their turns.
 */
#include <ctype.h>

#include "chain_tools.h"
#include "one_host.h"

enum { CASES = 1500, MODULES = 3, MOST = 80, LONGEST = 60 };

static bh_chain *chain, *plain_chain, *watched_chain;
static unsigned watched_calls;
static int cases = CASES;
static uint32_t seed;

static unsigned chance(unsigned n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

/* The oracle. */

typedef struct {
	char name[LONGEST], value[LONGEST];
} pair;

typedef struct {
	pair all[MOST];
	int count;
	char body[LONGEST];
	int body_length, status;
	bool rejected;
} model;

static bool alike(const char *a, const char *b)
{
	for (; *a && *b; a++, b++)
		if (tolower((unsigned char)*a) != tolower((unsigned char)*b))
			return false;
	return *a == *b;
}

static bool any_of(const char *name, const char *const *names)
{
	for (; *names; names++)
		if (alike(name, *names))
			return true;
	return false;
}

static const char *const not_heard[] = {"content-length", "transfer-encoding", "connection",       "keep-alive", "te",
                                        "trailer",        "upgrade",           "proxy-connection", NULL};
static const char *const of_bodies[] = {"content-length", "transfer-encoding", "trailer", NULL};

static void append(model *m, const char *name, const char *value)
{
	assert_true(m->count < MOST);
	while (*value == ' ' || *value == '\t')
		value++;
	snprintf(m->all[m->count].name, LONGEST, "%s", name);
	snprintf(m->all[m->count].value, LONGEST, "%s", value);
	char *text = m->all[m->count].value;
	for (size_t n = strlen(text); n && (text[n - 1] == ' ' || text[n - 1] == '\t'); n--)
		text[n - 1] = 0;
	m->count++;
}

static void append_raw(model *m, const pair *p)
{
	assert_true(m->count < MOST);
	m->all[m->count++] = *p;
}

static void set(model *m, const char *name, const char *value)
{
	model next = *m;
	bool done = false;
	next.count = 0;
	for (int i = 0; i < m->count; i++) {
		if (!alike(m->all[i].name, name))
			append_raw(&next, &m->all[i]);
		else if (!done)
			append(&next, name, value);
		done |= alike(m->all[i].name, name);
	}
	if (!done)
		append(&next, name, value);
	*m = next;
}

static void drop(model *m, const char *name)
{
	model next = *m;
	next.count = 0;
	for (int i = 0; i < m->count; i++)
		if (!alike(m->all[i].name, name))
			append_raw(&next, &m->all[i]);
	*m = next;
}

static void halves(const char *text, char *name, char *value)
{
	const char *equals = strchr(text, '=');
	snprintf(name, LONGEST, "%.*s", (int)(equals - text), text);
	snprintf(value, LONGEST, "%s", equals + 1);
}

/* What the module whose turn it is was told: of what the message has at that moment. */
static void take_turn(model *m, bool response)
{
	const model seen = *m;
	char turn = 0, wanted[5][20], name[LONGEST], value[LONGEST];
	static const char *const what[] = {"x-set", "x-add", "x-rm", "x-body", "x-status"};
	bool body = false;
	int status = 0;
	for (int i = 0; i < seen.count && !turn; i++)
		if (alike(seen.all[i].name, "x-turn"))
			turn = seen.all[i].value[0];
	for (int i = 0; i < 5; i++)
		snprintf(wanted[i], sizeof wanted[i], "%s-%c", what[i], turn);
	char reject[20];
	snprintf(reject, sizeof reject, "x-reject-%c", turn);
	for (int i = 0; i < seen.count; i++)
		if (alike(seen.all[i].name, reject)) {
			memset(m, 0, sizeof *m);
			m->rejected = true;
			m->status = atoi(seen.all[i].value);
			return;
		}
	for (int i = 0; i < seen.count; i++) {
		body |= alike(seen.all[i].name, wanted[3]);
		if (alike(seen.all[i].name, wanted[3]))
			m->body_length = snprintf(m->body, LONGEST, "%s", seen.all[i].value);
		if (alike(seen.all[i].name, wanted[4]))
			status = atoi(seen.all[i].value);
	}
	bool no_body = response && (status == 204 || status == 304);
	for (int i = 0; (body || no_body) && of_bodies[i]; i++)
		drop(m, of_bodies[i]);
	if (no_body)
		m->body_length = 0;
	if (response && status)
		m->status = status;
	for (int i = 0; i < seen.count; i++)
		if (alike(seen.all[i].name, wanted[0])) {
			halves(seen.all[i].value, name, value);
			if (!any_of(name, not_heard))
				set(m, name, value);
		}
	char next[2] = {(char)(turn + 1), 0};
	set(m, "x-turn", next);
	for (int i = 0; i < seen.count; i++)
		if (alike(seen.all[i].name, wanted[1])) {
			halves(seen.all[i].value, name, value);
			if (!any_of(name, not_heard))
				append(m, name, value);
		}
	for (int i = 0; i < seen.count; i++)
		if (alike(seen.all[i].name, wanted[2]) && !any_of(seen.all[i].value, not_heard))
			drop(m, seen.all[i].value);
}

/* The corpus. */

static const char *some_name(void)
{
	static const char *const names[] = {"Host",       "host",    "Accept", "accept",  "Set-Cookie",
	                                    "set-cookie", "x-a",     "X-A",    "X-a",     "etag",
	                                    "!odd#$%&'*", "via",     "Via",    "x_b.c~",  "Content-Length",
	                                    "connection", "trailer", "TE",     "Upgrade", "Transfer-Encoding"};
	return names[chance(sizeof names / sizeof *names)];
}

static const char *some_value(void)
{
	static const char *const values[] = {
		"",           " ",         "1",    "two words", "  spaces \t ", "\ttab", "a=b=c", "\xc3\xa9t\xc3\xa9",
		"\"quoted\"", "0,1;q=0.5", "same", "same"};
	return values[chance(sizeof values / sizeof *values)];
}

static void instruct(model *m)
{
	pair *p = &m->all[m->count++];
	static const char *const what[] = {"x-set", "x-set", "x-add", "x-add", "x-rm", "x-body", "x-status", "x-reject"};
	unsigned kind = chance(chance(6) ? 6 : 8);
	snprintf(p->name, LONGEST, "%s-%u", what[kind], 1 + chance(MODULES));
	if (kind < 4)
		snprintf(p->value, LONGEST, "%s=%s", some_name(), some_value());
	else if (kind == 4)
		snprintf(p->value, LONGEST, "%s", some_name());
	else if (kind == 5)
		snprintf(p->value, LONGEST, "%s", some_value());
	else
		snprintf(p->value, LONGEST, "%u", chance(3) ? 200 + chance(400) : 204);
}

static model make(void)
{
	model m = {.status = 200};
	int plain = (int)chance(8), told = (int)chance(10);
	for (int i = 0; i < plain; i++) {
		pair *p = &m.all[m.count++];
		snprintf(p->name, LONGEST, "%s", some_name());
		snprintf(p->value, LONGEST, "%s", some_value());
	}
	for (int i = 0; i < told; i++)
		instruct(&m);
	strcpy(m.all[m.count].name, chance(2) ? "x-turn" : "X-Turn");
	strcpy(m.all[m.count++].value, "1");
	m.body_length = (int)chance(LONGEST);
	for (int i = 0; i < m.body_length; i++)
		m.body[i] = (char)chance(256); /* any bytes */
	return m;
}

static size_t view(const model *m, bh_header *headers)
{
	for (int i = 0; i < m->count; i++)
		headers[i] = header(m->all[i].name, m->all[i].value);
	return (size_t)m->count;
}

static void compare(int number, const model *m, const bh_header *headers, size_t count, bh_bytes body)
{
	if (count != (size_t)m->count)
		fail_msg("case %d: %zu headers, not %d", number, count, m->count);
	for (size_t i = 0; i < count; i++)
		if (!string_is(headers[i].name, m->all[i].name) || !string_is(headers[i].value, m->all[i].value))
			fail_msg("case %d: header %zu is %.*s: %.*s, not %s: %s", number, i, (int)headers[i].name.length,
			         headers[i].name.data, (int)headers[i].value.length, headers[i].value.data, m->all[i].name,
			         m->all[i].value);
	if (body.length != (size_t)m->body_length || (body.length && memcmp(body.data, m->body, body.length) != 0))
		fail_msg("case %d: another body", number);
}

static bh_exchange *ask(const model *m)
{
	static bh_header headers[MOST];
	bh_http_request request = request_of("POST", "/", headers, view(m, headers));
	request.body = bh_bytes_lend(m->body, (size_t)m->body_length);
	return t_ask(chain, &request);
}

static void requests(void **state)
{
	(void)state;
	unsigned rejected = 0, changed = 0;
	for (int i = 0; i < cases; i++) {
		seed = (uint32_t)i;
		const model before = make();
		model m = before;
		for (int turn = 0; turn < MODULES && !m.rejected; turn++)
			take_turn(&m, false);
		bh_exchange *e = ask(&before);
		const bh_http_request *out = bh_exchange_get_request(e);
		if (m.rejected) {
			REPLIES(e, m.status);
			assert_int_equal(bh_exchange_get_failure(e).status, BH_OK);
		} else {
			CONTINUES(e);
			compare(i, &m, out->headers, out->header_count, out->body);
			assert_true(string_is(out->method, "POST") && string_is(out->query, "q=1"));
		}
		rejected += m.rejected;
		changed += out->body.length != (size_t)before.body_length;
		bh_exchange_free(e);
	}
	assert_true(rejected > (unsigned)cases / 50 && changed > (unsigned)cases / 50); /* a corpus that has both */
}

static void responses(void **state)
{
	(void)state;
	static bh_header headers[MOST];
	unsigned restated = 0;
	for (int i = 0; i < cases; i++) {
		seed = (uint32_t)(i + CASES);
		const model before = make();
		model m = before;
		for (int turn = 0; turn < MODULES && !m.rejected; turn++)
			take_turn(&m, true);
		bh_http_request request = GET("/", header("a", "b"));
		bh_http_response response = response_of(200, headers, view(&before, headers));
		response.body = bh_bytes_lend(before.body, (size_t)before.body_length);
		bh_exchange *e = t_ask(chain, &request);
		OK(bh_exchange_response(e, &response, &t_err));
		const bh_http_response *out = bh_exchange_get_response(e);
		assert_int_equal(out->status, m.status);
		compare(i, &m, out->headers, out->header_count, out->body);
		assert_int_equal(bh_exchange_get_failure(e).status, BH_OK);
		restated += m.status != 200;
		bh_exchange_free(e);
	}
	assert_true(restated > (unsigned)cases / 50);
}

/* The same where interceptors look on, with values instead of messages. */
static void watched(void **state)
{
	chain = watched_chain;
	cases = CASES / 5;
	requests(state);
	responses(state);
	chain = plain_chain;
	cases = CASES;
	assert_true(watched_calls > CASES / 5 * MODULES);
}

static bh_chain *chain_of(bh_component *guest)
{
	static const char *const names[MODULES] = {"a", "b", "c"};
	bh_chain *made = t_chain(host);
	for (int i = 0; i < MODULES; i++) {
		bh_chain_module_options options = module_of(names[i], guest);
		options.reuse = i == 1 ? 10 : 0;
		t_add(made, &options);
	}
	bh_component_unref(guest);
	return made;
}

static int set_up(void **state)
{
	host_begin(state);
	chain = plain_chain = chain_of(t_middleware(host, "gateway-edit.wasm", 5000));
	watched_chain = chain_of(t_watched(host, "gateway-edit.wasm", &watched_calls));
	return 0;
}

static int tear_down(void **state)
{
	bh_chain_free(plain_chain);
	bh_chain_free(watched_chain);
	return host_end(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests),
		cmocka_unit_test(responses),
		cmocka_unit_test(watched),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
