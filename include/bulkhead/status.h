/** Status codes: what a caller switches on. Details are in bh_error. */
#ifndef BULKHEAD_STATUS_H
#define BULKHEAD_STATUS_H

#include "base.h"

BH_BEGIN

/** What a status is about, for callers that treat whole groups alike. */
typedef enum {
	BH_CATEGORY_NONE,   /**< success */
	BH_CATEGORY_CALLER, /**< the call itself was wrong: a bug in the program */
	BH_CATEGORY_INPUT,  /**< the component, or a file, is not what it should be */
	BH_CATEGORY_CONFIG, /**< a manifest, an option or a policy */
	BH_CATEGORY_LIMIT,  /**< the guest was stopped by a limit */
	BH_CATEGORY_GUEST,  /**< the guest failed by itself: trap, exit */
	BH_CATEGORY_WAIT,   /**< nobody failed: busy, cancelled, deadline passed; trying again may work */
	BH_CATEGORY_SYSTEM  /**< the machine or the engine */
} bh_category;

/*
 * Every status: code, name, category, the kind name that users of component hosts know, one line of text.
 * Codes are stable: rows are added, never renumbered.
 */
#define BH_STATUS_MAP(X)                                                                                               \
	X(0, OK, NONE, "Ok", "success")                                                                                    \
	X(1, E_INVALID, CALLER, "InvalidArgument", "an argument is not allowed")                                           \
	X(2, E_NO_MEMORY, SYSTEM, "OutOfMemory", "the host is out of memory")                                              \
	X(3, E_SYSTEM, SYSTEM, "SystemError", "the operating system refused")                                              \
	X(4, E_UNSUPPORTED, CALLER, "Unsupported", "not supported")                                                        \
	X(5, E_ENGINE, SYSTEM, "EngineInitialization", "the engine could not be set up")                                   \
	X(6, E_WRONG_HOST, CALLER, "ComponentLoadFailed", "the handle belongs to another host")                            \
	X(10, E_NOT_FOUND, INPUT, "ComponentNotFound", "no such file")                                                     \
	X(11, E_IO, INPUT, "ComponentLoadFailed", "a file could not be read or written")                                   \
	X(12, E_NOT_A_COMPONENT, INPUT, "ComponentLoadFailed", "not a component")                                          \
	X(13, E_PARSE, INPUT, "ComponentParseFailed", "the component is malformed")                                        \
	X(14, E_VALIDATION, INPUT, "ComponentValidationFailed", "the component is invalid")                                \
	X(15, E_COMPILE, INPUT, "ComponentLoadFailed", "the component could not be compiled")                              \
	X(16, E_LINK, INPUT, "ComponentLoadFailed", "an import is not provided, or has another type")                      \
	X(17, E_STALE, INPUT, "ComponentLoadFailed", "the artifact was made by another engine")                            \
	X(18, E_UNTRUSTED, INPUT, "ComponentLoadFailed", "the artifact is not to be trusted")                              \
	X(20, E_CONFIG, CONFIG, "InvalidConfiguration", "the configuration is wrong")                                      \
	X(21, E_MISSING_LIMITS, CONFIG, "MissingResourceLimits", "required limits are missing")                            \
	X(22, E_POLICY, CONFIG, "InvalidConfiguration", "more is asked for than the host allows")                          \
	X(30, E_NO_EXPORT, CALLER, "ExecutionFailed", "no such export")                                                    \
	X(31, E_TYPE, CALLER, "ExecutionFailed", "an argument has the wrong type")                                         \
	X(32, E_POISONED, GUEST, "ExecutionFailed", "the instance trapped earlier and cannot be used again")               \
	X(33, E_EXIT, GUEST, "ExecutionFailed", "the guest exited")                                                        \
	X(34, E_TRAP, GUEST, "ComponentTrapped", "the guest trapped")                                                      \
	X(35, E_DENIED, GUEST, "CapabilityDenied", "the guest was not granted this")                                       \
	X(36, E_HOST_FUNCTION, GUEST, "ExecutionFailed", "a host function failed")                                         \
	X(37, E_BAD_RESULT, GUEST, "ExecutionFailed", "what the guest returned is not allowed")                            \
	X(40, E_TIMEOUT, LIMIT, "ExecutionTimeout", "the execution time limit was reached")                                \
	X(41, E_OUT_OF_FUEL, LIMIT, "ResourceLimitExceeded", "the fuel limit was reached")                                 \
	X(42, E_MEMORY_LIMIT, LIMIT, "ResourceLimitExceeded", "the memory limit was reached")                              \
	X(43, E_RESOURCE_LIMIT, LIMIT, "ResourceLimitExceeded", "a resource limit was reached")                            \
	X(50, E_BUSY, WAIT, "ExecutionFailed", "busy")                                                                     \
	X(51, E_DEADLINE, WAIT, "ExecutionFailed", "the caller's deadline passed")                                         \
	X(52, E_CANCELLED, WAIT, "ExecutionFailed", "cancelled")                                                           \
	X(53, E_DOWN, WAIT, "ExecutionFailed", "the service is not running")

typedef enum {
#define X(code, name, category, kind, text) BH_##name = (code),
	BH_STATUS_MAP(X)
#undef X
} bh_status;

/** The status's own name, such as "BH_E_TIMEOUT"; "unknown" for a number that is none. Any thread. */
BH_API const char *bh_status_name(bh_status status);

/** One line of English for the status. Never NULL. Any thread. */
BH_API const char *bh_status_text(bh_status status);

/** The kind name that existing users' tools look for, such as "ExecutionTimeout". Any thread. */
BH_API const char *bh_status_kind(bh_status status);

/** The status's category. Any thread. */
BH_API bh_category bh_status_category(bh_status status);

BH_END

#endif
