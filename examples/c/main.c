// Classify handwritten digits with a Bayesian CNN that pfp compiled to an object file.
//
//     digits IMAGES.idx3-ubyte LABELS.idx1-ubyte [COUNT]
//
// Exit code: 0 if at least nine of ten digits are classified correctly, 1 if not, 2 on an error.

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "digits_cnn.h"
#include "idx.h"

enum {
    PIXELS = PFP_DIGITS_CNN_INPUT_ELEMENTS,
    CLASSES = PFP_DIGITS_CNN_OUTPUT_ELEMENTS,
};

_Static_assert(PFP_DIGITS_CNN_BATCH == 1, "one digit per call");
_Static_assert(PIXELS == 8 * 8 && CLASSES == 10, "the digits have 8x8 pixels and 10 classes");

// The only memory the model writes besides its outputs. It needs no initialisation.
static _Alignas(PFP_DIGITS_CNN_ARENA_ALIGN) unsigned char arena[PFP_DIGITS_CNN_ARENA_BYTES];

// Class probabilities under Gaussian logits, the mean-field approximation:
// softmax(mean / sqrt(1 + pi/8 variance)).
static void probit_softmax(const float *mean, const float *variance, float *probability) {
    float largest = -INFINITY, sum = 0;
    for (int c = 0; c < CLASSES; c++) {
        probability[c] = mean[c] / sqrtf(1 + 0.392699082f * variance[c]);
        largest = fmaxf(largest, probability[c]);
    }
    for (int c = 0; c < CLASSES; c++)
        sum += probability[c] = expf(probability[c] - largest);
    for (int c = 0; c < CLASSES; c++)
        probability[c] /= sum;
}

// Predictive entropy in nats: 0 if certain, ln 10 = 2.30 if all classes are equally likely.
static float entropy(const float *probability) {
    float sum = 0;
    for (int c = 0; c < CLASSES; c++)
        if (probability[c] > 0)
            sum -= probability[c] * logf(probability[c]);
    return sum;
}

static int argmax(const float *values) {
    int best = 0;
    for (int c = 1; c < CLASSES; c++)
        if (values[c] > values[best])
            best = c;
    return best;
}

int main(int argc, char **argv) {
    if (argc < 3 || argc > 4) {
        fprintf(stderr, "usage: %s IMAGES.idx3-ubyte LABELS.idx1-ubyte [COUNT]\n", argv[0]);
        return 2;
    }
    uint32_t images, labels;
    FILE *image_file = open_idx(argv[1], 3, (const uint32_t[]){8, 8}, &images);
    FILE *label_file = open_idx(argv[2], 1, NULL, &labels);
    if (image_file == NULL || label_file == NULL)
        return 2;

    unsigned long count = argc == 4 ? strtoul(argv[3], NULL, 10) : 20;
    if (images != labels || count == 0 || count > images) {
        fprintf(stderr, "cannot take %lu of %u images with %u labels\n", count, images, labels);
        return 2;
    }

    printf("label  class  probability  logit mean  logit sd  entropy (nats)\n");
    unsigned long correct = 0;
    for (unsigned long i = 0; i < count; i++) {
        unsigned char bytes[PIXELS];
        const int label = fgetc(label_file);
        if (label == EOF || fread(bytes, 1, PIXELS, image_file) != PIXELS) {
            fprintf(stderr, "the IDX files end before item %lu\n", i);
            return 2;
        }

        float input[PIXELS], mean[CLASSES], variance[CLASSES], probability[CLASSES];
        for (int p = 0; p < PIXELS; p++)
            input[p] = ((float)bytes[p] / 16 - 0.5f) / 0.5f; // the normalisation of the training
        const int status = pfp_digits_cnn(input, mean, variance, arena);
        if (status != 0) {
            fprintf(stderr, "pfp_digits_cnn: status %d\n", status);
            return 2;
        }

        probit_softmax(mean, variance, probability);
        const int class = argmax(probability);
        correct += class == label;
        printf("%5d  %5d  %11.3f  %10.2f  %8.2f  %14.3f\n", label, class, probability[class],
               mean[class], sqrtf(variance[class]), entropy(probability));
    }
    fclose(image_file);
    fclose(label_file);

    printf("digits: %lu of %lu correct\n", correct, count);
    return correct * 10 >= count * 9 ? 0 : 1;
}
