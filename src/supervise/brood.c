#include "supervise/brood.h"

#include <stdio.h>
#include <string.h>

struct bh_wait {
	bh_brood *brood; /* with a reference */
	bh_completion *completion;
	uint64_t until;
	char *name;           /* of the child whose end is waited for; NULL: an event is */
	bh_child *child;      /* that one, with a reference, once it was added */
	bool armed;           /* all of it is there: it may be answered */
	bool ended;           /* the child has, like this: */
	bh_brood_event event; /* what came */
};

void bh_brood_event_deinit(bh_brood_event *event)
{
	bh_free(event->name);
	bh_free(event->message);
	*event = (bh_brood_event){0};
}

/* Lives and their stores have references, and the nest. */

static void retain(bh_keeper *keeper)
{
	bh_brood_ref((bh_brood *)keeper);
}

static void release(bh_keeper *keeper)
{
	bh_brood_unref((bh_brood *)keeper);
}

bh_brood *bh_brood_new(bh_member *member)
{
	bh_brood *brood = bh_calloc(1, sizeof *brood);
	if (!brood)
		return NULL;
	brood->keeper = (bh_keeper){retain, release};
	atomic_init(&brood->references, 1);
	brood->tree = bh_tree_ref(member->child->tree);
	brood->member = member;
	brood->depth = member->child->depth;
	return brood;
}

bh_brood *bh_brood_ref(bh_brood *brood)
{
	atomic_fetch_add_explicit(&brood->references, 1, memory_order_relaxed);
	return brood;
}

void bh_brood_unref(bh_brood *brood)
{
	if (!brood || atomic_fetch_sub_explicit(&brood->references, 1, memory_order_acq_rel) != 1)
		return;
	for (uint32_t i = 0; brood->events && i < BH_BROOD_EVENTS; i++)
		bh_brood_event_deinit(&brood->events[i]);
	bh_free(brood->events);
	bh_child_unref(brood->nest);
	bh_supervisor *tree = brood->tree;
	bh_free(brood);
	bh_tree_unref(tree);
}

bh_brood *bh_brood_calling(void)
{
	return (bh_brood *)bh_store_caller_keeper();
}

static bool has_nest(const bh_brood *brood)
{
	return brood->nest && brood->nest->members[0].in_tree && !brood->nest->members[0].node.removing;
}

static void allow_no_time(bh_node *node)
{
	node->spec.shutdown_ms = 0;
	for (bh_node *child = node->first; child; child = child->next)
		allow_no_time(child);
}

/* Nobody is asked to finish: who spawned them cannot wait for it any more. */
static void remove_at_once(bh_plan *plan, bh_node *node)
{
	allow_no_time(node);
	bh_plan_remove(plan, node, bh_now());
}

static void remove_nest(bh_brood *brood)
{
	remove_at_once(&brood->tree->plan, &brood->nest->members[0].node);
}

void bh_brood_close(bh_brood *brood)
{
	if (!brood)
		return;
	brood->member = NULL;
	if (has_nest(brood))
		remove_nest(brood);
}

/* The nest. */

static void name_nest(char *out, size_t size, const bh_member *member)
{
	if (member->replica)
		snprintf(out, size, "%.200s.%u.children", member->child->name, member->replica);
	else
		snprintf(out, size, "%.200s.children", member->child->name);
}

/* Where its parent is. */
static bh_child *place_of(bh_brood *brood, char *name, size_t size)
{
	bh_child *place = NULL;
	bh_tree_enter(brood->tree);
	if (brood->member && brood->member->in_tree && brood->member->node.parent) {
		place = bh_child_ref(bh_member_of(brood->member->node.parent)->child);
		name_nest(name, size, brood->member);
	}
	bh_tree_leave(brood->tree);
	return place;
}

/* It is the brood's from now on, and goes at once if its life was over meanwhile. */
static bh_status take_nest(bh_brood *brood, bh_child *nest, bh_brood_event *events, bh_error **err)
{
	bh_tree_enter(brood->tree);
	bh_child *before = brood->nest;
	brood->nest = bh_child_ref(nest);
	if (!brood->events)
		brood->events = BH_TAKE(events);
	brood->count = 0;
	bool up = brood->member && nest->members[0].node.state == BH_CHILD_RUNNING;
	if (!up && has_nest(brood))
		remove_nest(brood);
	bh_tree_leave(brood->tree);
	bh_free(events);
	bh_child_unref(before);
	return up ? BH_OK : bh_fail(err, BH_E_DOWN, "the parent is going down");
}

BH_DEFINE_AUTO(bh_child *, bh_child_unref)

static bh_status make_nest(bh_brood *brood, bh_error **err)
{
	char name[256];
	BH_AUTO(bh_child_unref) bh_child *place = place_of(brood, name, sizeof name);
	BH_AUTO(bh_child_unref) bh_child *nest = NULL;
	if (!place)
		return bh_fail(err, BH_E_DOWN, "the parent is going down");
	bh_child_options options = BH_CHILD_OPTIONS_INIT;
	options.name = name;
	options.kind = BH_CHILD_SUPERVISOR;
	options.restart = BH_RESTART_TEMPORARY;
	options.dynamic = true;
	options.on_intensity = BH_INTENSITY_FAIL_CHILD;
	bh_brood_event *events = bh_calloc(BH_BROOD_EVENTS, sizeof *events);
	if (!events)
		return bh_fail_memory(err);
	bh_child_extra extra = {.brood = bh_brood_ref(brood)};
	bh_status status = bh_child_add_as(&nest, place, &options, &extra, err);
	if (!status)
		return take_nest(brood, nest, events, err);
	bh_free(events);
	bh_brood_unref(extra.brood);
	return status;
}

static bh_child *take_nest_ref(bh_brood *brood, uint32_t *count)
{
	bh_tree_enter(brood->tree);
	bh_child *nest = has_nest(brood) ? bh_child_ref(brood->nest) : NULL;
	*count = nest ? brood->count : 0;
	bh_tree_leave(brood->tree);
	return nest;
}

/* Children. */

bh_status bh_brood_add(bh_child **out, bh_brood *brood, const bh_child_options *options, bh_child_extra *extra,
                       uint32_t most, bh_error **err)
{
	uint32_t count;
	BH_AUTO(bh_child_unref) bh_child *nest = take_nest_ref(brood, &count);
	if (count >= most)
		return bh_fail(err, BH_E_RESOURCE_LIMIT, "as many children as one parent may have: %u", most);
	if (!nest) {
		bh_status status = make_nest(brood, err);
		if (status)
			return status;
		nest = take_nest_ref(brood, &count);
	}
	if (!nest)
		return bh_fail(err, BH_E_DOWN, "the parent is going down");
	BH_AUTO(bh_child_unref) bh_child *same = bh_brood_find(brood, options->name);
	if (same)
		return bh_fail(err, BH_E_INVALID, "%s: there is such a child already", options->name);
	return bh_child_add_as(out, nest, options, extra, err);
}

void bh_brood_each(bh_brood *brood, bh_brood_visit *visit, void *data)
{
	if (!has_nest(brood))
		return;
	for (bh_node *node = brood->nest->members[0].node.first; node; node = node->next)
		if (bh_member_of(node)->child->kind != BH_CHILD_SUPERVISOR)
			visit(data, bh_member_of(node)->child);
}

typedef struct {
	const char *name;
	bh_child *found;
} search;

static void look_at(void *data, bh_child *child)
{
	search *s = data;
	if (!s->found && !strcmp(child->name, s->name))
		s->found = bh_child_ref(child);
}

bh_child *bh_brood_find(bh_brood *brood, const char *name)
{
	search s = {.name = name};
	bh_tree_enter(brood->tree);
	bh_brood_each(brood, look_at, &s);
	bh_tree_leave(brood->tree);
	return s.found;
}

/* Events. */

static void push(bh_brood *brood, bh_brood_event *event)
{
	if (brood->event_count == BH_BROOD_EVENTS) {
		bh_brood_event_deinit(&brood->events[brood->first_event]);
		brood->first_event = (brood->first_event + 1) % BH_BROOD_EVENTS;
		brood->event_count--;
		brood->lost++;
	}
	brood->events[(brood->first_event + brood->event_count++) % BH_BROOD_EVENTS] = *event;
	*event = (bh_brood_event){0};
}

static bool pop(bh_brood *brood, bh_brood_event *event)
{
	if (brood->lost) {
		*event = (bh_brood_event){.lost = brood->lost};
		brood->lost = 0;
		return true;
	}
	if (!brood->event_count)
		return false;
	*event = brood->events[brood->first_event];
	brood->events[brood->first_event] = (bh_brood_event){0};
	brood->first_event = (brood->first_event + 1) % BH_BROOD_EVENTS;
	brood->event_count--;
	return true;
}

static bool again(const bh_note *note)
{
	return note->decision == BH_DECISION_RESTART || note->decision == BH_DECISION_WITH_GROUP;
}

static void tell(bh_brood *brood, const bh_note *note, const bh_member *member)
{
	const bh_error *cause = note->kind == BH_EVENT_EXITED ? member->cause : NULL;
	bh_brood_event event = {
		.kind = note->kind,
		.name = bh_strdup(member->child->name),
		.exit = note->exit,
		.again = note->kind == BH_EVENT_EXITED && again(note),
		.message = cause ? bh_guest_words(bh_error_message(cause)) : NULL,
	};
	bh_wait *wait = brood->wait;
	if (wait && wait->name && !strcmp(wait->name, member->child->name)) {
		if (note->kind == BH_EVENT_EXITED && !event.again && !wait->ended) {
			wait->ended = true;
			wait->event = event;
			event = (bh_brood_event){0};
		}
	} else if (!event.name) {
		brood->lost++;
	} else {
		push(brood, &event);
	}
	bh_brood_event_deinit(&event);
	if (wait)
		bh_tree_note(&brood->nest->members[0], BH_DO_CHECK);
}

void bh_brood_told(bh_brood *brood, const bh_note *note)
{
	const bh_member *member = bh_member_of(note->node);
	/* Of a nest before this one the guest hears no more. */
	bool ours = brood->nest && note->node->parent == &brood->nest->members[0].node;
	if (!ours || member->child->kind == BH_CHILD_SUPERVISOR)
		return;
	if (note->kind == BH_EVENT_ADDED)
		brood->count++;
	if (note->kind == BH_EVENT_REMOVED)
		brood->count--;
	if (note->kind == BH_EVENT_STARTED || note->kind == BH_EVENT_EXITED || note->kind == BH_EVENT_FAILED)
		tell(brood, note, member);
}

/* Waiting. */

static bh_moment *alarm_of(bh_brood *brood)
{
	return &brood->nest->members[0].check;
}

static void stop_waiting(bh_brood *brood)
{
	brood->wait = NULL;
	if (brood->nest)
		bh_moment_clear(alarm_of(brood));
}

static void free_wait(bh_wait *wait)
{
	bh_brood_event_deinit(&wait->event);
	bh_free(wait->name);
	bh_child_unref(wait->child);
	bh_brood *brood = wait->brood;
	bh_free(wait);
	bh_brood_unref(brood);
}

/* The guest's call was ended. Nothing is done here that is to be done about the tree: this may be any thread. */
static void cancelled(void *data)
{
	bh_wait *wait = data;
	bh_brood *brood = wait->brood;
	pthread_mutex_lock(&brood->tree->lock);
	bool ours = brood->wait == wait;
	if (ours)
		stop_waiting(brood);
	pthread_mutex_unlock(&brood->tree->lock);
	if (!ours)
		return;
	bh_completion_drop(wait->completion);
	free_wait(wait);
}

static void answer(bh_wait *wait, bool came, bool gone)
{
	if (came && wait->name)
		bh_guest_tell_exit(wait->completion, &wait->event);
	else if (came)
		bh_guest_tell_event(wait->completion, &wait->event);
	else if (gone)
		bh_guest_fail(wait->completion, BH_E_DOWN, "the children are going down");
	else
		bh_guest_fail(wait->completion, BH_E_DEADLINE, "%s%s in time", wait->name ? wait->name : "no event",
		              wait->name ? " did not end" : "");
	free_wait(wait);
}

/* Once it is out of the tree it is not needed, and it has a reference to the brood. */
static bh_child *take_old_nest(bh_brood *brood)
{
	return brood->nest && !brood->nest->members[0].in_tree ? BH_TAKE(brood->nest) : NULL;
}

void bh_brood_serve(bh_brood *brood)
{
	bh_tree_enter(brood->tree);
	bh_wait *wait = brood->wait;
	if (wait && !wait->armed)
		wait = NULL;
	bool came = wait && (wait->name ? wait->ended : pop(brood, &wait->event));
	bool gone = !has_nest(brood);
	bool over = wait && (came || gone || bh_now() >= wait->until);
	if (over)
		stop_waiting(brood);
	if (over && !came && wait->child && wait->child->members[0].in_tree)
		remove_at_once(&brood->tree->plan, &wait->child->members[0].node);
	bh_child *old = take_old_nest(brood);
	bh_tree_leave(brood->tree);
	if (over)
		answer(wait, came, gone);
	bh_child_unref(old);
}

/* From now on the wait may be over, and freed, at any moment. */
static void arm(bh_wait *wait, bh_child *child, uint64_t wait_ms)
{
	bh_brood *brood = bh_brood_ref(wait->brood);
	bh_supervisor *tree = brood->tree;
	bh_completion_on_cancel(wait->completion, cancelled, wait);
	bh_tree_enter(tree);
	wait->until = wait_ms == BH_UNLIMITED ? BH_NEVER : bh_after_ms(bh_now(), wait_ms);
	wait->child = child ? bh_child_ref(child) : NULL;
	wait->armed = true;
	brood->wait = wait;
	if (wait->until != BH_NEVER && brood->nest && brood->nest->members[0].in_tree)
		bh_moment_set(alarm_of(brood), wait_ms);
	bh_tree_leave(tree);
	bh_brood_serve(brood); /* it may be there already, or all of them gone */
	bh_brood_unref(brood);
}

static bh_wait *new_wait(bh_brood *brood, bh_completion *completion)
{
	bh_wait *wait = bh_calloc(1, sizeof *wait);
	if (!wait)
		return NULL;
	wait->brood = bh_brood_ref(brood);
	wait->completion = completion;
	return wait;
}

bh_wait *bh_brood_await(bh_brood *brood, bh_completion *completion, const char *name)
{
	bh_wait *wait = new_wait(brood, completion);
	if (!wait || !(wait->name = bh_strdup(name))) {
		if (wait)
			free_wait(wait);
		return NULL;
	}
	bh_tree_enter(brood->tree);
	brood->wait = wait;
	bh_tree_leave(brood->tree);
	return wait;
}

void bh_brood_await_added(bh_wait *wait, bh_child *child, uint64_t wait_ms)
{
	arm(wait, child, wait_ms);
}

void bh_brood_await_not(bh_wait *wait)
{
	bh_tree_enter(wait->brood->tree);
	wait->brood->wait = NULL;
	bh_tree_leave(wait->brood->tree);
	free_wait(wait);
}

void bh_brood_next(bh_brood *brood, bh_completion *completion, uint64_t wait_ms)
{
	bh_brood_event event = {0};
	bh_tree_enter(brood->tree);
	bool came = pop(brood, &event), none = !has_nest(brood) || !brood->count;
	bh_tree_leave(brood->tree);
	bh_wait *wait = came || none ? NULL : new_wait(brood, completion);
	if (wait)
		arm(wait, NULL, wait_ms);
	else if (came)
		bh_guest_tell_event(completion, &event);
	else if (none)
		bh_guest_fail(completion, BH_E_NOT_FOUND, "there are no children, and no events of any");
	else
		bh_completion_fail(completion, BH_E_NO_MEMORY, "no memory to wait");
	bh_brood_event_deinit(&event);
}
