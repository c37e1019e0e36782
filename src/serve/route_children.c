/* GET /v1/children, GET /v1/children/{path}: what there is, and how it is. */
#include <stdio.h>
#include <string.h>

#include "http.h"
#include "memory.h"
#include "samples.h"
#include "show_terms.h"
#include "tree_path.h"

/* What was seen of one while the tree stood still. */
typedef struct {
	bh_child_info info; /* the component with a reference, the name copied, no statistics but these: */
	child_sums sums;
} seen;

/* All of it. To stand still is short: it is written afterwards. */
typedef struct {
	seen *items;
	size_t count, capacity;
	bool failed;
} sight;

/* Writing it. */
typedef struct {
	sv_text *out;
	const samples *samples;
	tree_path path; /* of what is being told of */
} listing;

static const char *const kinds[] = {
	[BH_CHILD_SERVICE] = "service", [BH_CHILD_TASK] = "task", [BH_CHILD_SUPERVISOR] = "supervisor"};

/* Whether it ever ended since it was added. */
static bool has_ended(const bh_child_info *i)
{
	bool down = i->state == BH_CHILD_ENDED || i->state == BH_CHILD_FAILED || i->state == BH_CHILD_WAITING;
	return down || i->restarts > 0 || i->generation > 1 || (i->generation == 1 && i->state == BH_CHILD_STOPPED);
}

static void put_last_exit(sv_text *out, const bh_child_info *i)
{
	js_key(out, "last_exit");
	if (!has_ended(i)) {
		js_null(out);
		return;
	}
	js_open(out, '{');
	js_put_text(out, "how", bh_exit_name(i->last_exit));
	js_put_text(out, "status", i->last_status ? bh_status_name(i->last_status) : NULL);
	js_put_text(out, "text", i->last_status ? bh_status_text(i->last_status) : NULL);
	js_put_text(out, "trap", i->last_trap != BH_TRAP_NONE ? bh_trap_name(i->last_trap) : NULL);
	js_put_number(out, "ago_ms", i->last_exit_ms);
	js_close(out, '}');
}

static void put_child(sv_text *out, const bh_child_info *i, const char *path)
{
	js_put_text(out, "path", path);
	js_put_text(out, "name", i->name);
	js_put_text(out, "kind", kinds[i->kind]);
	js_put_text(out, "state", bh_child_state_name(i->state));
	js_key(out, "replica");
	if (i->replica)
		js_number(out, i->replica);
	else
		js_null(out);
	js_put_number(out, "generation", i->generation);
	js_put_number(out, "restarts", i->restarts);
	js_put_number(out, "up_ms", i->up_ms);
	js_put_number(out, "next_start_ms", i->next_start_ms);
	js_put_number(out, "in_flight", i->in_flight);
	js_put_number(out, "waiting", i->waiting);
	js_put_text(out, "health", bh_health_name(i->health));
	put_last_exit(out, i);
}

static void put_one(listing *l, const seen *s)
{
	const bh_child_info *i = &s->info;
	const char *path = tree_path_of(&l->path, i->depth, i->name);
	js_open(l->out, '{');
	put_child(l->out, i, path);
	samples_put(l->samples, l->out, path, i->component, &s->sums);
	js_close(l->out, '}');
}

/* Looking. */

static bool see(void *data, const bh_child_info *info)
{
	sight *s = data;
	seen *items = sv_grow(s->items, s->count, &s->capacity, sizeof *items);
	char *name = items ? sv_copy(info->name) : NULL;
	s->items = items ? items : s->items;
	s->failed = !name;
	if (!name)
		return false;
	items[s->count] = (seen){*info, child_sums_of(info->stats)};
	items[s->count].info.name = name;
	items[s->count].info.stats = NULL;
	if (info->component)
		bh_component_ref((bh_component *)info->component);
	s->count++;
	return true;
}

static void forget(sight *s)
{
	for (size_t i = 0; i < s->count; i++) {
		sv_free((char *)s->items[i].info.name);
		bh_component_unref((bh_component *)s->items[i].info.component);
	}
	sv_free(s->items);
}

static void put_sight(listing *l, const sight *s)
{
	js_open(l->out, '[');
	for (size_t i = 0; i < s->count && !l->out->failed; i++)
		put_one(l, &s->items[i]);
	js_close(l->out, ']');
}

static void put_all(exchange *self, sv_text *out, bh_child *child, const char *above, uint32_t depth)
{
	sight all = {0};
	listing *l = sv_alloc(sizeof *l);
	samples *s = self->server->samples;
	bh_child_list(child, see, &all);
	if (!l || all.failed || !samples_enter(s, self->server->daemon.tree)) {
		out->failed = true;
		forget(&all);
		sv_free(l);
		return;
	}
	l->out = out;
	l->samples = s;
	tree_path_begin(&l->path, above, depth);
	put_sight(l, &all);
	samples_leave(s);
	forget(&all);
	sv_free(l);
}

void route_children(exchange *self)
{
	sv_text out = {0};
	js_open(&out, '{');
	js_key(&out, "children");
	put_all(self, &out, bh_supervisor_root(self->server->daemon.tree), "", 0);
	js_close(&out, '}');
	answer_json(self, MHD_HTTP_OK, &out);
}

/* One of them, in detail. */

static void put_items(sv_text *out, const char *key, const bh_component *component,
                      const bh_item *(*at)(const bh_component *component, size_t index))
{
	const bh_item *item;
	js_key(out, key);
	js_open(out, '[');
	for (size_t i = 0; (item = at(component, i)); i++) {
		js_open(out, '{');
		js_put_text(out, "interface", item->interface);
		js_put_text(out, "name", item->name);
		js_put_text(out, "signature", item->signature);
		js_close(out, '}');
	}
	js_close(out, ']');
}

static void put_component(exchange *self, sv_text *out, const bh_component *component)
{
	const admin_daemon *d = &self->server->daemon;
	SV_AUTO char *file = d->file ? d->file(d->data, self->child) : NULL;
	const uint8_t *digest = bh_component_digest(component);
	char text[65];
	for (int i = 0; i < 32; i++)
		snprintf(text + 2 * i, 3, "%02x", digest[i]);
	js_open(out, '{');
	js_put_text(out, "name", bh_component_name(component));
	js_put_text(out, "file", file);
	js_put_text(out, "sha256", text);
	put_items(out, "exports", component, bh_component_export_at);
	put_items(out, "imports", component, bh_component_import_at);
	show_limits(out, bh_component_limits(component));
	show_permissions(out, bh_component_permissions(component));
	js_close(out, '}');
}

static uint32_t depth_of(const char *path)
{
	uint32_t depth = 1;
	for (const char *p = path; *p; p++)
		depth += *p == '/';
	return depth;
}

/* Its replicas, or itself, and all below it. */
void route_inspect(exchange *self)
{
	bh_child *child = route_child(self);
	if (!child)
		return;
	const char *slash = strrchr(self->child, '/');
	SV_AUTO char *above = sv_copy_n(self->child, slash ? (size_t)(slash - self->child) : 0);
	bh_component *component = bh_child_component(child);
	sv_text out = {0};
	js_open(&out, '{');
	js_put_text(&out, "path", self->child);
	js_put_text(&out, "state", bh_child_state_name(bh_child_state_of(child)));
	js_key(&out, "component");
	if (component)
		put_component(self, &out, component);
	else
		js_null(&out);
	js_key(&out, "children");
	put_all(self, &out, child, above ? above : "", depth_of(self->child));
	js_close(&out, '}');
	bh_component_unref(component);
	bh_child_unref(child);
	answer_json(self, MHD_HTTP_OK, &out);
}
