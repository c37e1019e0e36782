/* Signatures of host functions from text, as WIT has them with types written out: "func(key: string) -> list<u8>". */
#include <ctype.h>
#include <string.h>

#include "base/text.h"
#include "engine/import.h"
#include "engine/type.h"

/* Types that nest deeper are refused in components too (type.c). */
enum { MAX_DEPTH = 100 };

typedef struct {
	const char *at;
	const char *wrong; /* what is wrong at `at`; NULL so far */
	int depth;
	bool no_memory;
} parser;

static void skip_spaces(parser *p)
{
	while (isspace((unsigned char)*p->at))
		p->at++;
}

static bool fail(parser *p, const char *wrong)
{
	if (!p->wrong)
		p->wrong = wrong;
	return false;
}

static bool take(parser *p, const char *sign)
{
	skip_spaces(p);
	size_t length = strlen(sign);
	if (strncmp(p->at, sign, length) != 0)
		return false;
	p->at += length;
	return true;
}

static bool expect(parser *p, const char *sign, const char *wrong)
{
	return take(p, sign) || fail(p, wrong);
}

static size_t word_length(const char *at)
{
	size_t length = 0;
	while (isalnum((unsigned char)at[length]) || (length && at[length] == '-' && at[length + 1] != '>'))
		length++;
	return length;
}

/* A name: "%flags" is one that would be a word of the language otherwise. To be freed. */
static char *take_name(parser *p)
{
	skip_spaces(p);
	const char *from = p->at + (*p->at == '%');
	size_t length = word_length(from);
	if (!length) {
		fail(p, "a name is wanted here");
		return NULL;
	}
	char *name = bh_strndup(from, length);
	p->no_memory |= !name;
	p->at = from + length;
	return name;
}

static bh_type *make(parser *p, bh_kind kind)
{
	bh_type *type = bh_calloc(1, sizeof *type);
	p->no_memory |= !type;
	if (type)
		type->kind = kind;
	return type;
}

/* Puts a part, which is taken over, at the end. A part that is NULL has failed before. */
static bool add(parser *p, bh_type *type, bh_type *part)
{
	if (!part)
		return false;
	bh_type **parts = bh_grow(type->parts, type->count, &type->capacity, sizeof *parts);
	if (!parts) {
		p->no_memory = true;
		bh_type_free(part);
		return false;
	}
	type->parts = parts;
	parts[type->count++] = part;
	return true;
}

static bh_type *parse_type(parser *p);

/* "a: u32", as a parameter or a field. */
static bool add_named(parser *p, bh_type *type)
{
	BH_AUTO(bh_free) char *name = take_name(p);
	if (!name || !expect(p, ":", "\":\" and a type are wanted here"))
		return false;
	bh_type *part = parse_type(p);
	if (part)
		part->name = BH_TAKE(name);
	return add(p, type, part);
}

/* "a" or "a(u32)", of a variant; "a" of an enum and of flags. */
static bool add_case(parser *p, bh_type *type)
{
	BH_AUTO(bh_free) char *name = take_name(p);
	if (!name)
		return false;
	bool payload = type->kind == BH_KIND_VARIANT && take(p, "(");
	bh_type *part = payload ? parse_type(p) : make(p, BH_KIND_NONE);
	if (part)
		part->name = BH_TAKE(name);
	return add(p, type, part) && (!payload || expect(p, ")", "\")\" is wanted here"));
}

static bool add_type(parser *p, bh_type *type)
{
	return add(p, type, parse_type(p));
}

/* "{ a, b }", "<a, b>", "(a, b)", of which the opening sign was taken. */
static bool parse_parts(parser *p, bh_type *type, bool (*part)(parser *p, bh_type *type), const char *close)
{
	while (!take(p, close)) {
		if (!part(p, type))
			return false;
		if (take(p, ","))
			continue;
		return expect(p, close, "\",\" or the end of the list is wanted here");
	}
	return true;
}

static bool parse_result(parser *p, bh_type *type)
{
	bool angle = take(p, "<");
	bool ok = angle && !take(p, "_");
	if (!add(p, type, ok ? parse_type(p) : make(p, BH_KIND_NONE)))
		return false;
	bool err = angle && take(p, ",");
	if (!add(p, type, err ? parse_type(p) : make(p, BH_KIND_NONE)))
		return false;
	return !angle || expect(p, ">", "\">\" is wanted here");
}

/* "own<bag>": of which resource is the component's to say, and looked at when a handle comes. */
static bool parse_handle(parser *p)
{
	if (!take(p, "<"))
		return true;
	char *name = take_name(p);
	bh_free(name);
	return name && expect(p, ">", "\">\" is wanted here");
}

/* What follows the word. */
static bool parse_rest(parser *p, bh_type *type)
{
	switch (type->kind) {
	case BH_KIND_LIST:
	case BH_KIND_OPTION:
		return expect(p, "<", "\"<\" and a type are wanted here") && add_type(p, type) &&
		       expect(p, ">", "\">\" is wanted here");
	case BH_KIND_TUPLE:
		return expect(p, "<", "\"<\" and types are wanted here") && parse_parts(p, type, add_type, ">");
	case BH_KIND_RECORD:
		return expect(p, "{", "\"{\" and fields are wanted here") && parse_parts(p, type, add_named, "}");
	case BH_KIND_VARIANT:
	case BH_KIND_ENUM:
	case BH_KIND_FLAGS:
		return expect(p, "{", "\"{\" and cases are wanted here") && parse_parts(p, type, add_case, "}");
	case BH_KIND_RESULT:
		return parse_result(p, type);
	case BH_KIND_OWN:
	case BH_KIND_BORROW:
		return parse_handle(p);
	default:
		return true;
	}
}

static bh_kind kind_of(const char *word, size_t length)
{
	for (int kind = BH_KIND_NONE + 1; kind < BH_KIND_COUNT; kind++) {
		const char *name = bh_kind_name((bh_kind)kind);
		if (strlen(name) == length && !memcmp(name, word, length))
			return (bh_kind)kind;
	}
	return BH_KIND_NONE;
}

static bh_type *parse_type(parser *p)
{
	skip_spaces(p);
	size_t length = word_length(p->at);
	bh_kind kind = kind_of(p->at, length);
	if (kind == BH_KIND_NONE || p->depth == MAX_DEPTH) {
		fail(p, kind == BH_KIND_NONE ? "not a type" : "types nest deeper than is supported");
		return NULL;
	}
	p->at += length;
	p->depth++;
	bh_type *type = make(p, kind);
	bool done = type && parse_rest(p, type);
	p->depth--;
	if (!done) {
		bh_type_free(type);
		return NULL;
	}
	if (kind == BH_KIND_LIST && type->parts[0]->kind == BH_KIND_U8) {
		bh_type_free(type->parts[0]);
		type->count = 0;
		type->kind = BH_KIND_BYTES;
	}
	return type;
}

static bool parse(parser *p, bh_type *root)
{
	if (!expect(p, "func", "\"func(\" is wanted here") || !expect(p, "(", "\"(\" is wanted here") ||
	    !parse_parts(p, root, add_named, ")"))
		return false;
	if (!add(p, root, take(p, "->") ? parse_type(p) : make(p, BH_KIND_NONE)))
		return false;
	skip_spaces(p);
	return !*p->at || fail(p, "nothing more is wanted here");
}

BH_DEFINE_AUTO(bh_type *, bh_type_free)

bh_status bh_signature_parse(bh_type **out, const char *text, bh_error **err)
{
	parser p = {.at = text};
	BH_AUTO(bh_type_free) bh_type *root = make(&p, BH_KIND_NONE);
	if (!root)
		return bh_fail_memory(err);
	if (parse(&p, root)) {
		*out = BH_TAKE(root);
		return BH_OK;
	}
	if (p.no_memory)
		return bh_fail_memory(err);
	bh_error *e = bh_error_begin(err, BH_E_INVALID, "signature, at \"%.24s\": %s", p.at, p.wrong ? p.wrong : "wrong");
	bh_error_hint_set(e,
	                  "A signature looks like this: func(key: string) -> result<list<u8>, enum { missing, broken }>");
	return BH_E_INVALID;
}

void bh_signature_free(bh_type *signature)
{
	bh_type_free(signature);
}

static bool same_name(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

bool bh_type_same(const bh_type *a, const bh_type *b)
{
	if (a->kind != b->kind || a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!same_name(a->parts[i]->name, b->parts[i]->name) || !bh_type_same(a->parts[i], b->parts[i]))
			return false;
	return true;
}

size_t bh_type_size(const bh_type *type)
{
	size_t size = 1;
	for (size_t i = 0; i < type->count; i++)
		size += bh_type_size(type->parts[i]);
	return size;
}
