// A classifier of digits that goes on learning where it runs.
//
//     adapt IMAGES.idx3-ubyte LABELS.idx1-ubyte
//
// The camera has moved: every image is one pixel further to the right than in training. Half of the digits come
// with labels, such as an operator may enter; the other half shows what was learned of them.
//
// Exit code: 0 if after learning more digits are right, and the network is less uncertain about them, 1 if
// not, 2 on an error.

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "digits_mlp_adapt.h"
#include "idx.h"

enum {
    SIDE = 8,
    PIXELS = SIDE * SIDE,
    CLASSES = 10,
    DIGITS = 400,
    LABELLED = DIGITS / 2,
    ITEMS = PFP_DIGITS_MLP_STEP_BATCH,
    STEPS = LABELLED / ITEMS,
    ROUNDS = 20,
};

_Static_assert(PFP_DIGITS_MLP_BATCH == 1, "one digit per prediction");
_Static_assert(PFP_DIGITS_MLP_INPUT_ELEMENTS == PIXELS, "the digits have 8x8 pixels");
_Static_assert(PFP_DIGITS_MLP_STEP_OUTPUT_ELEMENTS == ITEMS * CLASSES, "and 10 classes");

// All memory that learning and prediction take.
static _Alignas(PFP_DIGITS_MLP_ARENA_ALIGN) unsigned char arena[PFP_DIGITS_MLP_ADAPT_ARENA_BYTES];
static float state[PFP_DIGITS_MLP_STEP_STATE_ELEMENTS];

static unsigned char images[DIGITS][PIXELS], labels[DIGITS];

// What the network reads of an image, moved to the right.
static void prepare(const unsigned char *image, float *input) {
    for (int row = 0; row < SIDE; row++)
        for (int column = 0; column < SIDE; column++) {
            const int pixel = column == 0 ? 0 : image[row * SIDE + column - 1];
            input[row * SIDE + column] = ((float)pixel / 16 - 0.5f) / 0.5f;
        }
}

// How the network does on the digits without labels: the share that is right, and the mean epistemic
// uncertainty in nats.
static int judge(const char *when, float *right, float *uncertainty) {
    *right = *uncertainty = 0;
    for (int i = LABELLED; i < DIGITS; i++) {
        float input[PIXELS], mean[CLASSES], variance[CLASSES];
        float probabilities[CLASSES], nats[PFP_DIGITS_MLP_UNCERTAINTY_ELEMENTS];
        prepare(images[i], input);
        const int status =
            pfp_digits_mlp(input, state, mean, variance, probabilities, nats, arena);
        if (status != PFP_OK)
            return status;
        int class = 0;
        for (int c = 1; c < CLASSES; c++)
            if (probabilities[c] > probabilities[class])
                class = c;
        *right += (float)(class == labels[i]) / (DIGITS - LABELLED);
        *uncertainty += nats[PFP_EPISTEMIC] / (DIGITS - LABELLED);
    }
    printf("%s  %5.1f %% right  epistemic uncertainty %.3f nats\n", when, 100 * *right, *uncertainty);
    return PFP_OK;
}

// Learns once from every digit with a label; returns the mean loss before each step.
static int learn(float *loss) {
    static const float settings[] = PFP_DIGITS_MLP_SETTINGS;
    *loss = 0;
    for (int step = 0; step < STEPS; step++) {
        float input[ITEMS * PIXELS], target[ITEMS * CLASSES] = {0};
        float losses[ITEMS], output[ITEMS * CLASSES];
        for (int i = 0; i < ITEMS; i++) {
            const int digit = step * ITEMS + i;
            prepare(images[digit], input + i * PIXELS);
            target[i * CLASSES + labels[digit]] = 1;
        }
        const int status = pfp_digits_mlp_step(input, target, settings, pfp_digits_mlp_prior, state, losses,
                                               output, arena);
        if (status != PFP_OK)
            return status;
        for (int i = 0; i < ITEMS; i++)
            *loss += losses[i] / (STEPS * ITEMS);
    }
    return PFP_OK;
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: %s IMAGES.idx3-ubyte LABELS.idx1-ubyte\n", argv[0]);
        return 2;
    }
    uint32_t image_count, label_count;
    FILE *image_file = open_idx(argv[1], 3, (const uint32_t[]){SIDE, SIDE}, &image_count);
    FILE *label_file = open_idx(argv[2], 1, NULL, &label_count);
    if (image_file == NULL || label_file == NULL)
        return 2;
    if (image_count < DIGITS || label_count < DIGITS ||
        fread(images, PIXELS, DIGITS, image_file) != DIGITS || fread(labels, 1, DIGITS, label_file) != DIGITS) {
        fprintf(stderr, "the IDX files have fewer than %d digits\n", DIGITS);
        return 2;
    }
    fclose(image_file);
    fclose(label_file);
    for (int i = 0; i < DIGITS; i++)
        if (labels[i] >= CLASSES) {
            fprintf(stderr, "digit %d has the label %d\n", i, labels[i]);
            return 2;
        }

    printf("state %zu bytes, prior %zu, arena %zu\n", sizeof state, sizeof pfp_digits_mlp_prior, sizeof arena);
    pfp_digits_mlp_start(state);
    float right[2], uncertainty[2], loss = 0;
    if (judge("as it was trained ", &right[0], &uncertainty[0]) != PFP_OK)
        return 2;
    for (int round = 1; round <= ROUNDS; round++) {
        if (learn(&loss) != PFP_OK)
            return 2;
        if (round == 1 || round == ROUNDS)
            printf("round %2d of %d: loss %.3f nats\n", round, ROUNDS, loss);
    }
    if (judge("after it has learned", &right[1], &uncertainty[1]) != PFP_OK)
        return 2;
    printf("digits: %.0f of %d correct\n", (double)right[1] * (DIGITS - LABELLED), DIGITS - LABELLED);
    return right[1] > right[0] && uncertainty[1] < uncertainty[0] ? 0 : 1;
}
