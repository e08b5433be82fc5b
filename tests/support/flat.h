/* flat.h - an all-black PNG, a thousandth of its pixels in bytes: what a decompression bomb is made of. */
#ifndef TESTS_SUPPORT_FLAT_H
#define TESTS_SUPPORT_FLAT_H

#include <stddef.h>

/* One bit a pixel, grey, valid to the last checksum. The caller frees. */
unsigned char *flat_png(int width, int height, size_t *size);

#endif
