/* Events: the last ones of a tree, and who reads them. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "supervise/brood.h"

struct bh_subscription {
	bh_supervisor *tree; /* with a reference */
	uint64_t next;       /* the sequence number that is read next */
};

void bh_supervisor_event_deinit(bh_supervisor_event *event)
{
	if (!event)
		return;
	bh_string_free(event->path);
	bh_error_free(event->cause);
	*event = (bh_supervisor_event)BH_SUPERVISOR_EVENT_INIT;
}

/* Of "#2", with room for any number. */
typedef char replica_mark[12];

static size_t mark_of(replica_mark out, const bh_member *member)
{
	return member->replica ? (size_t)snprintf(out, sizeof(replica_mark), "#%u", member->replica) : 0;
}

/* From its end, as parents are known and children are not. */
static char *put_before(char *end, const char *text, size_t length)
{
	return memcpy(end - length, text, length);
}

/* Actors come and go, and each is told of three times: with printf this took a fifth of the instructions of a spawn. */
char *bh_member_path(const bh_member *member)
{
	replica_mark mark;
	size_t length = 0;
	for (const bh_node *node = &member->node; node->parent; node = node->parent)
		length +=
			(length > 0) + strlen(bh_member_of_const(node)->child->name) + mark_of(mark, bh_member_of_const(node));
	char *path = bh_calloc(1, length + 1), *end = path ? path + length : NULL;
	if (!path)
		return NULL;
	for (const bh_node *node = &member->node; node->parent; node = node->parent) {
		const char *name = bh_member_of_const(node)->child->name;
		if (node != &member->node)
			*--end = '/';
		end = put_before(end, mark, mark_of(mark, bh_member_of_const(node)));
		end = put_before(end, name, strlen(name));
	}
	return path;
}

int64_t bh_time_of_day_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Without memory for what it says, an event is told all the same. */
void bh_tree_tell(bh_supervisor *tree, const bh_note *note)
{
	const bh_member *member = bh_member_of(note->node);
	if (note->node->parent && bh_member_of(note->node->parent)->child->brood)
		bh_brood_told(bh_member_of(note->node->parent)->child->brood, note);
	bh_supervisor_event *event = &tree->events[tree->next_sequence % BH_EVENTS_KEPT];
	bh_supervisor_event_deinit(event);
	*event = (bh_supervisor_event){
		.sequence = tree->next_sequence++,
		.time_ms = bh_time_of_day_ms(),
		.kind = note->kind,
		.path = bh_member_path(member),
		.generation = note->node->generation,
		.health = member->health,
	};
	pthread_cond_broadcast(&tree->changed);
	if (note->kind == BH_EVENT_UPGRADE_FAILED || note->kind == BH_EVENT_NOT_SAVED ||
	    note->kind == BH_EVENT_NOT_RESTORED)
		event->cause = bh_error_copy(member->cause);
	if (note->kind != BH_EVENT_EXITED)
		return;
	event->exit = note->exit;
	event->decision = note->decision;
	event->delay_ms = note->delay_ms;
	event->restart = note->node->spec.restart;
	event->counted = note->counted;
	event->most_restarts = note->most_restarts;
	event->window_ms = note->window_ms;
	event->cause = bh_error_copy(member->cause);
	event->usage = member->usage;
}

void bh_member_tell(bh_member *member, bh_event_kind kind, const bh_error *cause)
{
	bh_supervisor *tree = member->child->tree;
	bh_tree_enter(tree);
	member->cause = bh_error_copy(cause);
	/* What is out of the tree has no path any more. */
	if (member->in_tree)
		bh_tree_tell(tree, &(bh_note){.kind = kind, .node = &member->node});
	bh_error_free(BH_TAKE(member->cause));
	bh_tree_leave(tree);
}

bh_status bh_subscription_new(bh_subscription **out, bh_supervisor *tree, bool from_start, bh_error **err)
{
	bh_subscription *subscription = bh_calloc(1, sizeof *subscription);
	if (!subscription)
		return bh_fail_memory(err);
	bh_tree_enter(tree);
	subscription->tree = bh_tree_ref(tree);
	uint64_t oldest = tree->next_sequence > BH_EVENTS_KEPT ? tree->next_sequence - BH_EVENTS_KEPT : 1;
	subscription->next = from_start ? oldest : tree->next_sequence;
	bh_tree_leave(tree);
	*out = subscription;
	return BH_OK;
}

void bh_subscription_free(bh_subscription *subscription)
{
	if (!subscription)
		return;
	bh_tree_unref(subscription->tree);
	bh_free(subscription);
}

/* With the lock held. */
static bh_status copy_next(bh_subscription *s, bh_supervisor_event *out, bh_error **err)
{
	const bh_supervisor *tree = s->tree;
	uint64_t oldest = tree->next_sequence > BH_EVENTS_KEPT ? tree->next_sequence - BH_EVENTS_KEPT : 1;
	if (s->next < oldest) {
		*out = (bh_supervisor_event){.sequence = oldest - 1, .lost = oldest - s->next};
		s->next = oldest;
		return BH_OK;
	}
	const bh_supervisor_event *event = &tree->events[s->next % BH_EVENTS_KEPT];
	char *path = bh_strdup(event->path ? event->path : "");
	if (!path)
		return bh_fail_memory(err);
	*out = *event;
	out->path = path;
	out->cause = bh_error_copy(event->cause);
	s->next++;
	return BH_OK;
}

bh_status bh_subscription_next(bh_subscription *s, bh_supervisor_event *out, uint64_t wait_ms, bh_error **err)
{
	bh_supervisor *tree = s->tree;
	uint64_t until = wait_ms == BH_UNLIMITED ? BH_NEVER : bh_after_ms(bh_now(), wait_ms);
	bh_tree_enter(tree);
	while (s->next >= tree->next_sequence && !tree->closed && bh_tree_wait(tree, until)) {}
	bh_status status;
	if (s->next < tree->next_sequence)
		status = copy_next(s, out, err);
	else if (tree->closed)
		status = bh_fail(err, BH_E_DOWN, "the tree is gone");
	else
		status = bh_fail(err, BH_E_DEADLINE, "no event");
	bh_tree_leave(tree);
	return status;
}
