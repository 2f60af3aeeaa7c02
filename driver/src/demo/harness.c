// Runs a compiled network on every item of a file of floats.

#include <stdio.h>

#include "NAME.h"

static _Alignas(PREFIX_ARENA_ALIGN) unsigned char arena[PREFIX_ARENA_BYTES + 1];

int main(int argc, char **argv) {
    if (argc != 3)
        return 2;
    FILE *in = fopen(argv[1], "rb"), *out = fopen(argv[2], "wb");
    if (!in || !out)
        return 3;
    float input[PREFIX_INPUT_ELEMENTS];
    static float outputs[OUTPUT_FLOATS];
    while (fread(input, sizeof input, 1, in) == 1) {
        int status = pfp_NAME(input, OUTPUTS, arena);
        if (status != PFP_OK)
            return 10 + status;
        if (fwrite(outputs, sizeof outputs, 1, out) != 1)
            return 4;
    }
    return fclose(out) == 0 ? 0 : 4;
}
