/* The compiler in a process of its own: started by the library, not by people. */
#ifndef BH_CLI_WORKER_H
#define BH_CLI_WORKER_H

#include <stdbool.h>

/* `argv` is what follows BH_WORKER_COMMAND: bytes of memory, seconds, name, metered, development, wrap. */
int worker_run(int argc, char **argv);

/* Whether the kernel would let it take its own rights away. */
bool worker_can_be_confined(void);

#endif
