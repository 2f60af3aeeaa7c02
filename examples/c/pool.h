// A pool of POSIX threads that runs the tasks of functions which pfp compiled with --threads.
//
//     struct pool *pool = pool_create(PFP_NET_TASKS - 1);
//     struct pfp_executor executor = {pool, pool_run};
//     status = pfp_net_parallel(input, mean, variance, arena, &executor);
//     pool_destroy(pool);

#include <stddef.h>

struct pool;

// Start threads that wait for tasks. The thread that calls a function runs tasks too: one thread
// less than there are tasks is enough. NULL if there is no memory or no thread to be had.
struct pool *pool_create(size_t threads);

// End the threads. No call may be running.
void pool_destroy(struct pool *pool);

// The function of an executor whose context is a pool. Several threads may use one pool; their
// calls take turns.
void pool_run(void *pool, void (*task)(void *data, size_t index), void *data, size_t count);
