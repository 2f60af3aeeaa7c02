#include "pool.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

struct pool {
    pthread_mutex_t turn;  // held by the call whose tasks are run
    pthread_mutex_t mutex; // guards what follows
    pthread_cond_t work;   // there are tasks, or it is time to stop
    pthread_cond_t done;   // no task is left or running
    void (*task)(void *data, size_t index);
    void *data;
    size_t next, count; // the tasks that nobody has begun
    size_t unfinished;
    bool stop;
    size_t threads;
    pthread_t thread[];
};

// Run tasks until none is left to begin. The mutex is held, but not while a task runs.
static void run_tasks(struct pool *pool) {
    while (pool->next < pool->count) {
        void (*task)(void *, size_t) = pool->task;
        void *data = pool->data;
        const size_t index = pool->next++;
        pthread_mutex_unlock(&pool->mutex);
        task(data, index);
        // What the task wrote is seen by whoever locks the mutex next.
        pthread_mutex_lock(&pool->mutex);
        if (--pool->unfinished == 0)
            pthread_cond_signal(&pool->done);
    }
}

static void *work(void *argument) {
    struct pool *pool = argument;
    pthread_mutex_lock(&pool->mutex);
    while (!pool->stop) {
        run_tasks(pool);
        if (!pool->stop)
            pthread_cond_wait(&pool->work, &pool->mutex);
    }
    pthread_mutex_unlock(&pool->mutex);
    return NULL;
}

struct pool *pool_create(size_t threads) {
    struct pool *pool = calloc(1, sizeof *pool + threads * sizeof *pool->thread);
    if (pool == NULL)
        return NULL;
    pthread_mutex_init(&pool->turn, NULL);
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->work, NULL);
    pthread_cond_init(&pool->done, NULL);
    while (pool->threads < threads) {
        if (pthread_create(&pool->thread[pool->threads], NULL, work, pool) != 0) {
            pool_destroy(pool);
            return NULL;
        }
        pool->threads++;
    }
    return pool;
}

void pool_destroy(struct pool *pool) {
    pthread_mutex_lock(&pool->mutex);
    pool->stop = true;
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->mutex);
    for (size_t i = 0; i < pool->threads; i++)
        pthread_join(pool->thread[i], NULL);
    pthread_cond_destroy(&pool->done);
    pthread_cond_destroy(&pool->work);
    pthread_mutex_destroy(&pool->mutex);
    pthread_mutex_destroy(&pool->turn);
    free(pool);
}

void pool_run(void *context, void (*task)(void *data, size_t index), void *data, size_t count) {
    struct pool *pool = context;
    pthread_mutex_lock(&pool->turn);
    pthread_mutex_lock(&pool->mutex);
    pool->task = task;
    pool->data = data;
    pool->next = 0;
    pool->count = count;
    pool->unfinished = count;
    pthread_cond_broadcast(&pool->work);
    run_tasks(pool);
    while (pool->unfinished > 0)
        pthread_cond_wait(&pool->done, &pool->mutex);
    pthread_mutex_unlock(&pool->mutex);
    pthread_mutex_unlock(&pool->turn);
}
