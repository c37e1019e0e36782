/* What one child may spawn: its own list for bulkhead:host/supervision, and the imports that it is linked with therefore. */
#ifndef BH_SERVE_KIN_H
#define BH_SERVE_KIN_H

#include <bulkhead.h>

typedef struct kin kin;

/* An empty list, with the bounds that the child has. References: kin_ref(), kin_unref(); NULL is allowed to the latter. */
bh_status kin_new(kin **out, const bh_config_child *spec, bh_error **err) BH_MUST_USE;
kin *kin_ref(kin *k);
void kin_unref(kin *k);

/* What its component is to be loaded with; lives as long as the list. */
bh_imports *kin_imports(const kin *k);

/* Where what is spawned prints: as these instances do. Before any of them runs. */
void kin_equip(kin *k, const bh_instance_options *as);

/*
 * Have the nth component of its spec's list be this one; NULL: none, so that spawning it fails. What was spawned goes on. Any
 * time; the thread that gives configurations. `own`: the component of the child itself, to say what it could never spawn.
 */
void kin_set(kin *k, size_t nth, const char *name, bh_component *component, bh_component *own);

#endif
