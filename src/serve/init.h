/* Being the first process of a container: somebody must wait for orphans, and signals have no default action there. */
#ifndef BH_SERVE_INIT_H
#define BH_SERVE_INIT_H

/*
 * Where this is process 1: go on in a child of it, and stay behind to pass signals on to that, wait for whatever dies, and end
 * as it ends. Waiting for all is apart from the daemon, which waits for children of its own (compilers). Returns in the child,
 * or where this is no first process. Call it before there are threads.
 */
void init_become(void);

#endif
