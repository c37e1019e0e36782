/* The functions of bulkhead:host/supervision: what guests ask for, and what they are told. */
#include <string.h>

#include "supervise/brood.h"
#include "supervise/spawner.h"

BH_DEFINE_AUTO(bh_child *, bh_child_unref)
BH_DEFINE_AUTO(bh_component *, bh_component_unref)

/* Answers. */

enum { LONGEST_WORDS = 1000 };

static const char *case_of(bh_status status)
{
	switch (status) {
	case BH_E_INVALID:
	case BH_E_TYPE:
	case BH_E_CONFIG:
	case BH_E_MISSING_LIMITS:
		return "invalid";
	case BH_E_NOT_FOUND:
	case BH_E_NO_EXPORT:
		return "not-found";
	case BH_E_DENIED:
	case BH_E_POLICY:
		return "denied";
	case BH_E_RESOURCE_LIMIT:
		return "limit";
	case BH_E_BUSY:
		return "busy";
	case BH_E_DOWN:
		return "down";
	case BH_E_DEADLINE:
		return "timeout";
	default:
		return "failed";
	}
}

/*
 * Words for a guest: they may come from other guests, or be cut in the middle of a character. One line of ASCII, and not
 * a long one, as they are kept.
 */
char *bh_guest_words(const char *words)
{
	size_t length = strnlen(words, LONGEST_WORDS);
	char *plain = bh_strndup(words, length);
	for (char *c = plain; c && *c; c++)
		if (*c < ' ' || *c > '~')
			*c = *c == '\n' ? ' ' : '?';
	return plain;
}

static void fail_in_words(bh_completion *completion, bh_status status, const char *words)
{
	BH_AUTO(bh_free) char *plain = bh_guest_words(words);
	bh_value text = bh_of_string(plain ? plain : "out of memory");
	bh_value error = bh_of_variant(case_of(status), &text);
	bh_value answer = bh_of_err(&error);
	bh_completion_finish(completion, &answer);
}

void bh_guest_fail(bh_completion *completion, bh_status status, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	BH_AUTO(bh_free) char *words = bh_vformat(format, args);
	va_end(args);
	fail_in_words(completion, status, words ? words : "out of memory");
}

static void fail_because(bh_completion *completion, bh_status status, const bh_error *why)
{
	fail_in_words(completion, status, why ? bh_error_message(why) : bh_status_text(status));
}

static void succeed(bh_completion *completion, bh_value *payload)
{
	bh_value answer = bh_of_ok(payload);
	bh_completion_finish(completion, &answer);
}

/* An exit as a record in `fields`. */
static bh_value exit_value(bh_field fields[3], const bh_brood_event *event)
{
	fields[0] = (bh_field){"how", bh_of_enum(bh_exit_name(event->exit))};
	fields[1] = (bh_field){"message", bh_of_string(event->message ? event->message : "")};
	fields[2] = (bh_field){"again", bh_of_bool(event->again)};
	return bh_of_record(fields, 3);
}

void bh_guest_tell_exit(bh_completion *completion, const bh_brood_event *event)
{
	bh_field fields[3];
	bh_value value = exit_value(fields, event);
	succeed(completion, &value);
}

void bh_guest_tell_event(bh_completion *completion, const bh_brood_event *event)
{
	bh_field fields[3];
	bh_value lost = bh_of_u64(event->lost), how = exit_value(fields, event), what;
	if (event->lost)
		what = bh_of_variant("lost", &lost);
	else if (event->kind == BH_EVENT_EXITED)
		what = bh_of_variant("exited", &how);
	else
		what = bh_of_variant(event->kind == BH_EVENT_STARTED ? "started" : "failed", NULL);
	bh_field both[] = {{"name", bh_of_string(event->name ? event->name : "")}, {"what", what}};
	bh_value value = bh_of_record(both, 2);
	succeed(completion, &value);
}

/* Who asks. */

static bh_brood *asking(bh_completion *completion)
{
	bh_brood *brood = bh_brood_calling();
	if (!brood)
		bh_guest_fail(completion, BH_E_DOWN, "only a component that is supervised itself can have children");
	return brood;
}

/* A name as text; false where it can be none. */
static bool read_name(char out[256], const bh_value *value)
{
	size_t length = value->as.string.length;
	if (!length || length > 255 || value->as.string.data[0] == '.' || memchr(value->as.string.data, 0, length))
		return false;
	memcpy(out, value->as.string.data, length);
	out[length] = 0;
	return bh_is_child_name(out);
}

static void no_name(bh_completion *completion)
{
	bh_guest_fail(completion, BH_E_INVALID, "a name is letters, digits, '-', '_' and '.', which is not the first");
}

/* One of the guest's children, with a reference; NULL: it was answered. */
bh_child *bh_guest_child(bh_completion *completion, const bh_value *value)
{
	char name[256];
	bh_brood *brood = asking(completion);
	if (!brood)
		return NULL;
	if (!read_name(name, value)) {
		no_name(completion);
		return NULL;
	}
	bh_child *child = bh_brood_find(brood, name);
	if (!child)
		bh_guest_fail(completion, BH_E_NOT_FOUND, "%s: no such child", name);
	return child;
}

/* Spawning. */

enum { MOST_TEXTS = 64, LONGEST_TEXT = 4096, RESTART_FIRST_MS = 100 };

/* What a guest wants; all of it its own. */
typedef struct {
	char name[256], component[256];
	bh_child_kind kind;
	bh_restart restart;
	const bh_value *args;     /* the guest's */
	bh_instance_options *own; /* made of these; NULL: not yet, or handed over */
	char *capabilities[MOST_TEXTS];
	bh_spawn_bounds bounds;
} wish;

static void wish_deinit_auto(wish *w)
{
	bh_free(w->own);
	for (size_t i = 0; i < w->bounds.capability_count; i++)
		bh_free(w->capabilities[i]);
}

static bh_status check_texts(const bh_value *list, const char *what, bh_error **err)
{
	if (list->as.list.count > MOST_TEXTS)
		return bh_fail(err, BH_E_INVALID, "at most %d %s", MOST_TEXTS, what);
	for (size_t i = 0; i < list->as.list.count; i++) {
		const bh_value *text = &list->as.list.items[i];
		if (text->as.string.length > LONGEST_TEXT || memchr(text->as.string.data, 0, text->as.string.length))
			return bh_fail(err, BH_E_INVALID, "%s: at most %d bytes each, and no NUL", what, LONGEST_TEXT);
	}
	return BH_OK;
}

/* The list's options with arguments of its own, all in one block. */
static bh_status make_own(wish *w, const bh_instance_options *listed, bh_error **err)
{
	const bh_value *list = w->args;
	size_t count = list->as.list.count, size = strlen(w->name) + 1;
	for (size_t i = 0; i < count; i++)
		size += list->as.list.items[i].as.string.length + 1;
	bh_instance_options *own = bh_calloc(1, sizeof *own + (count + 1) * sizeof(char *) + size);
	if (!own)
		return bh_fail_memory(err);
	*own = (bh_instance_options)BH_INSTANCE_OPTIONS_INIT;
	if (listed)
		memcpy(own, listed,
		       listed->struct_size && listed->struct_size < sizeof *own ? listed->struct_size : sizeof *own);
	char **args = (char **)(own + 1), *end = (char *)(args + count + 1);
	own->struct_size = sizeof *own;
	own->args = (const char *const *)args;
	own->arg_count = count + 1;
	args[0] = end;
	memcpy(end, w->name, strlen(w->name));
	end += strlen(w->name) + 1;
	for (size_t i = 0; i < count; i++) {
		const bh_value *text = &list->as.list.items[i];
		args[i + 1] = end;
		memcpy(end, text->as.string.data, text->as.string.length);
		end += text->as.string.length + 1; /* zeroed */
	}
	w->own = own;
	return BH_OK;
}

static bh_status read_capabilities(wish *w, const bh_value *list, bh_error **err)
{
	bh_status status = check_texts(list, "capabilities", err);
	w->bounds.capabilities = (const char *const *)w->capabilities;
	for (size_t i = 0; !status && i < list->as.list.count; i++) {
		const bh_value *text = &list->as.list.items[i];
		w->capabilities[i] = bh_strndup(text->as.string.data, text->as.string.length);
		if (!w->capabilities[i])
			return bh_fail_memory(err);
		w->bounds.capability_count = i + 1;
	}
	return status;
}

/* The record `child`, as its type has it. */
static bh_status read_wish(wish *w, const bh_value *value, bh_error **err)
{
	enum { NAME, COMPONENT, KIND, RESTART, ARGS, CAPABILITIES, MEMORY };
	static const char *const restarts[] = {"permanent", "transient", "temporary"};
	const bh_field *f = value->as.record.fields;
	if (!read_name(w->name, &f[NAME].value) || !read_name(w->component, &f[COMPONENT].value))
		return bh_fail(err, BH_E_INVALID, "a name is letters, digits, '-', '_' and '.', which is not the first");
	w->kind = strcmp(f[KIND].value.as.variant.name, "task") ? BH_CHILD_SERVICE : BH_CHILD_TASK;
	for (int i = 0; i < 3; i++)
		if (!strcmp(f[RESTART].value.as.variant.name, restarts[i]))
			w->restart = (bh_restart)i;
	if (f[MEMORY].value.as.option)
		w->bounds.memory = f[MEMORY].value.as.option->as.u64 ? f[MEMORY].value.as.option->as.u64 : 1;
	w->args = &f[ARGS].value;
	bh_status status = check_texts(w->args, "arguments", err);
	if (!status && f[CAPABILITIES].value.as.option)
		status = read_capabilities(w, f[CAPABILITIES].value.as.option, err);
	return status;
}

/* Add it, counted and bounded. */
static bh_status add(bh_child **out, bh_brood *brood, bh_spawner *spawner, wish *w, bh_component *component,
                     bh_error **err)
{
	bh_child_options options = BH_CHILD_OPTIONS_INIT;
	options.name = w->name;
	options.kind = w->kind;
	options.restart = w->restart;
	options.component = component;
	options.dynamic = true;
	options.instance = w->own;
	options.backoff = (bh_backoff){.kind = BH_BACKOFF_EXPONENTIAL, .first_ms = RESTART_FIRST_MS};
	bh_child_extra extra = {.depth = brood->depth + 1, .spawner = spawner, .own = w->own};
	bh_status status = bh_spawner_count(spawner, err);
	if (status)
		return status;
	status = bh_brood_add(out, brood, &options, &extra, spawner->options.max_children, err);
	if (status)
		bh_spawner_forget(spawner);
	else
		w->own = NULL;
	return status;
}

static bh_status spawn_listed(bh_child **out, bh_brood *brood, bh_spawner *spawner, wish *w, const bh_spawnable *what,
                              bh_error **err)
{
	BH_AUTO(bh_component_unref) bh_component *component = NULL;
	bh_status status = bh_spawner_bound(&component, bh_calling_component(), what, &w->bounds, err);
	if (!status)
		status = make_own(w, what->instance, err);
	if (!status)
		return add(out, brood, spawner, w, component, err);
	if (err && *err && status != BH_E_NO_MEMORY)
		bh_error_prefix(*err, "%s: ", w->component);
	return status;
}

static bh_status spawn(bh_child **out, bh_brood *brood, bh_spawner *spawner, wish *w, bh_error **err)
{
	bh_spawnable what = {0};
	if (brood->depth >= spawner->options.max_depth)
		return bh_fail(err, BH_E_RESOURCE_LIMIT, "children are nested as deep as they may: %u",
		               spawner->options.max_depth);
	bh_status status = bh_spawner_find(&what, spawner, w->component, err);
	if (!status)
		status = spawn_listed(out, brood, spawner, w, &what, err);
	bh_component_unref(what.component);
	return status;
}

void bh_guest_spawn(void *data, bh_completion *completion, const bh_value *args, size_t count)
{
	(void)count;
	BH_AUTO(wish_deinit) wish w = {0};
	BH_AUTO(bh_error_free) bh_error *why = NULL;
	bh_brood *brood = asking(completion);
	if (!brood)
		return;
	bh_status status = read_wish(&w, &args[0], &why);
	if (!status)
		status = spawn(NULL, brood, data, &w, &why);
	if (status)
		fail_because(completion, status, why);
	else
		succeed(completion, NULL);
}

void bh_guest_spawn_and_wait(void *data, bh_completion *completion, const bh_value *args, size_t count)
{
	(void)count;
	BH_AUTO(wish_deinit) wish w = {0};
	BH_AUTO(bh_error_free) bh_error *why = NULL;
	BH_AUTO(bh_child_unref) bh_child *child = NULL;
	uint64_t wait_ms = args[1].as.u64;
	bh_brood *brood = asking(completion);
	if (!brood)
		return;
	bh_status status = read_wish(&w, &args[0], &why);
	if (!status && (w.kind != BH_CHILD_TASK || w.restart == BH_RESTART_PERMANENT))
		status = bh_fail(&why, BH_E_INVALID, "%s: only a task that is not permanent ends", w.name);
	/* Before it is there, as it may be over at once. */
	bh_wait *wait = status ? NULL : bh_brood_await(brood, completion, w.name);
	if (!status && !wait)
		status = bh_fail_memory(&why);
	if (!status && (status = spawn(&child, brood, data, &w, &why)))
		bh_brood_await_not(wait);
	if (status)
		fail_because(completion, status, why);
	else
		bh_brood_await_added(wait, child, wait_ms);
}

/* Looking. */

static void set_info(bh_field fields[4], const bh_child *child)
{
	const bh_node *node = &child->members[0].node;
	fields[0] = (bh_field){"name", bh_of_string(child->name)};
	fields[1] = (bh_field){"state", bh_of_enum(bh_child_state_name(node->state))};
	fields[2] = (bh_field){"starts", bh_of_u32(node->generation)};
	fields[3] = (bh_field){"restarts", bh_of_u32(node->restarts)};
}

/* What is listed, each with its own fields; the children stay, with a reference, as long as their names are needed. */
typedef struct {
	bh_child **children;
	bh_value *items;
	bh_field (*fields)[4];
	size_t count, most;
} listing;

static void list_one(void *data, bh_child *child)
{
	listing *l = data;
	if (l->count == l->most)
		return;
	set_info(l->fields[l->count], child);
	l->items[l->count] = bh_of_record(l->fields[l->count], 4);
	l->children[l->count++] = bh_child_ref(child);
}

void bh_guest_list(void *data, bh_completion *completion, const bh_value *args, size_t count)
{
	(void)data, (void)args, (void)count;
	bh_brood *brood = bh_brood_calling();
	listing l = {0};
	if (brood) {
		bh_tree_enter(brood->tree);
		l.most = brood->count;
		bh_tree_leave(brood->tree);
	}
	/* Only the guest itself adds to them. */
	l.children = bh_calloc(l.most + 1, sizeof *l.children);
	l.items = bh_calloc(l.most + 1, sizeof *l.items);
	l.fields = bh_calloc(l.most + 1, sizeof *l.fields);
	if (!l.children || !l.items || !l.fields) {
		bh_completion_fail(completion, BH_E_NO_MEMORY, "no memory for the list");
	} else {
		if (brood) {
			bh_tree_enter(brood->tree);
			bh_brood_each(brood, list_one, &l);
			bh_tree_leave(brood->tree);
		}
		bh_value answer = bh_of_list(l.items, l.count);
		bh_completion_finish(completion, &answer);
	}
	for (size_t i = 0; i < l.count; i++)
		bh_child_unref(l.children[i]);
	bh_free(l.children);
	bh_free(l.items);
	bh_free(l.fields);
}

void bh_guest_state(void *data, bh_completion *completion, const bh_value *args, size_t count)
{
	(void)data, (void)count;
	BH_AUTO(bh_child_unref) bh_child *child = bh_guest_child(completion, &args[0]);
	if (!child)
		return;
	bh_field fields[4];
	bh_tree_enter(child->tree);
	set_info(fields, child);
	bh_tree_leave(child->tree);
	bh_value info = bh_of_record(fields, 4);
	succeed(completion, &info);
}

/* Asking. */

static void ask(bh_completion *completion, const bh_value *name, void (*what)(bh_child *child))
{
	BH_AUTO(bh_child_unref) bh_child *child = bh_guest_child(completion, name);
	if (!child)
		return;
	what(child);
	succeed(completion, NULL);
}

void bh_guest_stop(void *data, bh_completion *completion, const bh_value *args, size_t count)
{
	(void)data, (void)count;
	ask(completion, &args[0], bh_child_remove);
}

void bh_guest_restart(void *data, bh_completion *completion, const bh_value *args, size_t count)
{
	(void)data, (void)count;
	ask(completion, &args[0], bh_child_restart);
}

void bh_guest_next_event(void *data, bh_completion *completion, const bh_value *args, size_t count)
{
	(void)data, (void)count;
	uint64_t wait_ms = args[0].as.u64;
	bh_brood *brood = asking(completion);
	if (brood)
		bh_brood_next(brood, completion, wait_ms);
}
