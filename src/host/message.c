#include "host/message.h"

#include "host/export.h"
#include "host/instance.h"

bh_status bh_message_check(bh_message_kind kind, const bh_export *export_, bh_error **err)
{
	return bh_message_fits(kind, export_->function, err);
}

bool bh_message_is_seen(const bh_export *export_)
{
	return bh_intercept_chain_sees_exports(export_->component->chain);
}

void bh_message_prepare(bh_run *run, const bh_message_call *wanted)
{
	run->function = wanted->export_->function;
	run->stats = bh_export_stats(wanted->export_->component, wanted->export_);
	run->instance = wanted->instance;
	run->options = wanted->options;
	run->message = wanted->message;
	run->verdict = wanted->verdict;
	/* Nobody leaves a message behind with a guest that goes on reading it. */
	atomic_store(&run->kill, true);
}

bh_status bh_message_wait(const bh_message_call *wanted, bh_instance **kept, bh_usage *usage, bh_error **err)
{
	bh_run run = {0};
	bh_component *component = wanted->export_->component;
	bool keep = wanted->keep && !wanted->instance;
	bh_instance *made = keep ? bh_instance_make(component, NULL) : NULL;
	if (keep && !made)
		return bh_fail_memory(err);
	bh_run_init(&run, component, NULL);
	bh_message_prepare(&run, wanted);
	run.cancel = wanted->cancel;
	run.owner = made;
	bh_status status = bh_run_wait(&run, NULL, usage, err);
	if (made && !status) {
		made->store = run.store;
		*kept = made;
	} else {
		bh_instance_free(made);
	}
	return status;
}
