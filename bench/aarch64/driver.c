/* Calls a network: driver REPEATS, images (binary32) on standard input, moments (binary64) on
 * standard output. MODEL, REAL, BATCH, INPUTS, OUTPUTS and ARENA_BYTES are from the command line;
 * INPUTS and OUTPUTS are those of one image. With MEAN_ONLY the network has no variances. */

#include <stdio.h>
#include <stdlib.h>

typedef REAL real;

#ifdef MEAN_ONLY
int MODEL(const real *input, real *mean, void *arena);
#define CALL(input, mean, variance, arena) MODEL(input, mean, arena)
#else
int MODEL(const real *input, real *mean, real *variance, void *arena);
#define CALL MODEL
#endif

static _Alignas(64) unsigned char arena[ARENA_BYTES];
static _Alignas(64) real input[BATCH * INPUTS], moments[2][BATCH * OUTPUTS];

int main(int count, char **arguments)
{
    if (count != 2)
        return 2;
    for (size_t i = 0; i < BATCH * INPUTS; ++i) {
        float value;
        if (fread(&value, sizeof value, 1, stdin) != 1)
            return 3;
        input[i] = value;
    }
    for (long i = strtol(arguments[1], NULL, 10); i > 0; --i)
        if (CALL(input, moments[0], moments[1], arena))
            return 4;
    for (size_t i = 0; i < 2 * BATCH * OUTPUTS; ++i) {
        double value = (&moments[0][0])[i];
        if (fwrite(&value, sizeof value, 1, stdout) != 1)
            return 5;
    }
    return fclose(stdout) ? 6 : 0;
}
