/* flat.h - an all-black PNG, a thousandth of its pixels in bytes: what a decompression bomb is made of. */
#ifndef TESTS_SUPPORT_FLAT_H
#define TESTS_SUPPORT_FLAT_H

#include <stddef.h>

/* One bit a pixel, grey, valid to the last checksum. The caller frees. */
unsigned char *flat_png(int width, int height, size_t *size);
/* 800 x 656 pixels of 8 bytes by its header, and more than 256 times as many when unpacked: a reader whose
 * room doubles from one towards the other goes beyond 2 GiB. */
unsigned char *flat_endless_png(size_t *size);

#endif
