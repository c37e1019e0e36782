/* What states, exits, decisions and events are called. */
#include "base/alloc.h"
#include "bulkhead/supervisor.h"

static const char *const states[] = {
	[BH_CHILD_STOPPED] = "stopped", [BH_CHILD_WAITING] = "waiting",     [BH_CHILD_STARTING] = "starting",
	[BH_CHILD_RUNNING] = "running", [BH_CHILD_STOPPING] = "stopping",   [BH_CHILD_ENDED] = "ended",
	[BH_CHILD_FAILED] = "failed",   [BH_CHILD_SCHEDULED] = "scheduled",
};
static const char *const exits[] = {
	[BH_EXIT_NORMAL] = "normal",       [BH_EXIT_CRASHED] = "crashed",     [BH_EXIT_NOT_UP] = "not-up",
	[BH_EXIT_UNHEALTHY] = "unhealthy", [BH_EXIT_ESCALATED] = "escalated", [BH_EXIT_STOPPED] = "stopped",
};
static const char *const decisions[] = {
	[BH_DECISION_NONE] = "none",         [BH_DECISION_RESTART] = "restart",       [BH_DECISION_LEAVE] = "leave",
	[BH_DECISION_FAIL] = "fail",         [BH_DECISION_WITH_GROUP] = "with-group", [BH_DECISION_ESCALATE] = "escalate",
	[BH_DECISION_SCHEDULE] = "schedule",
};
static const char *const events[] = {
	[BH_EVENT_STARTING] = "starting",   [BH_EVENT_STARTED] = "started",
	[BH_EVENT_EXITED] = "exited",       [BH_EVENT_KILLED] = "killed",
	[BH_EVENT_FAILED] = "failed",       [BH_EVENT_ADDED] = "added",
	[BH_EVENT_REMOVED] = "removed",     [BH_EVENT_HEALTH] = "health",
	[BH_EVENT_UPGRADED] = "upgraded",   [BH_EVENT_UPGRADE_FAILED] = "upgrade-failed",
	[BH_EVENT_NOT_SAVED] = "not-saved", [BH_EVENT_NOT_RESTORED] = "not-restored",
	[BH_EVENT_SCHEDULED] = "scheduled",
};

static const char *const healths[] = {
	[BH_HEALTH_UNKNOWN] = "unknown",
	[BH_HEALTH_GOOD] = "good",
	[BH_HEALTH_DEGRADED] = "degraded",
	[BH_HEALTH_BAD] = "bad",
};

static const char *name_in(const char *const *names, size_t count, unsigned value)
{
	return value < count ? names[value] : "unknown";
}

const char *bh_child_state_name(bh_child_state state)
{
	return name_in(states, BH_COUNT(states), state);
}

const char *bh_exit_name(bh_exit how)
{
	return name_in(exits, BH_COUNT(exits), how);
}

const char *bh_decision_name(bh_decision decision)
{
	return name_in(decisions, BH_COUNT(decisions), decision);
}

const char *bh_event_name(bh_event_kind kind)
{
	return name_in(events, BH_COUNT(events), kind);
}

const char *bh_health_name(bh_health health)
{
	return name_in(healths, BH_COUNT(healths), health);
}
