// test: timeout=400 labels=slow,alone
/* For two minutes, where the quick test takes seconds; memory is flat within 2 %. */
#define SECONDS 120
#include "test_supervisor_chaos.c"
