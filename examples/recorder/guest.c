#include "recorder.h"

bh_status guest_load(guest *g, const char *path, bh_interceptors *set, bh_error **err)
{
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	options.limits.memory = BH_MIB(64);
	options.limits.fuel = 100000000;
	options.limits.execution_ms = 10000;
	options.interceptors = set;
	bh_status status = bh_imports_new(&options.imports, err);
	if (!status)
		status = host_functions(options.imports, err);
	if (!status)
		status = bh_host_new(&g->host, NULL, err);
	if (!status)
		status = bh_component_load_file(&g->component, g->host, path, &options, err);
	bh_imports_free(options.imports);
	return status;
}

bh_status guest_call(guest *g, bh_export *export_, const bh_value *args, bh_value *result, bh_error **err)
{
	if (g->instance && !bh_instance_usable(g->instance)) {
		bh_instance_free(g->instance);
		g->instance = NULL;
	}
	if (!g->instance) {
		bh_status status = bh_instance_new(&g->instance, g->component, NULL, err);
		if (status)
			return status;
	}
	return bh_instance_call(g->instance, export_, args, bh_export_param_count(export_), result, NULL, NULL, err);
}

void guest_unload(guest *g)
{
	bh_instance_free(g->instance);
	bh_component_unref(g->component);
	bh_host_free(g->host);
}
