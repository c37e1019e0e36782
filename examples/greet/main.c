/* Loads a component under limits and calls its export greet: func(name: string) -> string. */
#include <bulkhead.h>
#include <inttypes.h>
#include <stdio.h>

static int report(bh_error *err)
{
	fprintf(stderr, "%s\n", bh_error_message(err));
	if (bh_error_hint(err))
		fprintf(stderr, "%s\n", bh_error_hint(err));
	bh_error_free(err);
	return 1;
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: greet COMPONENT NAME\n");
		return 2;
	}
	bh_error *err = NULL;
	bh_host *host = NULL;
	bh_component *plugin = NULL;
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	options.limits.memory = BH_MIB(64); /* required; fuel and time have defaults: 1,000,000 and 100 ms a call */

	bh_value name = BH_STRING(argv[2]), greeting = BH_VALUE_INIT;
	bh_usage usage = BH_USAGE_INIT;
	int code = 0;
	if (bh_host_new(&host, NULL, &err) || bh_component_load_file(&plugin, host, argv[1], &options, &err) ||
	    bh_component_call(plugin, "greet", &name, 1, &greeting, NULL, &usage, &err))
		code = report(err);
	else
		printf("%s (%" PRIu64 " fuel)\n", bh_value_string(&greeting), usage.fuel);

	bh_value_deinit(&greeting);
	bh_component_unref(plugin);
	bh_host_free(host);
	return code;
}
