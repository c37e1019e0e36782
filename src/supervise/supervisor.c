/* Trees and children: making them, asking for things, looking at them. */
#include <string.h>

#include "supervise/brood.h"

enum {
	START_MS = 10000,
	SHUTDOWN_MS = 5000,
	RESTARTS = 3,
	MOST_RESTARTS = 10000,
	WINDOW_MS = 60000,
	MAILBOX = 1000,
	HEALTH_MS = 10000,
	ANSWER_MS = 1000,
	UNHEALTHY_AFTER = 3,
	SNAPSHOT_BYTES = 16 << 20,
	MOST_REPLICAS = 10000,
	DEEPEST = 32,
	MOMENTS = 3, /* that a node may wait for: to be checked, to be saved, and its child to be upgraded */
};

/* Options of older callers are shorter. */
static bh_child_options known_options(const bh_child_options *given)
{
	bh_child_options options = BH_CHILD_OPTIONS_INIT;
	if (given)
		memcpy(&options, given,
		       given->struct_size && given->struct_size < sizeof options ? given->struct_size : sizeof options);
	return options;
}

static bh_node_spec spec_of(const bh_child_options *o)
{
	uint32_t most = o->most_restarts == BH_NO_RESTARTS ? 0 : o->most_restarts ? o->most_restarts : RESTARTS;
	return (bh_node_spec){
		.supervisor = o->kind == BH_CHILD_SUPERVISOR,
		.restart = o->restart,
		.backoff = o->backoff,
		.start_ms = o->start_ms ? o->start_ms : START_MS,
		.shutdown_ms = o->shutdown_ms ? o->shutdown_ms : SHUTDOWN_MS,
		.broken = o->broken != NULL,
		.dynamic = o->dynamic,
		.every_ms = o->every_ms,
		.calendar = o->cron,
		.strategy = o->strategy,
		.on_intensity = o->on_intensity,
		.most_restarts = most < MOST_RESTARTS ? most : MOST_RESTARTS,
		.window_ms = o->window_ms ? o->window_ms : WINDOW_MS,
	};
}

/* Children. */

bh_child *bh_child_ref(bh_child *child)
{
	atomic_fetch_add_explicit(&child->references, 1, memory_order_relaxed);
	return child;
}

void bh_child_unref(bh_child *child)
{
	if (!child || atomic_fetch_sub_explicit(&child->references, 1, memory_order_acq_rel) != 1)
		return;
	for (uint32_t i = 0; i < child->member_count; i++)
		bh_snapshot_unref(child->members[i].snapshot);
	bh_revision_unref(child->revision);
	bh_free(child->ready);
	bh_free(child->health);
	bh_free(child->run);
	pthread_mutex_destroy(&child->lock);
	bh_free(child->name);
	bh_free(child->own);
	bh_free(child->stats);
	bh_brood_unref(child->brood);
	bh_supervisor *tree = child->tree;
	bh_free(child);
	bh_tree_unref(tree);
}

BH_DEFINE_AUTO(bh_child *, bh_child_unref)

static bool copy_name(char **out, const char *name)
{
	*out = name ? bh_strdup(name) : NULL;
	return !name || *out;
}

static bool copy_names(bh_child *child, const bh_child_options *o)
{
	return copy_name(&child->name, o->name ? o->name : "") && copy_name(&child->ready, o->ready) &&
	       copy_name(&child->health, o->health) && copy_name(&child->run, o->export_);
}

static void init_member(bh_child *child, uint32_t index)
{
	bh_member *member = &child->members[index];
	member->child = child;
	member->replica = child->member_count > 1 ? index + 1 : 0;
	member->check = (bh_moment){.member = member, .duty = BH_DO_CHECK};
	member->save = (bh_moment){.member = member, .duty = BH_DO_SAVE};
}

static bh_status make_child(bh_child **out, bh_supervisor *tree, const bh_child_options *o, bh_error **err)
{
	uint32_t members = o->kind == BH_CHILD_SERVICE && o->replicas && !o->broken ? o->replicas : 1;
	BH_AUTO(bh_child_unref) bh_child *child = bh_calloc(1, sizeof *child + members * sizeof child->members[0]);
	if (!child)
		return bh_fail_memory(err);
	atomic_init(&child->references, 1);
	pthread_mutex_init(&child->lock, NULL);
	child->tree = bh_tree_ref(tree);
	child->kind = o->kind;
	child->on_restart = o->on_restart;
	child->mailbox = o->mailbox ? o->mailbox : MAILBOX;
	child->health_ms = o->health_ms ? o->health_ms : HEALTH_MS;
	child->answer_ms = o->answer_ms ? o->answer_ms : ANSWER_MS;
	child->unhealthy_after = o->unhealthy_after ? o->unhealthy_after : UNHEALTHY_AFTER;
	child->snapshot_ms = o->snapshot_ms;
	child->snapshot_bytes = o->snapshot_bytes ? o->snapshot_bytes : SNAPSHOT_BYTES;
	child->start_ms = o->start_ms ? o->start_ms : START_MS;
	child->shutdown_ms = o->shutdown_ms ? o->shutdown_ms : SHUTDOWN_MS;
	child->member_count = members;
	for (uint32_t i = 0; i < members; i++)
		init_member(child, i);
	if (!copy_names(child, o))
		return bh_fail_memory(err);
	bh_status status = o->kind == BH_CHILD_SUPERVISOR ? BH_OK
	                   : o->broken                    ? bh_revision_new_broken(&child->revision, o->broken, err)
	                               : bh_revision_new(&child->revision, child, o->component, o->instance, err);
	if (!status && o->cron)
		status = bh_cron_parse(&child->cron, o->cron, err);
	if (!status)
		*out = BH_TAKE(child);
	return status;
}

/* Into the tree, with the lock held; all members or none. */
static bool plant(bh_child *child, bh_node *parent, const bh_child_options *o)
{
	bh_plan *plan = &child->tree->plan;
	bh_node_spec spec = spec_of(o);
	spec.aside = child->brood;
	if (!bh_heap_reserve(&child->tree->moments, MOMENTS * (plan->nodes + child->member_count)))
		return false;
	for (uint32_t i = 0; i < child->member_count; i++) {
		bh_member *member = &child->members[i];
		if (!bh_plan_add(plan, &member->node, parent, &spec)) {
			while (i--)
				bh_plan_remove(plan, &child->members[i].node, bh_now());
			return false;
		}
		member->in_tree = true;
		member->node.wanted = !o->stopped;
		bh_child_ref(child);
	}
	return true;
}

/* Checking what is asked for. */

bool bh_is_child_name(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
	return name && *name && strlen(name) < 256 && !name[strspn(name, allowed)];
}

static bh_status check(const bh_child_options *o, bh_error **err)
{
	if (!bh_is_child_name(o->name))
		return bh_fail(err, BH_E_INVALID, "%s: a child's name is letters, digits, '-', '_' and '.'",
		               o->name ? o->name : "(none)");
	if ((unsigned)o->kind > BH_CHILD_SUPERVISOR || (unsigned)o->restart > BH_RESTART_TEMPORARY ||
	    (unsigned)o->strategy > BH_REST_FOR_ONE || (unsigned)o->on_intensity > BH_INTENSITY_FAIL_CHILD ||
	    (unsigned)o->backoff.kind > BH_BACKOFF_EXPONENTIAL || (unsigned)o->on_restart > BH_FAIL)
		return bh_fail(err, BH_E_INVALID, "%s: an option has a value that is none", o->name);
	if (o->kind != BH_CHILD_SUPERVISOR && !o->component && !o->broken)
		return bh_fail(err, BH_E_INVALID, "%s: no component", o->name);
	if ((o->every_ms || o->cron) && (o->kind != BH_CHILD_TASK || (o->every_ms && o->cron)))
		return bh_fail(err, BH_E_INVALID, "%s: every_ms and cron are for tasks, one of them at a time", o->name);
	if (o->replicas > MOST_REPLICAS)
		return bh_fail(err, BH_E_INVALID, "%s: %u replicas, at most %d", o->name, o->replicas, MOST_REPLICAS);
	return BH_OK;
}

static bh_child *child_below(const bh_node *sup, const char *name, size_t length)
{
	for (bh_node *node = sup->first; node; node = node->next) {
		bh_child *child = bh_member_of(node)->child;
		if (!strncmp(child->name, name, length) && !child->name[length])
			return child;
	}
	return NULL;
}

/* With the lock held. Actors are many, and have names of a counter or the like: they are not searched for. */
static bh_status check_place(const bh_child *parent, const bh_child_options *o, bh_error **err)
{
	const bh_member *place = &parent->members[0];
	unsigned depth = 0;
	for (const bh_node *node = &place->node; node; node = node->parent)
		depth++;
	if (parent->kind != BH_CHILD_SUPERVISOR)
		return bh_fail(err, BH_E_INVALID, "%s is no supervisor", parent->name);
	if (!place->in_tree)
		return bh_fail(err, BH_E_DOWN, "%s was removed", parent->name);
	if (depth > DEEPEST)
		return bh_fail(err, BH_E_INVALID, "%s: supervisors are nested more than %d deep", o->name, DEEPEST);
	if (!o->dynamic && child_below(&place->node, o->name, strlen(o->name)))
		return bh_fail(err, BH_E_INVALID, "%s: there is such a child already", o->name);
	return BH_OK;
}

static void told_added(bh_child *child)
{
	for (uint32_t i = 0; i < child->member_count; i++)
		bh_tree_tell(child->tree, &(bh_note){.kind = BH_EVENT_ADDED, .node = &child->members[i].node});
}

/* With the lock held. Where its supervisor is up it comes up at once. */
static void start_members(bh_child *child)
{
	for (uint32_t i = 0; i < child->member_count; i++)
		if (child->members[i].in_tree && child->members[i].node.wanted)
			bh_plan_start(&child->tree->plan, &child->members[i].node, bh_now());
}

static void give_extra(bh_child *child, const bh_child_extra *extra)
{
	child->brood = extra->brood;
	child->depth = extra->depth;
	child->spawner = extra->spawner;
	child->own = extra->own;
}

bh_status bh_child_add(bh_child **out, bh_child *parent, const bh_child_options *options, bh_error **err)
{
	return bh_child_add_as(out, parent, options, NULL, err);
}

bh_status bh_child_add_as(bh_child **out, bh_child *parent, const bh_child_options *given, const bh_child_extra *extra,
                          bh_error **err)
{
	if (!parent || !given)
		return bh_fail(err, BH_E_INVALID, "bh_child_add: no supervisor, or no options");
	bh_child_options options = known_options(given);
	BH_AUTO(bh_child_unref) bh_child *child = NULL;
	bh_supervisor *tree = parent->tree;
	bh_status status = check(&options, err);
	if (!status)
		status = make_child(&child, tree, &options, err);
	if (status)
		return status;
	bh_tree_enter(tree);
	status = check_place(parent, &options, err);
	if (!status && extra)
		give_extra(child, extra);
	if (!status && !plant(child, &parent->members[0].node, &options)) {
		give_extra(child, &(const bh_child_extra){0});
		status = bh_fail_memory(err);
	}
	if (!status) {
		told_added(child);
		start_members(child);
	}
	bh_tree_leave(tree);
	if (!status && out)
		*out = BH_TAKE(child);
	return status;
}

/* Trees. */

bh_status bh_supervisor_new(bh_supervisor **out, const bh_child_options *given, bh_error **err)
{
	bh_child_options options = known_options(given);
	options.name = "root";
	options.kind = BH_CHILD_SUPERVISOR;
	options.restart = BH_RESTART_PERMANENT;
	options.dynamic = options.stopped = false;
	bh_supervisor *tree = NULL;
	bh_child *root = NULL;
	bh_status status = check(&options, err);
	if (!status)
		status = bh_tree_new(&tree, err);
	if (status)
		return status;
	status = make_child(&root, tree, &options, err);
	bh_tree_enter(tree);
	if (!status && !plant(root, NULL, &options))
		status = bh_fail_memory(err);
	bh_tree_leave(tree);
	if (status) {
		bh_child_unref(root);
		bh_tree_close(tree);
		bh_tree_unref(tree);
		return status;
	}
	tree->root = root;
	*out = tree;
	return BH_OK;
}

bh_child *bh_supervisor_root(bh_supervisor *tree)
{
	return tree->root;
}

static bool is_down(const bh_node *node)
{
	return node->state == BH_CHILD_STOPPED || node->state == BH_CHILD_ENDED || node->state == BH_CHILD_FAILED;
}

void bh_supervisor_free(bh_supervisor *tree)
{
	if (!tree)
		return;
	bh_node *root = &tree->root->members[0].node;
	bh_child_stop(tree->root);
	bh_tree_enter(tree);
	while (!is_down(root))
		bh_tree_wait(tree, BH_NEVER);
	bh_plan_remove(&tree->plan, root, bh_now());
	bh_tree_leave(tree);
	bh_tree_enter(tree);
	while (tree->upgrades)
		bh_tree_wait(tree, BH_NEVER);
	bh_tree_leave(tree);
	bh_tree_close(tree);
	bh_child_unref(tree->root);
	bh_tree_unref(tree);
}

bh_child *bh_supervisor_find(bh_supervisor *tree, const char *path)
{
	bh_tree_enter(tree);
	bh_child *found = tree->root;
	while (found && *path) {
		size_t length = strcspn(path, "/");
		found = length ? child_below(&found->members[0].node, path, length) : NULL;
		path += length + (path[length] == '/');
	}
	if (found)
		bh_child_ref(found);
	bh_tree_leave(tree);
	return found;
}

/* Asking. */

typedef void ask_fn(bh_plan *plan, bh_node *node, uint64_t now);

static void ask(bh_child *child, ask_fn *what)
{
	bh_tree_enter(child->tree);
	for (uint32_t i = 0; i < child->member_count; i++) {
		bh_member *member = &child->members[i];
		if (member->in_tree)
			what(&child->tree->plan, &member->node, bh_now());
		/* One that only waited to be started again stops without a word. */
		if (member->in_tree)
			bh_member_wake_waiters(&member->node);
	}
	pthread_cond_broadcast(&child->tree->changed);
	bh_tree_leave(child->tree);
}

void bh_child_start(bh_child *child)
{
	ask(child, bh_plan_start);
}

void bh_child_stop(bh_child *child)
{
	ask(child, bh_plan_stop);
}

void bh_child_restart(bh_child *child)
{
	ask(child, bh_plan_restart);
}

void bh_child_remove(bh_child *child)
{
	/* The tree's own handle of the root does not go. */
	if (child == child->tree->root)
		bh_child_stop(child);
	else
		ask(child, bh_plan_remove);
}

/* Looking. */

bh_component *bh_child_component(bh_child *child)
{
	pthread_mutex_lock(&child->lock);
	bh_component *component = child->revision ? child->revision->component : NULL;
	if (component)
		bh_component_ref(component);
	pthread_mutex_unlock(&child->lock);
	return component;
}

static bh_child_info info_of(bh_member *member, const bh_component *component, uint32_t depth, uint64_t now)
{
	bh_child *child = member->child;
	const bh_node *node = &member->node;
	uint64_t starts_at = bh_plan_starts_at(node);
	pthread_mutex_lock(&child->lock);
	uint32_t in_flight = member->life ? member->life->in_flight : 0, waiting = child->line.length;
	const bh_child_stats *stats = child->stats;
	pthread_mutex_unlock(&child->lock);
	return (bh_child_info){
		.name = child->name,
		.kind = child->kind,
		.replica = member->replica,
		.depth = depth,
		.state = node->state,
		.generation = node->generation,
		.restarts = node->restarts,
		.up_ms = node->state == BH_CHILD_RUNNING ? (now - node->up_since) / 1000000 : 0,
		.next_start_ms = starts_at != BH_NEVER && starts_at > now ? (starts_at - now) / 1000000 + 1 : 0,
		.in_flight = in_flight,
		.waiting = waiting,
		.health = member->health,
		.last_exit = member->last_exit,
		.last_status = member->last_status,
		.component = component,
		.last_trap = member->last_trap,
		.stats = stats,
		.dynamic = node->spec.dynamic,
		.last_exit_ms = member->exited_at && now > member->exited_at ? (now - member->exited_at) / 1000000 : 0,
	};
}

static bool visit_all(bh_node *node, uint32_t depth, uint64_t now, bh_child_visit *visit, void *data)
{
	bh_component *component = bh_child_component(bh_member_of(node)->child);
	bh_child_info info = info_of(bh_member_of(node), component, depth, now);
	bh_child_stats stats = BH_CHILD_STATS_INIT;
	if (info.stats) {
		bh_child_stats_read(&stats, bh_member_of(node)->child);
		info.stats = &stats;
	}
	bool more = visit(data, &info);
	bh_component_unref(component);
	for (bh_node *below = node->first; below && more; below = below->next)
		more = visit_all(below, depth + 1, now, visit, data);
	return more;
}

void bh_child_list(bh_child *child, bh_child_visit *visit, void *data)
{
	uint64_t now = bh_now();
	bool more = true;
	bh_tree_enter(child->tree);
	for (uint32_t i = 0; i < child->member_count && more; i++)
		if (child->members[i].in_tree)
			more = visit_all(&child->members[i].node, 0, now, visit, data);
	bh_tree_leave(child->tree);
}

/* With the lock held: running is better than coming up, and that than being down. */
static bh_child_state best_state(const bh_child *child)
{
	static const uint8_t rank[] = {
		[BH_CHILD_RUNNING] = 6, [BH_CHILD_STARTING] = 5, [BH_CHILD_WAITING] = 4, [BH_CHILD_STOPPING] = 3,
		[BH_CHILD_STOPPED] = 2, [BH_CHILD_ENDED] = 1,    [BH_CHILD_FAILED] = 0,  [BH_CHILD_SCHEDULED] = 4,
	};
	bh_child_state best = child->members[0].node.state;
	for (uint32_t i = 1; i < child->member_count; i++)
		if (rank[child->members[i].node.state] > rank[best])
			best = child->members[i].node.state;
	return best;
}

bh_child_state bh_child_state_of(bh_child *child)
{
	bh_tree_enter(child->tree);
	bh_child_state state = best_state(child);
	bh_tree_leave(child->tree);
	return state;
}

static bool is_in(const bh_child *child, bh_child_state wanted)
{
	bh_child_state state = best_state(child);
	bool down = state == BH_CHILD_STOPPED || state == BH_CHILD_ENDED || state == BH_CHILD_FAILED;
	return state == wanted || (wanted == BH_CHILD_STOPPED && down);
}

bool bh_child_wait(bh_child *child, bh_child_state state, uint64_t wait_ms)
{
	bh_supervisor *tree = child->tree;
	uint64_t until = wait_ms == BH_UNLIMITED ? BH_NEVER : bh_after_ms(bh_now(), wait_ms);
	bool in_time = true;
	bh_tree_enter(tree);
	while (!is_in(child, state) && !tree->closed && in_time)
		in_time = bh_tree_wait(tree, until);
	bool is = is_in(child, state);
	bh_tree_leave(tree);
	return is;
}
