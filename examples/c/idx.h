// Reading of IDX files, in which the digits are stored.

#include <stdint.h>
#include <stdio.h>

// Open an IDX file of bytes, check the header, and leave it at the first item. `item` holds the
// dimensions of one item; the number of items goes to `items`. NULL, after a message, on an error.
FILE *open_idx(const char *path, int rank, const uint32_t *item, uint32_t *items);
