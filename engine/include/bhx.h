/*
 * bhx: the calls that Wasmtime's C API lacks, implemented in engine/src (Rust).
 *
 * Only src/engine includes this. No policy here: what is allowed and what an error is called is decided there.
 *
 * - Functions that return wasmtime_error_t * return NULL for success and otherwise an error the caller owns.
 * - Panics do not leave these functions: they become errors.
 * - The archive allocates with malloc: a bhx_block_t is freed with free(3), by way of bh_free().
 * - Text is UTF-8 with a length, not terminated, unless said otherwise.
 */
#ifndef BHX_H
#define BHX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <wasmtime.h>

/* Text that belongs to somebody else. */
typedef struct {
	const char *data; /* NULL: not known */
	size_t length;
} bhx_text_t;

typedef void bhx_write_t(void *data, const uint8_t *text, size_t length);

/* Bytes handed over: free with free(3). */
typedef struct {
	uint8_t *data;
	size_t length;
} bhx_block_t;

/* Engines. */

/* Make an engine; unlike wasm_engine_new_with_config() it can fail. Takes `config` over in any case. */
wasmtime_error_t *bhx_engine_new(wasm_config_t *config, wasm_engine_t **out);

/* Whether both handles are of one engine. */
bool bhx_engine_same(const wasm_engine_t *a, const wasm_engine_t *b);

/* Feed all that compiled code depends on (version, target, settings) to a hash function. */
void bhx_engine_compatibility(const wasm_engine_t *engine, bhx_write_t *write, void *data);

/* Which build of the archive this is. */
void bhx_engine_build(bhx_text_t *out);

/* Where the kernel tells which pages were written to (Linux 6.7), freed slots of a pool are cleaned page by page. */
void bhx_pool_scan(wasmtime_pooling_allocation_config_t *pool);

/*
 * Settings the C API has no setters for. `lines`: frames name files and lines where the guest has debug information.
 * `coredump`: errors of guests carry what bhx_error_coredump() writes; compiled code is the same with and without.
 * `target`: a triple to compile for; NULL: this machine, with all its CPU can do.
 */
wasmtime_error_t *bhx_config_set(wasm_config_t *config, bool lines, bool coredump, const char *target);

/* Errors. */

typedef struct {
	int32_t trap_code;   /* Wasmtime's Trap as a number; -1: no trap */
	uint32_t raised;     /* the code a callback of ours raised; 0: none did */
	int32_t exit_status; /* of a guest that exited */
	bool exited;
	bool pool_full; /* the pool had no slot left */
} bhx_error_info_t;

void bhx_error_inspect(const wasmtime_error_t *error, bhx_error_info_t *out);

/* The texts of an error and its causes, outermost first, without backtraces. */
void bhx_error_causes(const wasmtime_error_t *error, bhx_write_t *write, void *data);

typedef struct {
	bhx_text_t function, module, file;
	uint32_t line, column; /* 0: not known */
	uint32_t function_index;
	uint32_t offset; /* into the core module */
} bhx_frame_t;

/* The wasm frames of an error, innermost first. */
void bhx_error_frames(const wasmtime_error_t *error, void (*frame)(void *data, const bhx_frame_t *frame), void *data);

/*
 * Write the core dump that an error of a store carries, where its engine makes some; otherwise `out` stays as it is. To be
 * done before the store goes. `name`: what the dump calls the program.
 */
wasmtime_error_t *bhx_error_coredump(const wasmtime_error_t *error, wasmtime_context_t *context, const char *name,
                                     size_t length, bhx_block_t *out);

/* Polling. */

/* The threads WASI needs: one for timers and sockets, at most `blocking` for file operations. */
typedef struct bhx_runtime bhx_runtime_t;

wasmtime_error_t *bhx_runtime_new(size_t blocking, bhx_runtime_t **out);

/* Does not wait for file operations under way. NULL is allowed. */
void bhx_runtime_free(bhx_runtime_t *runtime);

/* How a future tells that it can go on. Reference-counted; all three are called from any thread. */
typedef struct bhx_waker {
	void (*retain)(const struct bhx_waker *);
	void (*release)(const struct bhx_waker *);
	void (*wake)(const struct bhx_waker *);
} bhx_waker_t;

enum { BHX_PANICKED = -1, BHX_PENDING = 0, BHX_READY = 1 };

/* Something under way; data is NULL for none. Moved freely, but not copied. */
typedef struct {
	void *data;
	const void *table;
} bhx_future_t;

/*
 * Poll a future of this header. `runtime` may be NULL for a store without WASI; with WASI,
 * polling without one aborts the process in stock Wasmtime (engine note 1).
 */
int bhx_future_poll(bhx_future_t *future, const bhx_runtime_t *runtime, const bhx_waker_t *waker);

/* Delete a future, finished or not. To be done before its store goes. One that is none is left alone. */
void bhx_future_delete(bhx_future_t future, const bhx_runtime_t *runtime);

/* Stores. */

enum { BHX_REFUSE = 0, BHX_ALLOW = 1 /* anything else: raise an error of that code */ };

/* Answers growth; `data` outlives the store. A maximum of SIZE_MAX means none. */
typedef struct {
	uint32_t (*memory_growing)(void *data, size_t current, size_t desired, size_t maximum);
	void (*memory_failed)(void *data); /* the growth allowed last did not happen */
	uint32_t (*table_growing)(void *data, size_t current, size_t desired, size_t maximum);
	void (*table_failed)(void *data);
	size_t instances, tables, memories;
	void *data;
} bhx_limiter_t;

/* The limiter outlives the store, as does its data. */
void bhx_store_limiter(wasmtime_store_t *store, bhx_limiter_t *limiter);

/* Bytes that one host call, or one result, may make the host allocate. */
void bhx_store_hostcall_bytes(wasmtime_store_t *store, size_t bytes);

/* Resource handles that the guest may have at once, its own resources' and the host's. */
void bhx_store_handles(wasmtime_store_t *store, size_t count);

enum { BHX_TICK_YIELD, BHX_TICK_GO_ON, BHX_TICK_STOP };

/* Where guests of a component compute: samples of their stacks, `most` at the most. */
typedef struct bhx_profiler bhx_profiler_t;

wasmtime_error_t *bhx_profiler_new(const wasmtime_component_t *component, const char *name, size_t length,
                                   uint64_t interval_us, uint64_t most, bhx_profiler_t **out);
void bhx_profiler_free(bhx_profiler_t *profiler);

/* Write it as JSON for the Firefox profiler; the profiler is gone afterwards. */
wasmtime_error_t *bhx_profiler_write(bhx_profiler_t *profiler, bhx_write_t *write, void *data);

/*
 * What to do at every tick that a guest computes through: give the thread back for a moment (asynchronous calls
 * only), go on, or stop. With a profiler (NULL: none), also take a sample. Both outlive the store.
 */
void bhx_store_ticked(wasmtime_store_t *store, uint32_t (*ticked)(void *data), void *data, bhx_profiler_t *profiler);

/* Drop a guest's resource, running its destructor. */
bhx_future_t bhx_resource_drop_async(wasmtime_context_t *context, const wasmtime_component_resource_any_t *handle,
                                     wasmtime_error_t **error_out);

/* Linking. */

/* What can be linked: the packages of WASI 0.2, and the exit of wrapped modules. */
enum {
	BHX_WASI_IO,
	BHX_WASI_CLOCKS,
	BHX_WASI_RANDOM,
	BHX_WASI_CLI,
	BHX_WASI_FILESYSTEM,
	BHX_WASI_SOCKETS,
	BHX_WASI_HTTP,
	BHX_WASI_EXIT
};

/* One package, asynchronous, with opening, streams, names and requests under our control. */
wasmtime_error_t *bhx_linker_add_wasi(wasmtime_component_linker_t *linker, uint32_t package);

typedef struct bhx_instance_pre bhx_instance_pre_t;

/* Link once, to instantiate many times. Usable from any thread. */
wasmtime_error_t *bhx_linker_instantiate_pre(const wasmtime_component_linker_t *linker,
                                             const wasmtime_component_t *component, bhx_instance_pre_t **out);
void bhx_instance_pre_delete(bhx_instance_pre_t *pre);

bhx_future_t bhx_instance_pre_instantiate_async(const bhx_instance_pre_t *pre, wasmtime_context_t *context,
                                                wasmtime_component_instance_t *out, wasmtime_error_t **error_out);

/* On the caller's own stack: for components that import nothing asynchronous. */
wasmtime_error_t *bhx_instance_pre_instantiate(const bhx_instance_pre_t *pre, wasmtime_context_t *context,
                                               wasmtime_component_instance_t *out);

/* Values: those of the public header, read and filled in place. */

struct bh_value;
struct bh_resource;

/* A handle of a resource that the embedding program defined. */
typedef struct {
	uint32_t kind;   /* which resource, as given to bhx_linker_define_resource() */
	uint32_t number; /* what stands for it in the guest's store */
	bool owned;
} bhx_host_handle_t;

typedef struct {
	void *(*alloc)(size_t size); /* what filled values are made of */
	void (*clear)(struct bh_value *value);
	/* The handle behind a resource, still the resource's; NULL if there is none any more. */
	const wasmtime_component_resource_any_t *(*lend)(struct bh_resource *resource);
	/* A resource that takes the handle over; NULL, and nothing taken, when there is no memory. */
	struct bh_resource *(*wrap)(wasmtime_component_resource_any_t *handle);
	/* If it is a handle of the embedding program's: what it stands for. */
	bool (*lend_host)(struct bh_resource *resource, bhx_host_handle_t *out);
	struct bh_resource *(*wrap_host)(const bhx_host_handle_t *handle);
	uint32_t raise_no_memory;         /* for a result: the guest is through with its call */
	uint32_t raise_no_memory_in_call; /* for the arguments of a host function */
} bhx_value_ops_t;

/* To be called before the first value is passed; `ops` stays. */
void bhx_values_use(const bhx_value_ops_t *ops);

/*
 * Call a function. The values fit the types of its parameters (a value that does not ends the call with an error, and
 * the instance with it), and stay until the call is over. `out` is filled on success, of kind NONE where the function
 * has no result. Strings and byte lists are copied once each way, wherever they lie.
 *
 * bhx_call() runs on the caller's own stack, which must have room for the engine's max_wasm_stack, in a store that
 * nothing made asynchronous.
 */
wasmtime_error_t *bhx_call(const wasmtime_component_func_t *func, wasmtime_context_t *context,
                           const struct bh_value *args, size_t count, struct bh_value *out);
bhx_future_t bhx_call_async(const wasmtime_component_func_t *func, wasmtime_context_t *context,
                            const struct bh_value *args, size_t count, struct bh_value *out,
                            wasmtime_error_t **error_out);

/*
 * Messages of gateway middleware; what they are is in src/engine/message.h. A call like the two above, of a function that
 * was found to be of the type that the message's kind has: that is not checked again. `out` is filled on success, and
 * what it points to is in one block, to be freed with free(3).
 */
struct bh_message;
struct bh_verdict;
wasmtime_error_t *bhx_message_call(const wasmtime_component_func_t *func, wasmtime_context_t *context,
                                   const struct bh_message *message, struct bh_verdict *out);
bhx_future_t bhx_message_call_async(const wasmtime_component_func_t *func, wasmtime_context_t *context,
                                    const struct bh_message *message, struct bh_verdict *out,
                                    wasmtime_error_t **error_out);

/* Functions that the embedding program defines. */

/* A linker with everything that another one has. */
wasmtime_error_t *bhx_linker_copy(const wasmtime_component_linker_t *linker, wasmtime_component_linker_t **out);

enum { BHX_CALL_OVER = 0, BHX_CALL_NOT_YET = 1 /* anything else: raise an error of that code */ };

/*
 * How a guest's call of an import is answered. `store` is the data of its store (wasmtime_store_new).
 *
 * The call begins on the guest's stack, where the arguments are handed over: a tuple, or nothing of kind NONE. A leaf
 * is answered there, before `begin` returns. Otherwise the future that runs the guest is pending now, and nobody will
 * wake it: `ask` is called when it is polled next, and every time after, until the call is over.
 */
typedef struct {
	void (*begin)(void *store, void *import, struct bh_value *args);
	uint32_t (*ask)(void *store, struct bh_value *result); /* the result is handed over, and fits the import's type */
} bhx_import_ops_t;

/* Where something is defined. No interface: in the world itself. */
typedef struct {
	bhx_text_t interface, name;
} bhx_place_t;

/*
 * Define a function of whatever type the component wants that is linked to it. `import` outlives what is linked,
 * `ops` stays. Stores that are linked to one that is no leaf need futures: bhx_call() fails there.
 */
wasmtime_error_t *bhx_linker_define(wasmtime_component_linker_t *linker, const bhx_place_t *place, bool leaf,
                                    void *import, const bhx_import_ops_t *ops);

/* Define a resource. Its destructor is called like a function, with the number as its argument: a u32. */
wasmtime_error_t *bhx_linker_define_resource(wasmtime_component_linker_t *linker, const bhx_place_t *place,
                                             uint32_t kind, void *import, const bhx_import_ops_t *ops);

enum { BHX_IMPORT_FUNCTION = 0, BHX_IMPORT_RESOURCE = 1, BHX_IMPORT_OTHER = 2 };

typedef struct {
	bhx_text_t interface; /* NULL: of the world itself */
	bhx_text_t name;
	wasmtime_component_func_type_t *type; /* owned by the callee; NULL for what is no function */
	uint32_t kind;
} bhx_import_t;

/* Everything that somebody must provide, interfaces part by part, until the callback says false. */
wasmtime_error_t *bhx_component_imports(const wasmtime_component_t *component,
                                        bool (*import)(void *data, bhx_import_t *import), void *data);

/* Whether bytes are UTF-8 as Unicode has it: no overlong forms, no surrogates. */
bool bhx_text_is_utf8(const char *data, size_t length);

/* WASI. */

/* A standard stream. Calls never block; one at a time for one instance, from the thread that polls it. */
typedef struct {
	ptrdiff_t (*read)(void *data, uint8_t *buffer, size_t length); /* bytes; 0: nothing yet; -1: end */
	ptrdiff_t (*permit)(void *data); /* bytes `write` takes now; 0: none yet; -1: closed */
	ptrdiff_t (*write)(void *data, const uint8_t *bytes, size_t length); /* 0, or -1: closed */
	bool (*ready)(void *data);                                           /* whether read or permit would get anywhere */
	void (*release)(void *data);                                         /* the store is done with it */
	int fd; /* readiness is awaited here; -1: always ready */
	bool terminal;
	void *data;
} bhx_stream_t;

void bhx_wasi_stdin(wasi_config_t *config, const bhx_stream_t *stream);
void bhx_wasi_stdout(wasi_config_t *config, const bhx_stream_t *stream);
void bhx_wasi_stderr(wasi_config_t *config, const bhx_stream_t *stream);

typedef struct {
	uint32_t table; /* entries in the store's resource table */
	uint32_t open_files;
	uint64_t io_bytes;
	uint64_t random_bytes; /* a single request for random bytes */
	uint32_t raise_open_files, raise_io_bytes;
} bhx_wasi_limits_t;

enum { BHX_TCP_CONNECT = 0, BHX_TCP_LISTEN = 1, BHX_UDP_PEER = 2, BHX_UDP_BIND = 3, BHX_UDP_RECEIVE = 4 };

/* Answers what a guest may reach; callable from any thread until released. */
typedef struct {
	bool (*address)(void *data, const char *ip, size_t length, uint16_t port, uint32_t use);
	bool (*name)(void *data, const char *name, size_t length);
	bool (*http)(void *data, const char *host, size_t length, uint16_t port);
	void (*release)(void *data);
	bool blocks; /* `address` may block: it is not called on the thread that polls */
	bool tcp, udp, names;
	void *data;
} bhx_network_t;

/* Give a store its WASI context; takes `config` over. `network` NULL grants nothing. */
wasmtime_error_t *bhx_store_set_wasi(wasmtime_context_t *context, wasi_config_t *config,
                                     const bhx_wasi_limits_t *limits, const bhx_network_t *network);

/* Bytes through streams and files since the last reset. Only for stores with WASI. */
uint64_t bhx_store_io_bytes(wasmtime_context_t *context, bool reset);

/* Count more, that went another way. Of a store with WASI. */
void bhx_store_io_count(wasmtime_context_t *context, uint64_t bytes);

/* Components and modules. */

/* Compile a binary component; unlike wasmtime_component_new() it cannot abort. */
wasmtime_error_t *bhx_component_new(const wasm_engine_t *engine, const uint8_t *data, size_t length,
                                    wasmtime_component_t **out);

/* From the text format to the binary one; unlike wasmtime_wat2wasm() it cannot abort. */
wasmtime_error_t *bhx_text_assemble(const uint8_t *data, size_t length, bhx_block_t *out);

/* Size of the machine code; bytes. */
size_t bhx_component_code_size(const wasmtime_component_t *component);

/* Compiled code as bytes, for an engine of the same compatibility. */
wasmtime_error_t *bhx_component_serialize(const wasmtime_component_t *component, bhx_block_t *out);

/*
 * Map compiled code from a file that bhx_component_serialize() made; more may follow it in the file. The code is run
 * as it is: whose file it is must be certain. `fd` stays the caller's, and may be closed afterwards.
 */
wasmtime_error_t *bhx_component_map(const wasm_engine_t *engine, int fd, wasmtime_component_t **out);

/* What instantiating a component adds up to, nested components included. */
typedef struct {
	uint64_t memory; /* initial size of all memories; bytes */
	uint64_t instances, memories, tables;
	uint64_t starts; /* start functions */
} bhx_sum_t;

wasmtime_error_t *bhx_binary_sum(const uint8_t *data, size_t length, bhx_sum_t *out);

/* Imports and exports. A text is NULL where there is none. */
typedef struct {
	bool import;
	bhx_text_t interface;
	bhx_text_t name;
	wasmtime_component_func_type_t *type; /* owned by the callee; NULL for what is no function */
} bhx_item_t;

/*
 * The functions a component exports, then the functions and interfaces it imports, until the callback says false.
 * One pass: the C API's nth-functions would take quadratic time over a hostile component.
 */
wasmtime_error_t *bhx_component_items(const wasmtime_component_t *component, bool (*item)(void *data, bhx_item_t *item),
                                      void *data);

/* One node of a type. */
typedef struct {
	uint32_t kind; /* a bh_kind; NONE for a part without a type, and for "no result" */
	uint32_t depth;
	bhx_text_t name; /* of a parameter, field, case or flag */
} bhx_node_t;

/*
 * The parameters of a function at depth 0, each followed by what it is made of, depth first; then its result, at
 * depth 0 too. Fails for types that are not supported, and when the callback says false.
 */
wasmtime_error_t *bhx_func_walk(const wasmtime_component_func_type_t *type,
                                bool (*node)(void *data, const bhx_node_t *node), void *data);

enum { BHX_COMPILER = 0, BHX_MALFORMED = 1, BHX_NOT_VALID = 2 };

/* Why the compiler refused a binary. */
uint32_t bhx_binary_diagnose(const uint8_t *data, size_t length);

typedef struct {
	bool command;        /* exports _start */
	bool wasi;           /* imports from wasi_snapshot_preview1 */
	bool other_imports;  /* imports from elsewhere */
	bool component_type; /* carries a component type, as wit-bindgen leaves it */
} bhx_module_info_t;

wasmtime_error_t *bhx_module_inspect(const uint8_t *data, size_t length, bhx_module_info_t *out);

/* Make a component of a core module, with the official adapter for WASI 0.1. */
wasmtime_error_t *bhx_module_wrap(const uint8_t *data, size_t length, bool command, bhx_block_t *out);

/* WAVE. */

/* Read "name(args...)" into as many values as the function has parameters. */
wasmtime_error_t *bhx_wave_parse(const wasmtime_component_func_type_t *type, const char *call, size_t length,
                                 struct bh_value *out);

/* Read one value of a type: a tree of the C side's, as engine/src/wave_value.rs has it. Fails for handles. */
struct bh_type;
wasmtime_error_t *bhx_wave_read(const struct bh_type *type, const char *text, size_t length, struct bh_value *out);

/* A value as text, as it describes itself, followed by a NUL. Fails for handles and for text that is not UTF-8. */
wasmtime_error_t *bhx_wave_format(const struct bh_value *value, bhx_block_t *out);

/* Worlds, of WIT text or of components. */

enum {
	BHX_WIT_WORLD,    /* `interface`: its package; first of all */
	BHX_WIT_TYPE,     /* numbered from 0 as they come; followed by its parts, which only refer to types before it */
	BHX_WIT_PART,     /* of the type before */
	BHX_WIT_IMPORT,   /* a function; `type`: the resource it is a function of */
	BHX_WIT_EXPORT,   /* the same */
	BHX_WIT_PARAM,    /* of the function before */
	BHX_WIT_RESULT,   /* ends a function */
	BHX_WIT_RESOURCE, /* `type`: a resource that is imported */
};

/* Kinds beside those of bh_kind. */
enum { BHX_WIT_KIND_RESOURCE = 32, BHX_WIT_KIND_ALIAS = 33 };

typedef struct {
	uint32_t what, kind;
	uint32_t type; /* UINT32_MAX: none */
	bhx_text_t interface, name, docs;
} bhx_wit_node_t;

/*
 * Call back with a world's nodes until the callback says false, which is an error. `path`: a WIT file, a folder of them, a
 * component; it is read here. `world`: which; NULL: the only one. Imports of interfaces that `provided` knows are left
 * out. Recursion is as deep as the input says, within bounds that take less than 64 MiB of stack.
 */
wasmtime_error_t *bhx_wit_read(bhx_text_t path, bhx_text_t world,
                               bool (*provided)(void *data, const char *interface, size_t length),
                               bool (*node)(void *data, const bhx_wit_node_t *node), void *data);

#endif
