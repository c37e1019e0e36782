// test: timeout=600 labels=slow
/* All hostile files, where the quick test leaves out those that take seconds each. */
#define HEAVY_TOO true
#include "test_hostile_files.c"
