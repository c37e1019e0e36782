/** Imports: functions and resources that the embedding program defines, for components to import. */
#ifndef BULKHEAD_IMPORTS_H
#define BULKHEAD_IMPORTS_H

#include "error.h"
#include "value.h"

BH_BEGIN

/**
 * A set of definitions, handed to components when they are loaded (bh_component_options.imports).
 *
 * It is built by one thread. The first component that is linked with it freezes it: defining more is BH_E_INVALID from
 * then on, and it may be used from any thread. It is reference-counted; components keep it alive, so it may be given up
 * once they are loaded.
 *
 * Where it is defined twice, in two versions of an interface, a component gets the version it asks for, else the latest
 * compatible one: 1.0.1 serves a component that imports 1.0.0, and the other way round, as versions 1.x are promised to
 * be compatible; 0.2.x among themselves, 0.0.x not at all.
 */

/** An empty set. \return BH_OK; BH_E_NO_MEMORY */
BH_API BH_MUST_USE bh_status bh_imports_new(bh_imports **out, bh_error **err);

/** Another reference; any thread. \return the same set */
BH_API bh_imports *bh_imports_ref(bh_imports *imports);

/** Give up a reference. With the last one free_data of each definition is called, on this thread. NULL is allowed. */
BH_API void bh_imports_free(bh_imports *imports);

/**
 * A host function that answers before it returns.
 *
 * It is called on the thread that runs the guest, with no lock held, on that thread's own stack. Until it returns the
 * guest stands still, and neither its execution limit nor its caller's deadline interrupts it: what may take longer
 * belongs into a bh_host_async_fn. Two instances may be in it at once, on two threads.
 *
 * It may call other instances. Calling the instance that is calling it is BH_E_BUSY: a guest is not entered twice. Where it
 * runs on a worker of the host it waits for its turn there for a second at most, then that is BH_E_BUSY too.
 * Guests and host functions that call each other may be nested 50 deep; deeper, the call fails. C++ exceptions and
 * longjmp() must not leave it.
 *
 * \param args    as the import's type has them; the library's, until the function returns
 * \param result  BH_VALUE_INIT on entry; to be set unless the function has no result. What it owns is taken over, what it
 *                borrows is copied once the function has returned: so that must not lie on the function's own stack.
 *                For what does, `return bh_value_copy(result, &local, err)`
 * \param err     may receive details of a failure: see bh_error_new()
 *
 * \return BH_OK. Anything else, and a result that is not of the import's type, ends the guest's call, which fails with
 *         BH_E_HOST_FUNCTION and this as its cause: the guest cannot go on. A failure that a guest is to handle is a
 *         value of the function's own result type (bh_err).
 */
typedef bh_status bh_host_fn(void *data, const bh_value *args, size_t arg_count, bh_value *result, bh_error **err);

/**
 * A host function that is answered later, from any thread, through its completion.
 *
 * It is called as a bh_host_fn is, and starts the work; the guest's thread is free until the completion is finished,
 * which may also be done at once. The guest's own limits and its caller's deadline go on: passing them ends the call,
 * and what is finished then is dropped.
 *
 * \param completion  to be given up exactly once, with bh_completion_finish(), _fail() or _drop()
 * \param args        the library's, until the completion is given up
 */
typedef void bh_host_async_fn(void *data, bh_completion *completion, const bh_value *args, size_t arg_count);

/** What runs when the call that a completion is for was ended: see bh_completion_on_cancel(). */
typedef void bh_cancelled_fn(void *data);

/** Stack that a leaf function may use; bytes. */
#define BH_LEAF_STACK BH_KIB(64)

/** A function to define. Start from BH_HOST_FUNCTION_INIT. Texts are copied. */
typedef struct {
	size_t struct_size;
	const char *interface; /**< "acme:kv/store@1.0.0"; NULL: the function is imported by the world itself */
	const char *name;      /**< "get"; of resources "[constructor]bag", "[method]bag.add", "[static]bag.merge" */
	/**
	 * Its type in WIT, types written out: "func(key: string) -> result<list<u8>, enum { missing, broken }>". A component
	 * that imports it with another type is not linked. NULL: whatever type a component imports it with is served; the
	 * function must look at the kinds of its arguments, then, and the guest decides how much a result costs.
	 */
	const char *signature;
	/**
	 * What a component must be granted to call it (bh_permissions_allow_capability()): "kv", "time::sleep". NULL: nothing.
	 */
	const char *capability;
	bh_host_fn *call;        /**< this one, */
	bh_host_async_fn *start; /**< or this */
	void *data;              /**< given to the function */
	void (*free_data)(void *data);
	/**
	 * The function is short, and calls nothing of the library but functions on values and errors: it runs right where
	 * the guest calls it, on the guest's stack, of which it may use BH_LEAF_STACK. Quicker; not together with `start`.
	 * Where interceptors see the component's imports it is called as any other.
	 */
	bool leaf;
} bh_host_function;

#define BH_HOST_FUNCTION_INIT BH_SIZED(bh_host_function)

/**
 * Define a function.
 *
 * Interfaces that the library provides itself (wasi:io, wasi:clocks, wasi:random, wasi:cli, wasi:filesystem,
 * wasi:sockets, wasi:http) cannot be defined.
 *
 * \return BH_OK; BH_E_INVALID (the set is frozen; defined already; no name, or no function; a capability or signature
 *         that is none: the error shows the place); BH_E_NO_MEMORY. On failure `data` stays the caller's
 */
BH_API BH_MUST_USE bh_status bh_imports_define_function(bh_imports *imports, const bh_host_function *function,
                                                        bh_error **err);

/** The same for what most functions are: of the type that is imported, with `data` that outlives the set. */
BH_API BH_MUST_USE bh_status bh_imports_define(bh_imports *imports, const char *interface, const char *name,
                                               const char *capability, bh_host_fn *call, void *data, bh_error **err);
BH_API BH_MUST_USE bh_status bh_imports_define_async(bh_imports *imports, const char *interface, const char *name,
                                                     const char *capability, bh_host_async_fn *start, void *data,
                                                     bh_error **err);

/**
 * Who calls: the component whose guest called the host function, or dropped the resource, that this thread is in. So a
 * function can look at what its caller was granted (bh_component_permissions()), or count by caller.
 *
 * It lives until the function returns; bh_component_ref() keeps it, and its host, for longer, which work that goes on
 * when nobody waits for it any more had better not.
 *
 * \return NULL where this thread is in no host function
 */
BH_API bh_component *bh_calling_component(void);

/**
 * Completions: how a call of an asynchronous host function is answered.
 *
 * A completion is the host's from when its function is called until it is given up, whatever becomes of the guest
 * meanwhile: its call may pass a limit, be cancelled, its instance and even the host may be gone. Answering then does
 * nothing. All of this from any thread; one thread at a time uses one completion, except bh_completion_cancelled() and bh_completion_count_io().
 */

/**
 * Answer, and give the completion up. The result is moved out of `result`, which is BH_VALUE_INIT afterwards: what it
 * owns is taken over, what it borrows is copied. NULL where the function has no result.
 */
BH_API void bh_completion_finish(bh_completion *completion, bh_value *result);

/** Fail, and give the completion up: the guest's call ends with BH_E_HOST_FUNCTION, and this is its cause. */
BH_API void bh_completion_fail(bh_completion *completion, bh_status status, const char *format, ...) BH_PRINTF(3, 4);

/** Give the completion up without an answer, which fails the call. NULL is allowed. */
BH_API void bh_completion_drop(bh_completion *completion);

/**
 * Count bytes that are moved for the guest against its limits.io_bytes, as those of its streams are: before they are moved,
 * or soon after. They are part of bh_usage.io_bytes. Any thread, besides others that use the completion.
 *
 * \return false: the limit is passed. Stop, and give the completion up: whatever it is answered with, the guest's call ends
 *         with BH_E_RESOURCE_LIMIT
 */
BH_API bool bh_completion_count_io(bh_completion *completion, uint64_t bytes);

/** Whether nobody waits for the answer any more. */
BH_API bool bh_completion_cancelled(const bh_completion *completion);

/**
 * Have `fn` called when nobody waits for the answer any more; at once, if that is so already. NULL takes it back.
 *
 * It is called at most once, on the thread that ended the guest's call, which waits for it: it should be short. It may
 * give the completion up; of the library's other functions it must call none. Once bh_completion_finish(), _fail(),
 * _drop() or this function has returned, `fn` is not running and will not run, so what `data` points to may go: they wait
 * for it, unless called by it. So it must not itself wait for a thread that calls them.
 */
BH_API void bh_completion_on_cancel(bh_completion *completion, bh_cancelled_fn *fn, void *data);

/**
 * Resources of the embedding program: things it has and guests hold handles of.
 *
 * What stands for one on this side is a number of 64 bits, its representation: a pointer or an index, as the program
 * likes. An owned one is destroyed exactly once, unless the program takes it back with bh_resource_take(): when a guest
 * drops its handle, when the guest goes while it has one, or when a value that owns the handle is emptied. So a function
 * whose argument is `own` need not do anything for it to be destroyed after the call, and one whose answer is refused
 * leaks nothing.
 *
 * While a guest's handle is lent to a host function (`borrow`) the guest cannot drop it; but where its call is ended
 * before an asynchronous function is through, on_cancel is called and then the guest goes, resources and all.
 *
 * A guest has at most limits.resources of them at once.
 */

/** Ends what a representation stands for. Any thread; it should be short, and calls nothing of the library. */
typedef void bh_destructor_fn(void *data, uint64_t representation);

/**
 * Define a resource. Its constructor, methods and static functions are functions, named "[constructor]bag" and so on.
 *
 * \param out         receives the type, to make and to read handles with; it lives as long as the set
 * \param destructor  NULL: nothing is to be done
 *
 * \return as bh_imports_define_function()
 */
BH_API BH_MUST_USE bh_status bh_imports_define_resource(const bh_resource_type **out, bh_imports *imports,
                                                        const char *interface, const char *name,
                                                        bh_destructor_fn *destructor, void *data, bh_error **err);

/**
 * A handle for a guest to own, as a value that owns the handle: the result of a host function, a part of it, or an
 * argument of a call on a live instance.
 *
 * \return BH_OK; BH_E_INVALID; BH_E_NO_MEMORY: then `representation` stays the caller's
 */
BH_API BH_MUST_USE bh_status bh_resource_new(bh_value *out, const bh_resource_type *type, uint64_t representation,
                                             bh_error **err);

/**
 * The representation behind an argument of kind own or borrow; and behind a handle in a result, while an interceptor is
 * shown it (bh_intercepted.result).
 *
 * \return false if it is none, or of another type: which a component can bring about where a function has no signature,
 *         and even then only with another resource of the program's
 */
BH_API bool bh_resource_read(uint64_t *representation, const bh_value *handle, const bh_resource_type *type);

/** The same for an argument of kind own, whose representation is the program's from now on: nothing destroys it. */
BH_API bool bh_resource_take(uint64_t *representation, const bh_value *handle, const bh_resource_type *type);

BH_END

#endif
