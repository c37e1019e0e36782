#include "exit_code.h"

static const exit_code_row rows[] = {
	{EXIT_OK, "success; `run` ends with the guest's own exit status"},
	{EXIT_GUEST_ERR, "`call`: the export returned err(...)"},
	{EXIT_USAGE, "usage: an option, an argument or an export's name is wrong"},
	{EXIT_COMPONENT, "not a component, or one that cannot be compiled or linked"},
	{EXIT_NO_FILE, "no such file, or it cannot be read"},
	{EXIT_BUSY, "busy; or no daemon is there"},
	{EXIT_INTERNAL, "the machine or Bulkhead itself failed; our own output could not be written"},
	{EXIT_DENIED, "denied: an artifact that is not to be trusted; something that was not granted"},
	{EXIT_CONFIG, "configuration: a manifest is wrong, or a required limit is missing"},
	{EXIT_TIMEOUT, "stopped by the time limit"},
	{EXIT_INTERRUPTED, "interrupted (SIGINT); 143 for SIGTERM"},
	{EXIT_TRAP, "the guest trapped"},
	{EXIT_LIMIT, "stopped by a memory or resource limit"},
	{EXIT_FUEL, "out of fuel"},
};

const exit_code_row *exit_code_at(size_t index)
{
	return index < sizeof rows / sizeof *rows ? &rows[index] : NULL;
}

/* Every status by name, so that the compiler asks where a new one belongs. */
int exit_code_of(bh_status status)
{
	switch (status) {
	case BH_OK:
		return EXIT_OK;
	case BH_E_INVALID:
	case BH_E_UNSUPPORTED:
	case BH_E_NO_EXPORT:
	case BH_E_TYPE:
		return EXIT_USAGE;
	case BH_E_NOT_A_COMPONENT:
	case BH_E_PARSE:
	case BH_E_VALIDATION:
	case BH_E_COMPILE:
	case BH_E_LINK:
	case BH_E_STALE:
		return EXIT_COMPONENT;
	case BH_E_NOT_FOUND:
	case BH_E_IO:
		return EXIT_NO_FILE;
	case BH_E_BUSY:
	case BH_E_DOWN:
		return EXIT_BUSY;
	case BH_E_DENIED:
	case BH_E_UNTRUSTED:
		return EXIT_DENIED;
	case BH_E_CONFIG:
	case BH_E_MISSING_LIMITS:
	case BH_E_POLICY:
		return EXIT_CONFIG;
	case BH_E_TIMEOUT:
	case BH_E_DEADLINE:
		return EXIT_TIMEOUT;
	case BH_E_CANCELLED:
		return EXIT_INTERRUPTED;
	case BH_E_TRAP:
		return EXIT_TRAP;
	case BH_E_MEMORY_LIMIT:
	case BH_E_RESOURCE_LIMIT:
		return EXIT_LIMIT;
	case BH_E_OUT_OF_FUEL:
		return EXIT_FUEL;
	case BH_E_NO_MEMORY:
	case BH_E_SYSTEM:
	case BH_E_ENGINE:
	case BH_E_WRONG_HOST:
	case BH_E_POISONED:
	case BH_E_EXIT:
	case BH_E_HOST_FUNCTION:
	case BH_E_BAD_RESULT:
		break;
	}
	return EXIT_INTERNAL;
}
