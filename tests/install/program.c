/* A program outside the tree: builds against the installed library, as C and as C++. */
#include <bulkhead.h>

#include <stdio.h>
#include <string.h>

int main(void)
{
	if (strcmp(bh_version(), BH_VERSION) != 0) {
		fprintf(stderr, "headers are %s, the library is %s\n", BH_VERSION, bh_version());
		return 1;
	}

	/* A whole round through the engine: a host, and a component that is refused for a reason. */
	bh_error *err = NULL;
	bh_host *host = NULL;
	bh_host_options options = BH_HOST_OPTIONS_INIT;
	options.allocation = BH_ALLOCATION_ON_DEMAND;
	if (bh_host_new(&host, &options, &err) != BH_OK) {
		fprintf(stderr, "no host: %s\n", bh_error_message(err));
		bh_error_free(err);
		return 1;
	}
	bh_component *component = NULL;
	bh_component_options load = BH_COMPONENT_OPTIONS_INIT;
	load.limits.memory = BH_MIB(1);
	bh_status status = bh_component_load_bytes(&component, host, "not wasm", 8, &load, &err);
	int refused = status != BH_OK && bh_error_status(err) == status;
	if (!refused)
		fprintf(stderr, "status %s for bytes that are no component\n", bh_status_name(status));
	bh_component_unref(component);
	bh_error_free(err);
	bh_host_free(host);
	printf("bulkhead %s, engine %s\n", bh_version(), bh_engine_version());
	return refused ? 0 : 1;
}
