/* Why it was decided what becomes of a child that ended, in words. */
#include <inttypes.h>
#include <stdio.h>

#include "base/alloc.h"
#include "bulkhead/supervisor.h"

static const char *const policies[] = {
	[BH_RESTART_PERMANENT] = "permanent",
	[BH_RESTART_TRANSIENT] = "transient",
	[BH_RESTART_TEMPORARY] = "temporary",
};

static const char *policy_of(const bh_supervisor_event *e)
{
	return (unsigned)e->restart < BH_COUNT(policies) ? policies[e->restart] : "unknown";
}

enum { LONGEST_TIME = 32 };

/* Windows are seconds, mostly. */
static const char *window_of(char out[LONGEST_TIME], const bh_supervisor_event *e)
{
	bool whole = e->window_ms % 1000 == 0;
	snprintf(out, LONGEST_TIME, "%" PRIu64 "%s", whole ? e->window_ms / 1000 : e->window_ms, whole ? " s" : " ms");
	return out;
}

static char *too_many(const bh_supervisor_event *e)
{
	char time[LONGEST_TIME];
	if (!e->most_restarts)
		return bh_strdup("no restarts are allowed");
	return bh_format("too many restarts: %" PRIu32 " within %s, and more are not allowed", e->counted,
	                 window_of(time, e));
}

/* Only where it was about restarts there is a window. */
static char *failed(const bh_supervisor_event *e)
{
	if (e->window_ms)
		return too_many(e);
	return bh_strdup(e->exit == BH_EXIT_ESCALATED ? "it is the root: there is no supervisor above it"
	                                              : "it cannot run");
}

static char *restarted(const bh_supervisor_event *e)
{
	if (!e->window_ms)
		return bh_strdup("somebody asked for it");
	char time[LONGEST_TIME];
	return bh_format("%s, restart %" PRIu32 " of %" PRIu32 " within %s", policy_of(e), e->counted, e->most_restarts,
	                 window_of(time, e));
}

static char *left(const bh_supervisor_event *e)
{
	return bh_strdup(e->restart == BH_RESTART_TEMPORARY ? "temporary: it is never started again"
	                                                    : "transient: it ended well");
}

char *bh_supervisor_event_reason(const bh_supervisor_event *event)
{
	if (event->lost || event->kind != BH_EVENT_EXITED)
		return NULL;
	switch (event->decision) {
	case BH_DECISION_NONE:
		return bh_strdup("it was asked to stop");
	case BH_DECISION_RESTART:
		return restarted(event);
	case BH_DECISION_LEAVE:
		return left(event);
	case BH_DECISION_WITH_GROUP:
		return bh_strdup("it was to stop because of another, and comes up with that one");
	case BH_DECISION_FAIL:
		return failed(event);
	case BH_DECISION_ESCALATE:
		return too_many(event);
	case BH_DECISION_SCHEDULE:
		return bh_strdup("this run is over, and the next has its turn");
	}
	return NULL;
}
