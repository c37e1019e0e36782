/*
 * Broods: what the guest of one life has spawned. Its children are below a supervisor of their own, the nest, beside the child
 * whose life it is; it comes with the first of them and goes when the life is over.
 *
 * All of it is the tree's lock's.
 */
#ifndef BH_SUPERVISE_BROOD_H
#define BH_SUPERVISE_BROOD_H

#include "bulkhead/imports.h"
#include "engine/store.h"
#include "supervise/internal.h"

enum { BH_BROOD_EVENTS = 256 };

/* What a guest is told of a child. */
typedef struct {
	bh_event_kind kind;
	char *name;
	uint64_t lost; /* more than 0: so many before this one were overwritten, and nothing else is said */
	bh_exit exit;
	bool again;
	char *message; /* NULL: there is nothing to say */
} bh_brood_event;

void bh_brood_event_deinit(bh_brood_event *event);

/* What a guest waits for: an event, or the end of a child. It makes one call at a time, so there is one at most. */
typedef struct bh_wait bh_wait;

struct bh_brood {
	bh_keeper keeper; /* first: what the guest's store has */
	_Atomic uint32_t references;
	bh_supervisor *tree; /* with a reference */
	bh_member *member;   /* whose life it is; NULL once that is over */
	uint32_t depth;      /* 0: nobody spawned the parent */
	bh_child *nest;      /* with a reference; NULL: nothing was spawned yet */
	uint32_t count;      /* children in it */
	bh_wait *wait;
	bh_brood_event *events; /* the last ones, in a ring; NULL before there is a nest */
	uint32_t first_event, event_count;
	uint64_t lost;
};

/* The brood of a member's new life. NULL without memory. */
bh_brood *bh_brood_new(bh_member *member);
bh_brood *bh_brood_ref(bh_brood *brood);
void bh_brood_unref(bh_brood *brood);

/* Its life is over: the children are killed. With the lock. NULL is allowed. */
void bh_brood_close(bh_brood *brood);

/* The brood of the guest that called the host function this thread is in; NULL: it is nobody's child. */
bh_brood *bh_brood_calling(void);

/* A child to add; `extra` as for bh_child_add_as(). BH_E_BUSY: there are `most` already. */
bh_status bh_brood_add(bh_child **out, bh_brood *brood, const bh_child_options *options, bh_child_extra *extra,
                       uint32_t most, bh_error **err);

/* A living child, with a reference. NULL: there is none of that name. */
bh_child *bh_brood_find(bh_brood *brood, const char *name);

/* Visit the children, with the lock. */
typedef void bh_brood_visit(void *data, bh_child *child);
void bh_brood_each(bh_brood *brood, bh_brood_visit *visit, void *data);

/* Something is told of one in the nest, or of the nest itself. With the lock. */
void bh_brood_told(bh_brood *brood, const bh_note *note);

/* See to what the guest waits for: a duty of the nest's. Without the lock. */
void bh_brood_serve(bh_brood *brood);

/* Wait for the next event. */
void bh_brood_next(bh_brood *brood, bh_completion *completion, uint64_t wait_ms);

/* Wait for the end of a child that is about to be added; NULL without memory. */
bh_wait *bh_brood_await(bh_brood *brood, bh_completion *completion, const char *name);

/* It was added: if it does not end for good in time, it is killed. */
void bh_brood_await_added(bh_wait *wait, bh_child *child, uint64_t wait_ms);

/* It was not: the completion is the caller's again. */
void bh_brood_await_not(bh_wait *wait);

/* Words as guests are told them, to be freed (guest.c); NULL without memory. */
char *bh_guest_words(const char *words);

/* What comes of waiting (guest.c). */
void bh_guest_tell_event(bh_completion *completion, const bh_brood_event *event);
void bh_guest_tell_exit(bh_completion *completion, const bh_brood_event *event);
/* One of the caller's children, by an argument that names it, with a reference. NULL: it was answered that there is none. */
bh_child *bh_guest_child(bh_completion *completion, const bh_value *name);
void bh_guest_fail(bh_completion *completion, bh_status status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
