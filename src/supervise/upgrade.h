/*
 * What an upgrade consists of: for each instance of a service the one that is to take its place, brought up by stages.
 */
#ifndef BH_SUPERVISE_UPGRADE_H
#define BH_SUPERVISE_UPGRADE_H

#include "supervise/internal.h"

/* What is done next about one, in this order. At `BH_STAGE_MADE` it waits for the others. */
typedef enum {
	BH_STAGE_MAKE,
	BH_STAGE_MADE,
	BH_STAGE_SAVE,
	BH_STAGE_RESTORE,
	BH_STAGE_ASK_READY,
	BH_STAGE_ASK_HEALTH,
	BH_STAGE_READY
} bh_stage;

/* What takes the place of a member's instance. */
typedef struct {
	bh_stage at;
	bool asked;        /* that was begun */
	uint64_t again_at; /* no sooner than this */
	bh_life *next;     /* with a reference; NULL: not begun, or in its place */
	bh_life *before;   /* with a reference: what is asked for its state, or what it took the place of */
	bool taken;        /* it did */
	bool outdated;     /* one of the old revision is about to come up instead */
	/* The child's lock: */
	bool waits; /* for an answer, which is: */
	bool yes;
	bh_status status;
	bh_error *why;
} bh_successor;

struct bh_upgrade {
	bh_revision *revision; /* with a reference */
	bh_moment moment;
	uint64_t start_ms, shutdown_ms;
	uint64_t until;
	bool seeing_out;
	bh_upgrade_done *done;
	void *done_data;
	uint32_t count;
	bh_successor each[];
};

/* As far as it comes without waiting; by the one thread that steps the upgrade. What ends it ends the upgrade. */
bh_status bh_successor_advance(bh_child *child, const bh_upgrade *upgrade, bh_successor *s, uint64_t now);

#endif
