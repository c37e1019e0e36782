/* What modules write: kept while they are called, told of afterwards. */
#include "gateway/internal.h"
#include "host/instance.h"

void bh_output_init(bh_output *output)
{
	output->options = (bh_instance_options)BH_INSTANCE_OPTIONS_INIT;
	output->options.out = (bh_stdio){.mode = BH_STDIO_CAPTURE, .buffer = &output->out};
	output->options.err = (bh_stdio){.mode = BH_STDIO_CAPTURE, .buffer = &output->err};
}

bh_output *bh_output_new(void)
{
	bh_output *output = bh_calloc(1, sizeof *output);
	if (output)
		bh_output_init(output);
	return output;
}

void bh_output_deinit(bh_output *output)
{
	bh_buffer_deinit(&output->out);
	bh_buffer_deinit(&output->err);
}

void bh_output_free(bh_output *output)
{
	if (!output)
		return;
	bh_output_deinit(output);
	bh_free(output);
}

/* False: the chain was given up. */
static bool begin_telling(bh_chain *chain)
{
	pthread_mutex_lock(&chain->lock);
	bool tells = !chain->closed;
	chain->telling += tells;
	pthread_mutex_unlock(&chain->lock);
	return tells;
}

static void end_telling(bh_chain *chain)
{
	pthread_mutex_lock(&chain->lock);
	if (!--chain->telling && chain->closed)
		pthread_cond_broadcast(&chain->quiet);
	pthread_mutex_unlock(&chain->lock);
}

static void tell(const bh_exchange *exchange, const bh_buffer *buffer, bool error)
{
	const bh_chain_options *options = &exchange->chain->options;
	const bh_chain_output output = {
		.module = exchange->modules->items[exchange->at]->name,
		.attach = (bh_attach)(1U << exchange->point),
		.request_id = exchange->message.request_id,
		.error = error,
		.truncated = buffer->truncated,
		.text = {buffer->data, buffer->length},
	};
	if (buffer->length)
		options->log(options->log_data, &output);
}

/* The next call begins with nothing written, and as much as it may write; what there is room for stays. */
static void empty(bh_buffer *buffer)
{
	buffer->length = 0;
	buffer->truncated = false;
}

void bh_exchange_tell(bh_exchange *exchange)
{
	bh_output *heard = exchange->heard;
	if (!heard || (!heard->out.length && !heard->err.length))
		return;
	if (begin_telling(exchange->chain)) {
		tell(exchange, &heard->out, false);
		tell(exchange, &heard->err, true);
		end_telling(exchange->chain);
	}
	empty(&heard->out);
	empty(&heard->err);
}
