#include "idx.h"

#include <stdbool.h>

static uint32_t big_endian(const unsigned char *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

FILE *open_idx(const char *path, int rank, const uint32_t *item, uint32_t *items) {
    unsigned char header[16];
    const size_t size = 4 + 4 * (size_t)rank;
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        return NULL;
    }
    bool valid = fread(header, 1, size, file) == size && big_endian(header) == 0x0800u + (unsigned)rank;
    for (int axis = 1; valid && axis < rank; axis++)
        valid = big_endian(header + 4 + 4 * axis) == item[axis - 1];
    if (!valid) {
        fprintf(stderr, "%s: not an IDX file of the expected shape\n", path);
        fclose(file);
        return NULL;
    }
    *items = big_endian(header + 4);
    return file;
}
