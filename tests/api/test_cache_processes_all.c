// test: timeout=1200 labels=slow
/* A thousand times killed, where the quick test does it some times. */
#define PUBLISHES 1000
#define LOADS 300
#include "test_cache_processes.c"
