/* Names of WIT as names of C: words that C has, sets of names that are taken, text made harmless. */
#include <ctype.h>
#include <string.h>

#include "bindgen.h"
#include "text.h"

/*
 * Words of C and C++; macros and types of headers that a program may include before ours, and of compilers: in lower case.
 * Macros with arguments are no matter, as no name of these is followed by a parenthesis.
 */
static const char *const words[] = {
	"alignas",
	"alignof",
	"and",
	"and_eq",
	"asm",
	"assert",
	"atomic_bool",
	"atomic_cancel",
	"atomic_char",
	"atomic_commit",
	"atomic_int",
	"atomic_llong",
	"atomic_long",
	"atomic_schar",
	"atomic_short",
	"atomic_uchar",
	"atomic_uint",
	"atomic_ullong",
	"atomic_ulong",
	"atomic_ushort",
	"auto",
	"bitand",
	"bitor",
	"bool",
	"break",
	"case",
	"catch",
	"char",
	"char16_t",
	"char32_t",
	"char8_t",
	"class",
	"co_await",
	"co_return",
	"co_yield",
	"compl",
	"complex",
	"concept",
	"const",
	"const_cast",
	"consteval",
	"constexpr",
	"constinit",
	"continue",
	"d_fileno",
	"decltype",
	"default",
	"delete",
	"do",
	"double",
	"dynamic_cast",
	"else",
	"enum",
	"errno",
	"explicit",
	"export",
	"extern",
	"false",
	"far",
	"fd_mask",
	"fd_set",
	"final",
	"float",
	"for",
	"friend",
	"goto",
	"h_addr",
	"h_errno",
	"i386",
	"if",
	"ifa_broadaddr",
	"ifa_dstaddr",
	"ifc_buf",
	"ifc_req",
	"ifr_addr",
	"ifr_bandwidth",
	"ifr_broadaddr",
	"ifr_data",
	"ifr_dstaddr",
	"ifr_flags",
	"ifr_hwaddr",
	"ifr_ifindex",
	"ifr_map",
	"ifr_metric",
	"ifr_mtu",
	"ifr_name",
	"ifr_netmask",
	"ifr_newname",
	"ifr_qlen",
	"ifr_slave",
	"imaginary",
	"import",
	"inline",
	"int",
	"interface",
	"jmp_buf",
	"linux",
	"long",
	"math_errhandling",
	"module",
	"mutable",
	"namespace",
	"near",
	"new",
	"noexcept",
	"noreturn",
	"not",
	"not_eq",
	"nullptr",
	"offsetof",
	"once_flag",
	"operator",
	"or",
	"or_eq",
	"override",
	"private",
	"protected",
	"public",
	"reflexpr",
	"register",
	"reinterpret_cast",
	"requires",
	"restrict",
	"return",
	"s6_addr",
	"s6_addr16",
	"s6_addr32",
	"sa_handler",
	"sa_sigaction",
	"sched_priority",
	"setjmp",
	"short",
	"si_addr",
	"si_addr_lsb",
	"si_arch",
	"si_band",
	"si_call_addr",
	"si_fd",
	"si_int",
	"si_lower",
	"si_overrun",
	"si_pid",
	"si_pkey",
	"si_ptr",
	"si_status",
	"si_stime",
	"si_syscall",
	"si_timerid",
	"si_uid",
	"si_upper",
	"si_utime",
	"si_value",
	"sigev_notify_attributes",
	"sigev_notify_function",
	"sigjmp_buf",
	"signed",
	"sizeof",
	"st_atime",
	"st_ctime",
	"st_mtime",
	"static",
	"static_assert",
	"static_cast",
	"stderr",
	"stdin",
	"stdout",
	"struct",
	"switch",
	"synchronized",
	"tcp_seq",
	"template",
	"this",
	"thread_local",
	"throw",
	"true",
	"try",
	"typedef",
	"typeid",
	"typename",
	"typeof",
	"typeof_unqual",
	"u_char",
	"u_int",
	"u_long",
	"u_short",
	"uint",
	"ulong",
	"union",
	"unix",
	"unsigned",
	"ushort",
	"using",
	"va_arg",
	"va_copy",
	"va_end",
	"va_list",
	"va_start",
	"virtual",
	"void",
	"volatile",
	"wchar_t",
	"while",
	"xor",
	"xor_eq",
};

bool c_is_word(const char *name)
{
	for (size_t i = 0; i < X_COUNT(words); i++)
		if (!strcmp(words[i], name))
			return true;
	return false;
}

static char *mapped(const char *name, int (*letter)(int))
{
	char *made = x_copy(name);
	for (char *p = made; *p; p++)
		*p = isalnum((unsigned char)*p) && (unsigned char)*p < 128 ? (char)letter((unsigned char)*p) : '_';
	return made;
}

char *c_snake(const char *name)
{
	return mapped(name, tolower);
}

char *c_upper(const char *name)
{
	return mapped(name, toupper);
}

static bool begins(const char *text, const char *start)
{
	return !strncmp(text, start, strlen(start));
}

char *c_local(const char *name, const char *prefix)
{
	char *made = c_snake(name);
	size_t length = strlen(made);
	bool type = length > 2 && !strcmp(made + length - 2, "_t");
	bool ours = begins(made, "bh_") || (begins(made, prefix) && made[strlen(prefix)] == '_');
	if (!type && !ours && !c_is_word(made) && made[0] && !isdigit((unsigned char)made[0]))
		return made;
	char *other = x_format("%s%s_", isdigit((unsigned char)made[0]) ? "n" : "", made);
	x_free(made);
	return other;
}

/* Sets: open addressing, at most half full. */

struct name_slot {
	char *name;
	size_t number;
};

static size_t slot_of(const name_set *set, const char *name)
{
	uint64_t hash = UINT64_C(14695981039346656037);
	for (const char *p = name; *p; p++)
		hash = (hash ^ (unsigned char)*p) * UINT64_C(1099511628211);
	size_t at = (size_t)(hash ^ hash >> 32) & (set->capacity - 1);
	while (set->slots[at].name && strcmp(set->slots[at].name, name) != 0)
		at = (at + 1) & (set->capacity - 1);
	return at;
}

static void make_room(name_set *set)
{
	if (set->count * 2 < set->capacity)
		return;
	name_set larger = {.capacity = set->capacity ? set->capacity * 2 : 64, .count = set->count};
	larger.slots = x_alloc(larger.capacity * sizeof *larger.slots);
	for (size_t i = 0; i < set->capacity; i++)
		if (set->slots[i].name)
			larger.slots[slot_of(&larger, set->slots[i].name)] = set->slots[i];
	x_free(set->slots);
	*set = larger;
}

bool names_have(const name_set *set, const char *name)
{
	return set->capacity && set->slots[slot_of(set, name)].name;
}

bool names_find(const name_set *set, const char *name, size_t *number)
{
	if (!names_have(set, name))
		return false;
	*number = set->slots[slot_of(set, name)].number;
	return true;
}

bool names_add(name_set *set, const char *name, size_t add, size_t *number)
{
	make_room(set);
	struct name_slot *slot = &set->slots[slot_of(set, name)];
	bool added = !slot->name;
	if (added) {
		*slot = (struct name_slot){x_copy(name), add};
		set->count++;
	}
	if (number)
		*number = slot->number;
	return added;
}

void names_deinit(name_set *set)
{
	for (size_t i = 0; i < set->capacity; i++)
		x_free(set->slots[i].name);
	x_free(set->slots);
	*set = (name_set){0};
}

static bool all_free(const name_set *set, const char *name, const char *const *endings)
{
	for (; *endings; endings++) {
		X_AUTO char *form = x_format("%s%s", name, *endings);
		if (names_have(set, form))
			return false;
	}
	return true;
}

char *names_claim(name_set *set, const char *name, const char *const *endings)
{
	char *made = x_copy(name);
	size_t number = 1;
	/* How often a name was wanted is kept beside it, so that the thousandth does not try a thousand. */
	X_AUTO char *counter = x_format("#%s", name);
	names_add(set, counter, 1, &number);
	while (!all_free(set, made, endings)) {
		struct name_slot *slot = &set->slots[slot_of(set, counter)];
		x_free(made);
		made = x_format("%s_%zu", name, ++slot->number);
	}
	for (; *endings; endings++) {
		X_AUTO char *form = x_format("%s%s", made, *endings);
		names_add(set, form, 0, NULL);
	}
	return made;
}

/* Text. */

void c_string(FILE *out, const char *text)
{
	fputc('"', out);
	for (const unsigned char *p = (const unsigned char *)text; *p; p++)
		if (*p < ' ' || *p > '~' || strchr("\"\\?", *p))
			fprintf(out, "\\%03o", *p);
		else
			fputc(*p, out);
	fputc('"', out);
}

/* What could end the comment, begin another, or hide what follows is taken apart. */
static void comment_line(FILE *out, const char *line, size_t length)
{
	char last = '\0';
	for (size_t i = 0; i < length; i++) {
		if ((last == '*' && line[i] == '/') || (last == '/' && line[i] == '*') || (last == '?' && line[i] == '?'))
			fputc(' ', out);
		fputc(line[i] == '\t' ? ' ' : line[i], out);
		last = line[i];
	}
}

void c_comment(FILE *out, const char *start, const char *text)
{
	X_AUTO char *clean = text_clean(text);
	for (const char *line = clean; *line;) {
		size_t length = strcspn(line, "\n"), shown = length;
		while (shown && strchr(" \t\\", line[shown - 1]))
			shown--;
		fputs(start, out);
		comment_line(out, line, shown);
		fputc('\n', out);
		line += length + (line[length] == '\n');
	}
}
