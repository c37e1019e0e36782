#ifndef BH_ENGINE_BUDGET_H
#define BH_ENGINE_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

/* Memory that several stores share. `take` is false where there is not as much left. Any thread; NULL: no bound. */
typedef struct {
	bool (*take)(void *data, uint64_t bytes);
	void (*give_back)(void *data, uint64_t bytes);
	void *data;
	uint64_t reserved; /* is the store's already, and not given back by it */
} bh_budget;

#endif
