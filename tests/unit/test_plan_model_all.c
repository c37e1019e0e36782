// test: timeout=1500 labels=slow
/* Many more runs, where the quick test takes some. */
#define ROUNDS 150000
#include "test_plan_model.c"
