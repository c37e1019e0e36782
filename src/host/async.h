/* Calls under way on the executor; for this room. */
#ifndef BH_HOST_ASYNC_H
#define BH_HOST_ASYNC_H

#include "base/event.h"
#include "host/instance.h"

struct bh_call {
	bh_task task; /* first */
	bh_run run;
	bh_component *component; /* until it is over, and its host with it */
	bh_export *export_;      /* until it is over */
	bh_instance *instance;   /* until it is over; NULL: a fresh one */
	bh_instance *made;       /* what is wanted is this instance, and no call; the taker's in the end */
	bh_value *args;          /* until they are the store's; `few`, or an array */
	bh_value few[4];
	bh_call_done *done;
	void *done_data;
	bool dispatched;   /* told by bh_host_dispatch(), not by a worker */
	_Atomic bool over; /* the result is there */
	bh_event ended;    /* and nobody is busy with it any more */
	_Atomic bool taken;
	bool supplied; /* by run.supplier, to whom run.service is to be released */
	bh_call *next_dispatch;
	bh_roll_entry listed; /* in the roll */
	char name[];          /* of a call of a service: what is called */
};

/*
 * Start a call on an instance that a supplier gives, which is given `service` with a reference if it starts.
 *
 * `export_` is what is called as far as is known now.
 */
bh_status bh_call_start_supplied(bh_call **out, const bh_supplier *supplier, void *service, bh_export *export_,
                                 const char *name, const bh_value *args, size_t arg_count,
                                 const bh_call_options *options, bh_error **err);

/*
 * A call without arguments on a fresh instance, and a live instance, made on behalf of `keeper`, which is there until the
 * call is over.
 */
bh_status bh_call_start_kept(bh_call **out, bh_export *export_, bh_keeper *keeper, const bh_call_options *options,
                             bh_error **err);
bh_status bh_instance_start_kept(bh_call **out, bh_component *component, const bh_instance_options *options,
                                 bh_keeper *keeper, const bh_call_options *call_options, bh_error **err);

#endif
