/* What the files of the crew share. */
#ifndef BH_SERVE_CREW_INTERNAL_H
#define BH_SERVE_CREW_INTERNAL_H

#include <pthread.h>

#include "crew.h"
#include "kin.h"

/* A configuration, as long as somebody has something of it. */
typedef struct {
	bh_config *config;
	size_t references; /* counted by whoever gives configurations or tidies: one thread at a time */
} generation;

typedef enum { HAND_KEEP, HAND_ADD, HAND_UPGRADE, HAND_REPLACE } hand_duty;

/* One child of the configuration, or a component that children may spawn. */
typedef struct hand hand;
struct hand {
	generation *from;
	const bh_config_child *spec;
	bh_child *child;         /* NULL: not in the tree yet, or not any more */
	bh_component *component; /* NULL: a supervisor, or broken */
	bh_limits limits;
	bh_permissions *permissions;
	kin *kin;                     /* what it may spawn; NULL: nothing */
	bh_instance_options instance; /* the child's options point here */
	output *log;
	bh_error *broken; /* why it cannot run */
	hand_duty duty;   /* while a configuration is put in force */
	hand *before;     /* in the configuration before; NULL: it is new */
	hand *next;       /* of those that were removed */
	uint64_t removed_ms;
};

/* By path, to be searched. */
typedef struct {
	hand **items;
	size_t count;
} hands;

struct crew {
	bh_host *host;
	bh_supervisor *tree;
	outputs *all;
	bh_imports *imports; /* bulkhead:host */
	generation *current;
	pthread_mutex_t lock; /* over what others ask for: the table */
	hands now;
	hands listed;           /* what they may spawn; the thread that gives configurations */
	hand *removed;          /* the newest first */
	unsigned upgrades;      /* that were asked for, and are being loaded */
	bool finishing;         /* no more of them */
	pthread_cond_t settled; /* one less */
};

uint64_t crew_now_ms(void);
hand *hands_find(const hands *table, const char *path);
void hands_sort(hands *table);
void generation_unref(generation *g);

/* A hand for a child: its component is loaded. BH_OK also where that failed: then it is broken. BH_E_NO_MEMORY */
bh_status hand_new(hand **out, crew *c, generation *from, const bh_config_child *spec, bh_error **err) BH_MUST_USE;

/* Have its list name what is there now. */
void hand_list(const hand *h, const hands *listed);

/* Into the tree; broken, where the tree does not take it as it is. */
bh_status hand_add(hand *h, crew *c, bh_error **err) BH_MUST_USE;

/* Whether what is in force for one is what the other would get: all of it; or all but what an upgrade changes. */
bool hand_same(const hand *a, const hand *b);
bool hand_upgrades(const hand *a, const hand *b);

/* Upgrade what the hands before these run to what these have loaded; where that fails the old ones go on, which is said. */
void crew_upgrade_all(crew *c, hand *const *items, size_t count);

void hand_free(hand *h);

#endif
