// test: timeout=3000 labels=slow
/* All truncations, where the quick test takes some. */
#define TRUNCATIONS 1000000
#include "test_hostile_truncation.c"
