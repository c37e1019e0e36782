/* bulkhead keygen: a pair of keys to sign artifacts with. */
#include <stdio.h>
#include <unistd.h>

#include "command.h"
#include "exit_code.h"
#include "key_file.h"
#include "memory.h"
#include "output.h"
#include "report.h"

static int make_pair(const char *name)
{
	uint8_t public_key[BH_PUBLIC_KEY], secret_key[BH_SECRET_KEY];
	X_AUTO char *secret_path = x_format("%s.key", name);
	X_AUTO char *public_path = x_format("%s.pub", name);
	bh_error *err = NULL;
	bh_status status = bh_keys_generate(public_key, secret_key, &err);
	if (status)
		return report_error(&(report){.file = name}, status, err, -1);
	int code = key_write(secret_key, KEY_SECRET, secret_path);
	if (code)
		return code;
	code = key_write(public_key, KEY_PUBLIC, public_path);
	if (code)
		unlink(secret_path);
	else
		put("%s: keep it secret, sign with it\n%s: give it to those who load what you signed\n", secret_path,
		    public_path);
	return code;
}

static int run(const command *self, int argc, char **argv)
{
	const option_set set = {NULL, 0, .stop_at_operand = false};
	operands words;
	int code;
	if (!command_options(self, &set, argc, argv, &words, &code))
		return code;
	return words.count == 1 ? make_pair(words.items[0]) : say_usage_error(self->name, "which NAME?");
}

const command command_keygen = {
	.name = "keygen",
	.synopsis = "NAME",
	.summary = "make a pair of keys to sign artifacts with",
	.details = "Writes NAME.key, which is secret and signs (`bulkhead compile --sign`), and NAME.pub, which others\n"
			   "name to load what it signed (`bulkhead run --trust`). Existing files are left as they are.",
	.examples = "bulkhead keygen release\n"
				"bulkhead compile plugin.wasm -o plugin.cwasm --sign release.key",
	.see = "man bulkhead-compile",
	.run = run,
};
