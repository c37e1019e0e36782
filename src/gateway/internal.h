/* What the files of the gateway share. */
#ifndef BH_GATEWAY_INTERNAL_H
#define BH_GATEWAY_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/error.h"
#include "bulkhead/chain.h"
#include "host/message.h"
#include "host/stats.h"

/* Where a module is asked; the bits of bh_attach in their order. */
typedef enum { BH_POINT_REQUEST, BH_POINT_RESPONSE, BH_POINT_ERROR, BH_POINTS } bh_point;

/* "on-request" and so on. */
const char *bh_point_name(bh_point point);

/* What is counted of modules of one name, at one point. */
typedef struct {
	bh_stats_export *calls;
	_Atomic uint64_t continued, rejected, modified, replied, closed, opened, skipped;
} bh_point_counts;

typedef struct bh_counts bh_counts;
struct bh_counts {
	char *name;
	uint32_t references; /* modules of that name; under the chain's lock */
	bh_counts *next;
	bh_stats_component *stats;
	bh_point_counts points[BH_POINTS];
};

/* Rules. */
typedef struct {
	char *path_prefix, *method, *header, *header_value;
	size_t prefix_length;
} bh_rule;

/* Whether a path is written in the plainest way. Another one a server behind us may read as any path. */
bool bh_path_is_plain(bh_string path);

/* `plain`: what that says of the request's path. */
bool bh_rule_holds(const bh_rule *rule, const bh_http_request *request, bool plain);

/* Whether header names are the same one; ASCII letters of either case are. */
bool bh_same_name(bh_string a, bh_string b);

/* What an instance writes; it is there as long as the instance. */
typedef struct {
	bh_buffer out, err;
	bh_instance_options options; /* for making one that writes there */
} bh_output;

/* NULL: no memory. */
bh_output *bh_output_new(void);
void bh_output_init(bh_output *output);
void bh_output_deinit(bh_output *output);
void bh_output_free(bh_output *output);

/* An instance that is kept for more messages. */
typedef struct {
	bh_instance *instance;
	bh_output *output; /* NULL: nobody reads it */
	uint32_t used;
} bh_kept;

enum { BH_KEPT = 64 }; /* instances that a module keeps at most, while nobody uses them */

/* A module as it was added: it does not change. */
typedef struct {
	_Atomic uint32_t references;
	bh_chain *chain; /* there as long as the module */
	char *name;
	bh_component *component;
	uint32_t attach;
	bool open, shadow;
	uint32_t reuse;
	uint64_t sample; /* it is asked where a random number is below this; UINT64_MAX: always */
	uint64_t salt;   /* so that modules are not sampled alike */
	bh_rule *rules;
	size_t rule_count;
	bh_export *exports_[BH_POINTS];
	bh_message_kind kinds[BH_POINTS];
	bh_counts *counts;
	pthread_mutex_t lock; /* over kept */
	bh_kept kept[BH_KEPT];
	size_t kept_count;
} bh_module;

bh_status bh_module_new(bh_module **out, bh_chain *chain, const bh_chain_module_options *options, bh_error **err);
void bh_module_unref(bh_module *module);

BH_DEFINE_AUTO(bh_module *, bh_module_unref)

/* An instance for a message; none: a fresh one is to be made, and kept if `*keep` says so. */
bh_kept bh_module_take(bh_module *module, bool *keep);

void bh_kept_free(bh_kept *kept);

/* It has seen its message. It is kept for more, or goes, also where others may soon want what it takes. */
void bh_module_give(bh_module *module, bh_kept kept);

/* The modules of a chain, at one time. */
typedef struct {
	_Atomic uint32_t references;
	uint64_t version;
	uint32_t wants; /* what some of them are attached to */
	size_t count;
	bh_module *items[BH_CHAIN_MODULES];
} bh_modules;

struct bh_chain {
	_Atomic uint32_t references; /* its owner's, and one for each exchange and edit */
	bh_host *host;
	bh_chain_options options;
	pthread_mutex_t lock; /* over modules and counts; a few instructions */
	bh_modules *modules;
	bh_counts *counts;
	bh_stats *stats;
	_Atomic uint64_t exchanges; /* how many there were */
	_Atomic uint64_t salts;
	/* The lock: */
	bool closed;           /* nobody is told of anything any more */
	uint32_t telling;      /* callbacks under way */
	pthread_cond_t quiet;  /* there are none */
	uint32_t shadows;      /* messages that shadows have, */
	uint64_t shadow_bytes; /* and their bytes */
};

bh_chain *bh_chain_ref(bh_chain *chain);
void bh_chain_unref(bh_chain *chain);

/* The modules it has now: a reference. */
bh_modules *bh_chain_modules(bh_chain *chain);
void bh_modules_unref(bh_modules *modules);

/* Where modules of that name are counted; each is freed once. NULL: no memory. */
bh_counts *bh_counts_ref(bh_chain *chain, const char *name);
void bh_counts_unref(bh_chain *chain, bh_counts *counts);

/* Exchanges. */

enum { BH_BITS = BH_CHAIN_MODULES / 8 };

typedef struct bh_block bh_block;
struct bh_block {
	bh_block *next;
	void *data;
};

/* Results that verdicts were read from. */
typedef struct bh_kept_value bh_kept_value;
struct bh_kept_value {
	bh_kept_value *next;
	bh_value value;
};

enum { BH_PART_NEW, BH_PART_REQUEST, BH_PART_RESPONSE, BH_PART_OVER };

struct bh_exchange {
	bh_chain *chain;
	bh_modules *modules;
	bh_http_request request, shown; /* as it is now, and its texts as modules see them */
	bh_http_response response;
	bool plain; /* the path; it does not change */
	uint64_t random;
	bh_context_entry *context;
	size_t context_count, context_bytes;
	uint8_t seen[BH_BITS];   /* by module: it was shown the request, */
	uint8_t passed[BH_BITS]; /* and did not fail */
	uint8_t later[BH_BITS];  /* its rules hold for the request as it was sent on */
	bool later_known;

	/* Where it is. */
	int part;                /* BH_PART_... */
	bool under_way, waiting; /* on this thread */
	uint64_t held;           /* its bytes */
	bool replies;            /* a response instead */
	bool settled;            /* nobody else is asked */
	bh_point point;
	size_t asked; /* modules that had their turn at this point */
	size_t failed_index;
	bh_exchange_done *done;
	void *done_data;

	/* The call under way. */
	size_t at; /* of which module */
	bh_kept kept;
	bool keep;
	bool seen_by_others; /* interceptors: it is called with values */
	bh_output output;    /* of an instance that is not kept */
	bh_output *heard;    /* where the one that is called writes; NULL: nowhere */
	bh_message message;
	bh_verdict verdict;
	pthread_mutex_t lock; /* over call and cancelled */
	bh_call *call;
	bh_cancel token; /* of calls that are waited for */
	bool cancelled;

	/* What came of it. */
	bh_exchange_failure failure;
	bh_error *why;
	bh_string error_message;

	bh_block *blocks; /* of verdicts */
	bh_kept_value *values;
	bh_scope scope; /* everything else */
	_Alignas(8) char room[1024];
};

/* Memory that the exchange has to its end. NULL: none. */
void *bh_exchange_take(bh_exchange *exchange, size_t count, size_t size);

/* What a module is to be shown at the point where the exchange is: exchange->message. BH_E_NO_MEMORY. */
bh_status bh_exchange_show(bh_exchange *exchange, const bh_module *module);

/* The same as a value, and the verdict from one, which is taken: where interceptors look on. BH_E_NO_MEMORY. */
bh_status bh_exchange_values(bh_exchange *exchange, bh_value *out);
bh_status bh_exchange_judge(bh_exchange *exchange, bh_value *result, bh_error **err);

/* A text as modules may see it: UTF-8. NULL as data: no memory. */
bh_string bh_exchange_text(bh_exchange *exchange, bh_string text);

/* Tell of what the module that was called wrote. */
void bh_exchange_tell(bh_exchange *exchange);

/* Have a shadow look at a copy of exchange->message, later. False: it is not asked. */
bool bh_shadow_start(const bh_exchange *exchange);

/* What came of a call: exchange->verdict is looked at and, if it is all right, done. BH_E_BAD_RESULT; BH_E_NO_MEMORY. */
bh_status bh_exchange_check(const bh_exchange *exchange, bh_error **err);
bh_status bh_exchange_apply(bh_exchange *exchange, bh_error **err);

#endif
