/*
 * The names of headers are the same whatever the case of their ASCII letters, also in a program that has set a locale where
 * the small letter of I is another one. That locale is made here, where Debian's package `locales` is installed.
 */
#include <fcntl.h>
#include <locale.h>
#include <spawn.h>
#include <strings.h>
#include <sys/wait.h>
#include <unistd.h>

#include "chain_tools.h"
#include "one_host.h"

/* Whether a program was there and ended well. What it says is nobody's business. */
static bool ran(const char *const *args)
{
	int status = -1;
	pid_t child;
	posix_spawn_file_actions_t actions;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	bool begun = !posix_spawnp(&child, args[0], &actions, NULL, (char *const *)args, environ);
	posix_spawn_file_actions_destroy(&actions);
	return begun && waitpid(child, &status, 0) == child && !status;
}

static bool turkish(void)
{
	char folder[] = "/tmp/bulkhead-locale-XXXXXX", path[100];
	if (!mkdtemp(folder))
		return false;
	snprintf(path, sizeof path, "%s/tr_TR.ISO-8859-9", folder);
	bool made = ran((const char *const[]){"localedef", "-i", "tr_TR", "-f", "ISO-8859-9", path, NULL}) &&
	            !setenv("LOCPATH", folder, 1) && setlocale(LC_ALL, "tr_TR.ISO-8859-9");
	return ran((const char *const[]){"rm", "-rf", folder, NULL}) && made && strcasecmp("I", "i") != 0;
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
