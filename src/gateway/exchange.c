/* Exchanges: the public functions. The modules' turns are in turns.c. */
#include <string.h>
#include <time.h>

#include "gateway/turns.h"

void *bh_exchange_take(bh_exchange *exchange, size_t count, size_t size)
{
	return bh_scope_take(&exchange->scope, count ? count : 1, size);
}

static uint64_t epoch_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bh_status check_view(const bh_chain *chain, const bh_header *headers, size_t count, bh_bytes body,
                            bh_error **err)
{
	if ((count && !headers) || (body.length && !body.data))
		return bh_fail(err, BH_E_INVALID, "headers or a body that are not there");
	for (size_t i = 0; i < count; i++)
		if ((headers[i].name.length && !headers[i].name.data) || (headers[i].value.length && !headers[i].value.data))
			return bh_fail(err, BH_E_INVALID, "header %zu is not there", i);
	if (body.length <= chain->options.max_body_size)
		return BH_OK;
	bh_error *e =
		bh_error_begin(err, BH_E_RESOURCE_LIMIT, "the body has %zu bytes, more than max_body_size", body.length);
	bh_error_hint_set(e, "Refuse it (413), or raise max_body_size; modules must have the memory for it.");
	return BH_E_RESOURCE_LIMIT;
}

static bool is_there(bh_string text)
{
	return text.data || !text.length;
}

static bh_status check_request(const bh_chain *chain, const bh_http_request *request, bh_error **err)
{
	if (!chain || !request || !request->struct_size)
		return bh_fail(err, BH_E_INVALID, "bh_exchange_new: no chain or no request (BH_HTTP_REQUEST_INIT)");
	if (!is_there(request->method) || !is_there(request->path) || !is_there(request->query) ||
	    !is_there(request->request_id))
		return bh_fail(err, BH_E_INVALID, "bh_exchange_new: a text that is not there");
	return check_view(chain, request->headers, request->header_count, request->body, err);
}

/* A text with something behind `data`, which tools that read it may want. */
static bh_string there(bh_string text)
{
	return text.data ? text : bh_string_lend("");
}

static bh_status show_texts(bh_exchange *exchange)
{
	bh_http_request *request = &exchange->request, *shown = &exchange->shown;
	shown->method = bh_exchange_text(exchange, request->method);
	shown->path = bh_exchange_text(exchange, request->path);
	shown->query = bh_exchange_text(exchange, request->query);
	shown->request_id = bh_exchange_text(exchange, request->request_id);
	return shown->method.data && shown->path.data && shown->query.data && shown->request_id.data ? BH_OK
	                                                                                             : BH_E_NO_MEMORY;
}

bh_status bh_exchange_new(bh_exchange **out, bh_chain *chain, const bh_http_request *request, bh_error **err)
{
	bh_status status = check_request(chain, request, err);
	if (status)
		return status;
	bh_exchange *exchange = bh_alloc(sizeof *exchange);
	if (!exchange)
		return bh_fail_memory(err);
	memset(exchange, 0, offsetof(bh_exchange, room));
	exchange->scope = (bh_scope){.at = exchange->room, .left = sizeof exchange->room};
	memcpy(&exchange->request, request,
	       request->struct_size < sizeof exchange->request ? request->struct_size : sizeof exchange->request);
	exchange->request.struct_size = sizeof exchange->request;
	exchange->request.method = there(exchange->request.method);
	exchange->request.path = there(exchange->request.path);
	if (!exchange->request.now_epoch_ms)
		exchange->request.now_epoch_ms = epoch_ms();
	if (show_texts(exchange)) {
		bh_scope_end(&exchange->scope);
		bh_free(exchange);
		return bh_fail_memory(err);
	}
	pthread_mutex_init(&exchange->lock, NULL);
	exchange->plain = bh_path_is_plain(exchange->request.path);
	exchange->chain = bh_chain_ref(chain);
	exchange->modules = bh_chain_modules(chain);
	exchange->random =
		atomic_fetch_add_explicit(&chain->exchanges, 1, memory_order_relaxed) * UINT64_C(0x9e3779b97f4a7c15);
	*out = exchange;
	return BH_OK;
}

void bh_exchange_free(bh_exchange *exchange)
{
	if (!exchange)
		return;
	for (bh_block *block = exchange->blocks; block; block = block->next)
		bh_free(block->data);
	for (bh_kept_value *kept = exchange->values; kept; kept = kept->next)
		bh_value_deinit(&kept->value);
	bh_scope_end(&exchange->scope);
	bh_output_deinit(&exchange->output);
	bh_error_free(exchange->why);
	bh_modules_unref(exchange->modules);
	bh_chain_unref(exchange->chain);
	pthread_mutex_destroy(&exchange->lock);
	bh_free(exchange);
}

/* The parts. */

/* `wanted`: the part that must have been before. */
static bh_status begin_part(bh_exchange *exchange, int wanted, bh_error **err)
{
	if (!exchange)
		return bh_fail(err, BH_E_INVALID, "no exchange");
	if (exchange->under_way)
		return bh_fail(err, BH_E_INVALID, "the exchange is under way already");
	if ((int)exchange->part != wanted)
		return bh_fail(err, BH_E_INVALID, "not what comes next in this exchange");
	return BH_OK;
}

static void run(bh_exchange *exchange, int part, bh_point point, bh_exchange_done *done, void *data)
{
	exchange->part = part;
	exchange->under_way = true;
	exchange->settled = false;
	exchange->waiting = !done;
	exchange->done = done;
	exchange->done_data = data;
	bh_turns_begin(exchange, point);
}

static bh_status no_callback(bh_error **err)
{
	return bh_fail(err, BH_E_INVALID, "nobody to be told: the forms that wait are without _start");
}

bh_status bh_exchange_request(bh_exchange *exchange, bh_error **err)
{
	bh_status status = begin_part(exchange, BH_PART_NEW, err);
	if (!status)
		run(exchange, BH_PART_REQUEST, BH_POINT_REQUEST, NULL, NULL);
	return status;
}

bh_status bh_exchange_request_start(bh_exchange *exchange, bh_exchange_done *done, void *data, bh_error **err)
{
	if (!done)
		return no_callback(err);
	bh_status status = begin_part(exchange, BH_PART_NEW, err);
	if (!status)
		run(exchange, BH_PART_REQUEST, BH_POINT_REQUEST, done, data);
	return status;
}

static bh_status take_response(bh_exchange *exchange, const bh_http_response *response, bh_error **err)
{
	bh_status status = begin_part(exchange, BH_PART_REQUEST, err);
	if (status)
		return status;
	if (!response || !response->struct_size)
		return bh_fail(err, BH_E_INVALID, "no response (BH_HTTP_RESPONSE_INIT)");
	status = check_view(exchange->chain, response->headers, response->header_count, response->body, err);
	if (status)
		return status;
	memcpy(&exchange->response, response,
	       response->struct_size < sizeof exchange->response ? response->struct_size : sizeof exchange->response);
	exchange->response.struct_size = sizeof exchange->response;
	return BH_OK;
}

bh_status bh_exchange_response(bh_exchange *exchange, const bh_http_response *response, bh_error **err)
{
	bh_status status = take_response(exchange, response, err);
	if (!status)
		run(exchange, BH_PART_RESPONSE, BH_POINT_RESPONSE, NULL, NULL);
	return status;
}

bh_status bh_exchange_response_start(bh_exchange *exchange, const bh_http_response *response, bh_exchange_done *done,
                                     void *data, bh_error **err)
{
	if (!done)
		return no_callback(err);
	bh_status status = take_response(exchange, response, err);
	if (!status)
		run(exchange, BH_PART_RESPONSE, BH_POINT_RESPONSE, done, data);
	return status;
}

static bh_status take_error(bh_exchange *exchange, uint16_t status, const char *message, bh_error **err)
{
	if (!exchange || exchange->under_way || exchange->part == BH_PART_OVER)
		return bh_fail(err, BH_E_INVALID, "no exchange, or one that is under way or over");
	if (status < 200 || status > 599)
		return bh_fail(err, BH_E_INVALID, "status %u; 200 to 599 are allowed", status);
	const char *text = message ? message : "";
	size_t length = strlen(text);
	char *copy = bh_exchange_take(exchange, length + 1, 1);
	if (!copy)
		return bh_fail_memory(err);
	memcpy(copy, text, length + 1);
	exchange->error_message = bh_exchange_text(exchange, (bh_string){copy, length});
	if (!exchange->error_message.data)
		return bh_fail_memory(err);
	exchange->response = (bh_http_response){.struct_size = sizeof exchange->response, .status = status};
	exchange->replies = true;
	return BH_OK;
}

/* Before the server had a response it is the request that failed. */
static int part_of_error(const bh_exchange *exchange)
{
	return exchange->part == BH_PART_NEW ? BH_PART_REQUEST : (int)exchange->part;
}

bh_status bh_exchange_error(bh_exchange *exchange, uint16_t status, const char *message, bh_error **err)
{
	bh_status taken = take_error(exchange, status, message, err);
	if (!taken)
		run(exchange, part_of_error(exchange), BH_POINT_ERROR, NULL, NULL);
	return taken;
}

bh_status bh_exchange_error_start(bh_exchange *exchange, uint16_t status, const char *message, bh_exchange_done *done,
                                  void *data, bh_error **err)
{
	if (!done)
		return no_callback(err);
	bh_status taken = take_error(exchange, status, message, err);
	if (!taken)
		run(exchange, part_of_error(exchange), BH_POINT_ERROR, done, data);
	return taken;
}

void bh_exchange_cancel(bh_exchange *exchange)
{
	if (!exchange)
		return;
	pthread_mutex_lock(&exchange->lock);
	exchange->cancelled = true;
	bh_cancel_fire(&exchange->token);
	if (exchange->call)
		bh_call_cancel(exchange->call, BH_CANCEL_KILL);
	pthread_mutex_unlock(&exchange->lock);
}

/* What came of it. */

bh_exchange_next bh_exchange_result(const bh_exchange *exchange)
{
	return exchange->replies ? BH_EXCHANGE_REPLY : BH_EXCHANGE_CONTINUE;
}

const bh_http_request *bh_exchange_get_request(const bh_exchange *exchange)
{
	return &exchange->request;
}

const bh_http_response *bh_exchange_get_response(const bh_exchange *exchange)
{
	return &exchange->response;
}

bh_exchange_failure bh_exchange_get_failure(const bh_exchange *exchange)
{
	return exchange->failure;
}

bool bh_exchange_saw(const bh_exchange *exchange, const char *module)
{
	const bh_modules *modules = exchange->modules;
	for (size_t i = 0; module && i < modules->count; i++)
		if (!strcmp(modules->items[i]->name, module))
			return exchange->seen[i / 8] >> i % 8 & 1;
	return false;
}

const bh_context_entry *bh_exchange_context(const bh_exchange *exchange, size_t *count)
{
	*count = exchange->context_count;
	return exchange->context;
}
