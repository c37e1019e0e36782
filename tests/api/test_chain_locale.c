/*
 * The names of headers are the same whatever the case of their ASCII letters, also in a program that has set a locale where
 * the small letter of I is another one. That locale is made here, where Debian's package `locales` is installed.
 */
#include <locale.h>
#include <strings.h>
#include <unistd.h>

#include "chain_tools.h"
#include "one_host.h"

static bool turkish(void)
{
	char command[200], folder[] = "/tmp/bulkhead-locale-XXXXXX";
	if (!mkdtemp(folder))
		return false;
	snprintf(command, sizeof command, "localedef -i tr_TR -f ISO-8859-9 %s/tr_TR.ISO-8859-9 >/dev/null 2>&1", folder);
	bool made = !system(command) && !setenv("LOCPATH", folder, 1) && setlocale(LC_ALL, "tr_TR.ISO-8859-9");
	snprintf(command, sizeof command, "rm -rf %s", folder);
	return !system(command) && made && strcasecmp("I", "i") != 0;
}

static void names(void **state)
{
	(void)state;
	bh_component *component = t_middleware(host, "gateway-edit.wasm", 20000);
	bh_chain *chain = t_chain(host);
	bh_chain_module_options options = module_of("m", component);
	const bh_chain_match match = {.header = "x-internal-id"};
	options.matches = &match;
	options.match_count = 1;
	t_add(chain, &options);
	bh_http_request request = GET("/", header("X-INTERNAL-ID", "1"), header("x-rm", "x-internal-id"));
	bh_exchange *e = t_ask(chain, &request);
	CONTINUES(e);
	assert_true(bh_exchange_saw(e, "m"));
	assert_string_equal(request_header(e, "X-INTERNAL-ID"), "(none)");
	bh_exchange_free(e);
	bh_component_unref(component);
	bh_chain_free(chain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(names)};
	if (!turkish()) {
		fprintf(stderr, "no Turkish locale can be made here\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, host_begin, host_end);
}
