/* What is asked of the daemon as a whole: health, numbers, versions, what there is to ask. */
#include <stdio.h>
#include <string.h>

#include "child_metrics.h"
#include "gateway.h"
#include "http.h"
#include "memory.h"

static char *own_copy(char *text)
{
	char *copy = text ? sv_copy(text) : NULL;
	bh_string_free(text);
	return copy;
}

void route_stats(exchange *self)
{
	bh_stats_snapshot *snapshot = NULL;
	bh_error *err = NULL;
	bh_status status = bh_stats_snapshot_new(&snapshot, self->server->daemon.host, &err);
	if (status)
		answer_error(self, status, err);
	else
		answer_text(self, "application/json", own_copy(bh_stats_json(snapshot)));
	bh_error_free(err);
	bh_stats_snapshot_free(snapshot);
}

void route_metrics(exchange *self)
{
	const admin_daemon *d = &self->server->daemon;
	bh_stats_snapshot *snapshot = NULL;
	bh_error *err = NULL;
	bh_status status = bh_stats_snapshot_new(&snapshot, d->host, &err);
	if (status) {
		answer_error(self, status, err);
		bh_error_free(err);
		return;
	}
	sv_text out = {0};
	char *text = bh_stats_prometheus(snapshot);
	sv_text_add_n(&out, text ? text : "", text ? strlen(text) : 0);
	out.failed = out.failed || !text;
	child_metrics(&out, d->tree);
	if (d->gateway)
		gateway_metrics(d->gateway, &out);
	answer_text(self, "text/plain; version=0.0.4", sv_text_take(&out));
	bh_string_free(text);
	bh_stats_snapshot_free(snapshot);
}

/* That it is answered is what is asked. */
void route_healthz(exchange *self)
{
	answer_text(self, "text/plain; charset=utf-8", sv_copy("ok\n"));
}

void route_readyz(exchange *self)
{
	const admin_daemon *d = &self->server->daemon;
	bool ready = d->ready ? d->ready(d->data) : bh_child_state_of(bh_supervisor_root(d->tree)) == BH_CHILD_RUNNING;
	if (ready)
		answer_text(self, "text/plain; charset=utf-8", sv_copy("ready\n"));
	else
		answer_problem(self, MHD_HTTP_SERVICE_UNAVAILABLE, "not all is up that should be");
}

void route_version(exchange *self)
{
	sv_text out = {0};
	js_open(&out, '{');
	js_put_text(&out, "version", bh_version());
	js_put_text(&out, "engine", bh_engine_version());
	js_put_text(&out, "api", "v1");
	char instance[17];
	snprintf(instance, sizeof instance, "%016llx", (unsigned long long)self->server->instance);
	js_put_text(&out, "instance", instance);
	js_close(&out, '}');
	answer_json(self, MHD_HTTP_OK, &out);
}

/* The file itself, as it is in the tree. */
__asm__(".section .rodata\n"
        ".global bulkhead_openapi\n"
        ".hidden bulkhead_openapi\n"
        "bulkhead_openapi:\n"
        ".incbin \"" OPENAPI_FILE "\"\n"
        ".byte 0\n"
        ".previous\n");

extern const char bulkhead_openapi[];

void route_openapi(exchange *self)
{
	char *copy = sv_copy(bulkhead_openapi);
	if (copy)
		exchange_answer(self, (answer){.status = MHD_HTTP_OK,
		                               .type = "application/json",
		                               .body = copy,
		                               .length = strlen(copy),
		                               .cached = true});
	else
		answer_error(self, BH_E_NO_MEMORY, NULL);
}
