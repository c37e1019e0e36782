// test: timeout=300 labels=slow
/* A thousand threads, where the quick test has some. */
#define THREADS 1000
#include "test_cache_threads.c"
