/* What happens in the tree, as lines of the log. */
#include <stdio.h>

#include "daemon.h"
#include "say.h"

static void tell_exit(const bh_supervisor_event *event, const char *path)
{
	const char *cause = event->cause ? bh_error_message(event->cause) : NULL;
	bh_log_level level = event->exit == BH_EXIT_NORMAL || event->exit == BH_EXIT_STOPPED ? BH_LOG_INFO : BH_LOG_WARNING;
	char after[48] = "";
	if (event->decision == BH_DECISION_RESTART && event->delay_ms)
		snprintf(after, sizeof after, " in %llu ms", (unsigned long long)event->delay_ms);
	char *reason = bh_supervisor_event_reason(event);
	say(level, "%s: %s%s%s (%s%s%s%s)", path, bh_exit_name(event->exit), cause ? ": " : "", cause ? cause : "",
	    bh_decision_name(event->decision), after, reason ? ": " : "", reason ? reason : "");
	bh_string_free(reason);
	if (cause && bh_error_hint(event->cause) && level == BH_LOG_WARNING)
		say(BH_LOG_DEBUG, "%s:   %s", path, bh_error_hint(event->cause));
}

/* Seen by its state: the event may have been among those that were lost. */
static void look_at_root(bulkheadd *d)
{
	if (bh_child_state_of(d->root) != BH_CHILD_FAILED)
		return;
	atomic_store(&d->tree_failed, true);
	daemon_wake(d);
}

static void tell(bulkheadd *d, const bh_supervisor_event *event)
{
	const char *path = event->path && *event->path ? event->path : "all";
	if (event->lost) {
		say(BH_LOG_WARNING, "%llu events were not told of: there were too many", (unsigned long long)event->lost);
		look_at_root(d);
		return;
	}
	switch (event->kind) {
	case BH_EVENT_EXITED:
		tell_exit(event, path);
		break;
	case BH_EVENT_STARTED:
		say(BH_LOG_INFO, "%s: up", path);
		break;
	case BH_EVENT_KILLED:
		say(BH_LOG_WARNING, "%s: killed, as it did not stop in time", path);
		break;
	case BH_EVENT_FAILED:
		say(BH_LOG_ERROR, "%s: failed, and is not started again", path);
		break;
	case BH_EVENT_HEALTH:
		say(event->health == BH_HEALTH_GOOD ? BH_LOG_INFO : BH_LOG_WARNING, "%s: health is %s", path,
		    bh_health_name(event->health));
		break;
	case BH_EVENT_UPGRADED:
		say(BH_LOG_INFO, "%s: upgraded", path);
		break;
	case BH_EVENT_UPGRADE_FAILED:
	case BH_EVENT_NOT_SAVED:
	case BH_EVENT_NOT_RESTORED:
		say(BH_LOG_WARNING, "%s: %s: %s", path, bh_event_name(event->kind),
		    event->cause ? bh_error_message(event->cause) : "it is not known why");
		break;
	default:
		say(BH_LOG_DEBUG, "%s: %s", path, bh_event_name(event->kind));
	}
	if (event->kind == BH_EVENT_FAILED)
		look_at_root(d);
}

static void *tell_all(void *data)
{
	bulkheadd *d = data;
	for (;;) {
		bh_supervisor_event event = BH_SUPERVISOR_EVENT_INIT;
		bh_status status = bh_subscription_next(d->events, &event, BH_UNLIMITED, NULL);
		if (!status)
			tell(d, &event);
		bh_supervisor_event_deinit(&event);
		if (status == BH_E_DOWN)
			return NULL;
	}
}

bh_status tell_begin(bulkheadd *d, bh_error **err)
{
	d->root = bh_child_ref(bh_supervisor_root(d->tree));
	bh_status status = bh_subscription_new(&d->events, d->tree, true, err);
	if (!status && pthread_create(&d->teller, NULL, tell_all, d))
		status = bh_error_new(err, BH_E_SYSTEM, "no thread for events");
	d->tells = !status;
	return status;
}

void tell_end(bulkheadd *d)
{
	if (d->tells)
		pthread_join(d->teller, NULL);
	d->tells = false;
	bh_subscription_free(d->events);
	d->events = NULL;
	bh_child_unref(d->root);
	d->root = NULL;
}
