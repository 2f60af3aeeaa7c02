// Classify handwritten digits in batches, the work of each call shared among threads.
//
//     parallel IMAGES.idx3-ubyte LABELS.idx1-ubyte
//
// Exit code: 0 if at least nine of ten digits are classified correctly, 1 if not, 2 on an error.

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "digits_cnn.h"
#include "idx.h"
#include "pool.h"

enum {
    BATCH = PFP_DIGITS_CNN_BATCH,
    PIXELS = PFP_DIGITS_CNN_INPUT_ELEMENTS / BATCH,
    CLASSES = PFP_DIGITS_CNN_OUTPUT_ELEMENTS / BATCH,
};

_Static_assert(PIXELS == 8 * 8 && CLASSES == 10, "the digits have 8x8 pixels and 10 classes");

// One arena for a call, whoever runs its tasks.
static _Alignas(PFP_DIGITS_CNN_ARENA_ALIGN) unsigned char arena[PFP_DIGITS_CNN_ARENA_BYTES];

static float input[BATCH][PIXELS];
static float mean[BATCH][CLASSES], variance[BATCH][CLASSES];
static float mean_alone[BATCH][CLASSES], variance_alone[BATCH][CLASSES];

static int argmax(const float *values) {
    int best = 0;
    for (int c = 1; c < CLASSES; c++)
        if (values[c] > values[best])
            best = c;
    return best;
}

// Read up to a batch of digits; how many. The rest of the batch is left as it is: its results are
// not looked at.
static int read_batch(FILE *images, FILE *labels, unsigned char label[BATCH]) {
    unsigned char bytes[PIXELS];
    int items = 0;
    while (items < BATCH && fread(bytes, 1, PIXELS, images) == PIXELS && fread(&label[items], 1, 1, labels) == 1) {
        for (int p = 0; p < PIXELS; p++)
            input[items][p] = ((float)bytes[p] / 16 - 0.5f) / 0.5f; // the normalisation of the training
        items++;
    }
    return items;
}

// The executor of the program: the pool, and a count of what it was asked for.
struct counting_pool {
    struct pool *pool;
    size_t calls, tasks;
};

static void run(void *context, void (*task)(void *data, size_t index), void *data, size_t count) {
    struct counting_pool *counting = context;
    counting->calls++;
    counting->tasks += count;
    pool_run(counting->pool, task, data, count);
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: %s IMAGES.idx3-ubyte LABELS.idx1-ubyte\n", argv[0]);
        return 2;
    }
    uint32_t image_count, label_count;
    FILE *images = open_idx(argv[1], 3, (const uint32_t[]){8, 8}, &image_count);
    FILE *labels = open_idx(argv[2], 1, NULL, &label_count);
    if (images == NULL || labels == NULL)
        return 2;

    struct counting_pool counting = {pool_create(PFP_DIGITS_CNN_TASKS - 1), 0, 0};
    if (counting.pool == NULL) {
        fprintf(stderr, "cannot start %d threads\n", PFP_DIGITS_CNN_TASKS - 1);
        return 2;
    }
    const struct pfp_executor executor = {&counting, run};

    int correct = 0, count = 0, items;
    unsigned char label[BATCH];
    while ((items = read_batch(images, labels, label)) > 0) {
        const int status = pfp_digits_cnn_parallel(input[0], mean[0], variance[0], arena, &executor);
        if (status != PFP_OK) {
            fprintf(stderr, "pfp_digits_cnn_parallel: status %d\n", status);
            return 2;
        }
        // The same, bit for bit, as from one thread.
        if (pfp_digits_cnn(input[0], mean_alone[0], variance_alone[0], arena) != PFP_OK ||
            memcmp(mean, mean_alone, sizeof mean) != 0 || memcmp(variance, variance_alone, sizeof variance) != 0) {
            fprintf(stderr, "the results depend on the executor\n");
            return 2;
        }
        for (int i = 0; i < items; i++)
            correct += argmax(mean[i]) == label[i];
        count += items;
    }
    fclose(images);
    fclose(labels);
    pool_destroy(counting.pool);

    printf("%zu kernels ran as %zu tasks, on %d threads\n", counting.calls, counting.tasks, PFP_DIGITS_CNN_TASKS);
    if (counting.calls == 0) {
        fprintf(stderr, "no kernel was worth sharing\n");
        return 2;
    }
    printf("digits: %d of %d correct\n", correct, count);
    return correct * 10 >= count * 9 ? 0 : 1;
}
