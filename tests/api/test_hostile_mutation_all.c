// test: timeout=3000 labels=slow
/* 10,000 mutations of each, where the quick test takes some. */
#define MUTATIONS 10000
#include "test_hostile_mutation.c"
