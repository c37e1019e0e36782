/*
 * For tests: does what headers say. "x-set: NAME=VALUE", "x-add: NAME=VALUE", "x-rm: NAME", "x-body: TEXT", "x-status: N",
 * "x-reject: N", in any number; with a header "x-turn: N" only those whose names end in "-N", and sets x-turn to N + 1.
 * "x-do: WHAT" is something else: see below. It imports nothing: what it costs is what a chain costs. From smg:gateway.
 */
#include "smg_tools.h"

static volatile uint32_t sink;

static void spin(void)
{
	for (;;)
		sink++;
}

static void hog(void)
{
	for (;;) {
		char *p = malloc(1 << 20);
		if (!p)
			abort();
		*(volatile char *)p = 1;
	}
}

static smg_string_t letters(size_t length)
{
	smg_string_t text = {room(length, 1), length};
	memset(text.ptr, 'n', length);
	return text;
}

static void lie(action *ret)
{
	headers *set = &modify(ret)->headers_set;
	header *h = add_header(set);
	smg_string_dup(&h->name, "x-lie");
	h->value.ptr = (uint8_t *)0x7ffffff0;
	h->value.len = 64;
	set->len = 1;
}

static void body_of(action *ret, size_t length)
{
	smg_gateway_middleware_types_modify_action_t *edit = modify(ret);
	edit->body_replace.is_some = true;
	edit->body_replace.val.ptr = room(length, 1);
	edit->body_replace.val.len = length;
}

/* What guests should not do. */
static void misbehave(const smg_string_t *what, action *ret)
{
	go_on(ret);
	if (named(what, "crash"))
		__builtin_trap();
	if (named(what, "spin"))
		spin();
	if (named(what, "hog"))
		hog();
	if (named(what, "lie"))
		lie(ret);
	if (named(what, "big-body"))
		body_of(ret, 10 * 1024 * 1024 + 1);
	if (named(what, "full-body"))
		body_of(ret, 10 * 1024 * 1024);
	if (named(what, "long-name") || named(what, "long-value")) {
		header *h = add_header(&modify(ret)->headers_set);
		h->name = letters(named(what, "long-name") ? 1 << 20 : 5);
		h->value = letters(named(what, "long-value") ? 1 << 20 : 5);
	}
	if (named(what, "many")) {
		headers *add = &modify(ret)->headers_add;
		for (int i = 0; i < 2000; i++)
			put(add, "x-many", "1");
	}
	if (named(what, "count")) {
		static int calls;
		char text[2] = {(char)('0' + ++calls % 10), 0};
		put(&modify(ret)->headers_set, "x-count", text);
	}
}

/* "x-set" as an instruction for that turn; the turn 0 is that of those without. */
static int is_for(const smg_string_t *name, const char *what, char turn)
{
	char wanted[32];
	size_t length = strlen(what);
	memcpy(wanted, what, length + 1);
	if (turn) {
		wanted[length] = '-';
		wanted[length + 1] = turn;
		wanted[length + 2] = 0;
	}
	return named(name, wanted);
}

static void split(const smg_string_t *text, header *out)
{
	const char *from = (const char *)text->ptr;
	const char *equals = memchr(from, '=', text->len);
	size_t name = equals ? (size_t)(equals - from) : text->len;
	size_t value = equals ? text->len - name - 1 : 0;
	smg_string_dup_n(&out->name, from, name);
	smg_string_dup_n(&out->value, equals ? equals + 1 : "", value);
}

static uint16_t number(const smg_string_t *text)
{
	uint16_t n = 0;
	for (size_t i = 0; i < text->len; i++)
		n = (uint16_t)(n * 10 + (text->ptr[i] - '0'));
	return n;
}

static void obey(const headers *in, action *ret)
{
	const smg_string_t *what = find(in, "x-do");
	if (what) {
		misbehave(what, ret);
		return;
	}
	const smg_string_t *turn_header = find(in, "x-turn");
	char turn = turn_header && turn_header->len ? (char)turn_header->ptr[0] : 0;
	smg_gateway_middleware_types_modify_action_t edit = {0};
	int any = 0;
	for (size_t i = 0; i < in->len; i++) {
		const smg_string_t *name = &in->ptr[i].name, *value = &in->ptr[i].value;
		if (is_for(name, "x-reject", turn)) {
			reject(ret, number(value));
			return;
		}
		int set = is_for(name, "x-set", turn), add = is_for(name, "x-add", turn), rm = is_for(name, "x-rm", turn);
		int body = is_for(name, "x-body", turn), status = is_for(name, "x-status", turn);
		any |= set | add | rm | body | status;
		if (set || add)
			split(value, add_header(set ? &edit.headers_set : &edit.headers_add));
		if (rm)
			put_name(&edit.headers_remove, (const char *)value->ptr, value->len);
		if (body) {
			smg_string_t copy;
			smg_string_dup_n(&copy, (const char *)value->ptr, value->len);
			edit.body_replace.is_some = true;
			edit.body_replace.val.ptr = copy.ptr;
			edit.body_replace.val.len = copy.len;
		}
		if (status) {
			edit.status.is_some = true;
			edit.status.val = number(value);
		}
	}
	if (turn) {
		char next[2] = {(char)(turn + 1), 0};
		put(&edit.headers_set, "x-turn", next);
	}
	go_on(ret);
	if (any || turn)
		*modify(ret) = edit;
}

void exports_smg_gateway_middleware_on_request_on_request(smg_gateway_middleware_types_request_t *req, action *ret)
{
	obey(&req->headers, ret);
	smg_gateway_middleware_types_request_free(req);
}

void exports_smg_gateway_middleware_on_response_on_response(smg_gateway_middleware_types_response_t *resp, action *ret)
{
	obey(&resp->headers, ret);
	smg_gateway_middleware_types_response_free(resp);
}
