/*
 * Guests that call their children. Arguments and results are WAVE text: parent and child agree on no type that the library
 * could carry as values, as the child is known by its name only, and text is what there is for all types.
 */
#include <string.h>

#include "supervise/brood.h"
#include "supervise/spawner.h"

BH_DEFINE_AUTO(bh_child *, bh_child_unref)

/* A call under way: its callback's, and until it has begun its caller's. */
typedef struct {
	_Atomic uint32_t references;
	bh_completion *completion;
	bh_spawner *spawner; /* with a reference */
	bh_call *call;       /* once it has begun */
} errand;

static void release(errand *e)
{
	if (atomic_fetch_sub_explicit(&e->references, 1, memory_order_acq_rel) != 1)
		return;
	bh_call_free(e->call);
	bh_spawner_unref(e->spawner);
	bh_free(e);
}

/* How long its text is at least: so nobody need write it to learn that it is too long. */
static uint64_t weight(const bh_value *value)
{
	uint64_t sum = 1;
	switch (value->kind) {
	case BH_KIND_STRING:
		return sum + value->as.string.length;
	case BH_KIND_BYTES:
		return sum + 2 * (uint64_t)value->as.bytes.length;
	case BH_KIND_LIST:
	case BH_KIND_TUPLE:
		for (size_t i = 0; i < value->as.list.count; i++)
			sum += weight(&value->as.list.items[i]);
		return sum;
	case BH_KIND_RECORD:
		for (size_t i = 0; i < value->as.record.count; i++)
			sum += strlen(value->as.record.fields[i].name) + weight(&value->as.record.fields[i].value);
		return sum;
	case BH_KIND_VARIANT:
		return sum + (value->as.variant.payload ? weight(value->as.variant.payload) : 0);
	case BH_KIND_OPTION:
		return sum + (value->as.option ? weight(value->as.option) : 0);
	case BH_KIND_RESULT:
		return sum + (value->as.result.payload ? weight(value->as.result.payload) : 0);
	default:
		return sum;
	}
}

static bh_status write_down(char **out, const bh_value *result, uint32_t most, bh_error **err)
{
	if (result->kind == BH_KIND_NONE) {
		*out = bh_strdup("");
		return *out ? BH_OK : bh_fail_memory(err);
	}
	if (weight(result) > most)
		return bh_fail(err, BH_E_RESOURCE_LIMIT, "its result is more text than may pass: %u bytes", most);
	bh_status status = bh_value_to_wave(out, result, err);
	if (!status && strlen(*out) > most) {
		bh_free(BH_TAKE(*out));
		status = bh_fail(err, BH_E_RESOURCE_LIMIT, "its result is more text than may pass: %u bytes", most);
	}
	return status;
}

static void over(void *data, bh_call *call)
{
	errand *e = data;
	BH_AUTO(bh_error_free) bh_error *why = NULL;
	bh_value result = BH_VALUE_INIT;
	char *text = NULL;
	bh_status status = bh_call_take(call, &result, NULL, &why);
	if (!status)
		status = write_down(&text, &result, e->spawner->options.max_text, &why);
	bh_value_deinit(&result);
	if (status) {
		bh_guest_fail(e->completion, status, "%s", why ? bh_error_message(why) : bh_status_text(status));
	} else {
		bh_value words = bh_of_string(text), answer = bh_of_ok(&words);
		bh_completion_finish(e->completion, &answer);
	}
	bh_free(text);
	release(e);
}

/* The guest's call was ended. It was begun by then, and is not over: whoever says that it is waits for us. */
static void cancelled(void *data)
{
	errand *e = data;
	bh_call_cancel(e->call, BH_CANCEL_ABANDON);
}

static void begin(errand *e, bh_child *child, const char *name, bh_export *export_, bh_value *args, uint64_t wait_ms)
{
	BH_AUTO(bh_error_free) bh_error *why = NULL;
	bh_call_options options = BH_CALL_OPTIONS_INIT;
	bh_completion *completion = e->completion;
	options.deadline_ms = wait_ms ? wait_ms : 1;
	options.done = over;
	options.done_data = e;
	bh_completion_on_cancel(completion, cancelled, e);
	bh_call *call = NULL;
	bh_status status = bh_child_call_start(&call, child, name, args, bh_export_param_count(export_), &options, &why);
	if (status) {
		bh_completion_on_cancel(completion, NULL, NULL);
		bh_guest_fail(completion, status, "%s", why ? bh_error_message(why) : bh_status_text(status));
		release(e); /* the callback's */
	}
	e->call = call;
	release(e);
}

/* Arguments as the export has them. */
static bh_status parse(bh_value **out, const bh_export *export_, const char *text, bh_error **err)
{
	size_t count = bh_export_param_count(export_);
	bh_value *args = bh_calloc(count + 1, sizeof *args);
	if (!args)
		return bh_fail_memory(err);
	bh_status status = bh_export_parse_args(args, export_, text, err);
	if (!status) {
		*out = args;
		return BH_OK;
	}
	bh_free(args);
	return status;
}

static errand *new_errand(bh_completion *completion, bh_spawner *spawner)
{
	errand *e = bh_calloc(1, sizeof *e);
	if (!e)
		return NULL;
	atomic_init(&e->references, 2);
	e->completion = completion;
	e->spawner = bh_spawner_ref(spawner);
	return e;
}

static bh_status check_texts(const bh_value *args, const bh_spawner *spawner, bh_error **err)
{
	for (int i = 1; i <= 2; i++) {
		size_t length = args[i].as.string.length;
		if (length > spawner->options.max_text)
			return bh_fail(err, BH_E_RESOURCE_LIMIT, "more text than may pass: %u bytes", spawner->options.max_text);
		if (length && memchr(args[i].as.string.data, 0, length))
			return bh_fail(err, BH_E_INVALID, "a NUL in the text");
	}
	return BH_OK;
}

static void call_it(bh_completion *completion, bh_spawner *spawner, bh_child *child, const bh_value *args)
{
	BH_AUTO(bh_error_free) bh_error *why = NULL;
	BH_AUTO(bh_free) char *name = bh_strndup(args[1].as.string.data, args[1].as.string.length);
	BH_AUTO(bh_free) char *text = bh_strndup(args[2].as.string.data, args[2].as.string.length);
	bh_export *export_ = NULL;
	bh_value *values = NULL;
	errand *e = name && text ? new_errand(completion, spawner) : NULL;
	bh_revision *revision = bh_child_revision(child);
	bh_status status = e ? bh_export_find(&export_, revision->component, name, &why) : bh_fail_memory(&why);
	bh_revision_unref(revision);
	if (!status)
		status = parse(&values, export_, text, &why);
	if (!status) {
		begin(e, child, name, export_, values, args[3].as.u64);
	} else {
		bh_guest_fail(completion, status, "%s", bh_error_message(why));
		if (e) {
			release(e);
			release(e);
		}
	}
	for (size_t i = 0; values && i < bh_export_param_count(export_); i++)
		bh_value_deinit(&values[i]);
	bh_free(values);
	bh_export_free(export_);
}

void bh_guest_call(void *data, bh_completion *completion, const bh_value *args, size_t count)
{
	(void)count;
	BH_AUTO(bh_error_free) bh_error *why = NULL;
	bh_status status = check_texts(args, data, &why);
	if (status) {
		bh_guest_fail(completion, status, "%s", bh_error_message(why));
		return;
	}
	BH_AUTO(bh_child_unref) bh_child *child = bh_guest_child(completion, &args[0]);
	if (child && child->kind != BH_CHILD_SERVICE)
		bh_guest_fail(completion, BH_E_INVALID, "%s is no service", child->name);
	else if (child)
		call_it(completion, data, child, args);
}
