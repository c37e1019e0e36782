/* bulkhead bindgen: from a world to the text of a C header. */
#ifndef BH_CLI_BINDGEN_H
#define BH_CLI_BINDGEN_H

#include <bulkhead.h>
#include <stdio.h>

#include "memory.h"
#include "options.h"

/* Names that are taken, each with a number. */
typedef struct {
	struct name_slot *slots;
	size_t count, capacity;
} name_set;

/* Whether it was not there; *number (may be NULL) receives what it was added with, now or before. The name is copied. */
bool names_add(name_set *set, const char *name, size_t add, size_t *number);
bool names_have(const name_set *set, const char *name);
bool names_find(const name_set *set, const char *name, size_t *number);
void names_deinit(name_set *set);

/* The first of name, name_2, name_3, ... of which no form with one of the endings (NULL-terminated; "" is one) is taken;
 * all of them are from then on. To be freed. */
char *names_claim(name_set *set, const char *name, const char *const *endings);

/* Names in C: "get-URL" as get_url; the same in capitals. To be freed. */
char *c_snake(const char *name);
char *c_upper(const char *name);

/* As a name of a field or parameter: with a _ behind it where it is a word of C or C++, a usual macro, or the name of a
 * type or function. */
char *c_local(const char *name, const char *prefix);
bool c_is_word(const char *name);

/* A string constant with its quotes; lines of a comment, each after `start`, whatever they contain. */
void c_string(FILE *out, const char *text);
void c_comment(FILE *out, const char *start, const char *text);

/* A type as C has it. */
typedef struct {
	size_t same;      /* the type it is another name for, or has the same parts as; itself otherwise */
	char *name;       /* "p_math_point", "int32_t" */
	char *base;       /* of its functions: "p_math_point", "bh_s32"; of that `same` */
	char *part;       /* in names of what is made of it: "math_point", "s32" */
	char **parts;     /* fields, cases, flags, as C has them */
	char **constants; /* cases, flags */
	bool owns;        /* memory or handles */
	bool by_value;    /* how it is passed */
	bool simple;      /* the library converts it, without allocating */
} c_type;

typedef struct {
	const bh_wit_function *wit;
	char *name;   /* "p_math_add" */
	char *member; /* of an import: "math_add" */
	char **params;
	bool async;
} c_function;

typedef struct {
	const char *prefix;
	const text_list *async; /* names of functions, or "all" */
} bindgen_options;

typedef struct {
	const bh_wit *wit;
	const char *prefix;
	char *upper;
	FILE *out;
	name_set names;      /* of the whole header */
	name_set structures; /* types without a name, by what they are made of */
	name_set members;    /* of the struct of imports */
	name_set interfaces; /* to their number in `shorts` */
	char **shorts;       /* what interfaces are called: "math" */
	size_t short_count, short_capacity;
	c_type *types;
	c_function *exports, *imports;
	char **resources;    /* members: of resources to define */
	char **capabilities; /* members: by interface; NULL where it has no imports */
} bindgen;

/* bindgen_names.c: what everything is called. */
void bindgen_name(bindgen *g, const text_list *async);
void bindgen_deinit(bindgen *g);
const char *bindgen_short(const bindgen *g, const char *interface);

/* A type as C has it; NULL for none. */
const c_type *bindgen_type(const bindgen *g, size_t number);

/* bindgen_types.c, bindgen_convert.c, bindgen_exports.c, bindgen_imports.c: their parts of the header. */
void bindgen_write_types(const bindgen *g);
void bindgen_write_conversions(const bindgen *g, size_t number);
void bindgen_write_exports(const bindgen *g);
void bindgen_write_imports(const bindgen *g);

/* ", const p_point *place" for each parameter. */
void bindgen_write_params(const bindgen *g, const c_function *f);

/* bindgen_header.c: the header; to be freed. */
char *bindgen_header(const bh_wit *wit, const bindgen_options *options);

#endif
