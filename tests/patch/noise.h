/* noise.h - data sets made on the spot: CIFAR-10 binary files of coloured noise. */
#ifndef TESTS_PATCH_NOISE_H
#define TESTS_PATCH_NOISE_H

#include "tests/support/test.h"
#include "tests/support/tmp.h"
#include "vit/random.h"

enum { NOISE_RECORD = 3073, NOISE_PLANE = 1024 };

/* Picture i of class i % classes: the colour of its class and noise of +-spread levels; its number stands in
 * the first pixel (red and green) and in the last one, so that it is known again, mirrored too. */
static inline void noise_record(unsigned char *record, int i, int classes, int spread, uint64_t seed)
{
    const uint64_t key = vit_key(seed, (uint64_t)i);
    const int label = i % classes;
    static const int CORNERS[] = { 0, 31, 31 * 32, NOISE_PLANE - 1 };

    record[0] = (unsigned char)label;
    for (int p = 0; p < 3 * NOISE_PLANE; p++) {
        const int base = 60 + 130 * (label >> (p / NOISE_PLANE) & 1);
        record[1 + p] = (unsigned char)(base - spread +
                                        (int)vit_random_below(key, (uint64_t)p, 2 * (uint64_t)spread + 1));
    }
    for (int c = 0; c < 4; c++) {
        record[1 + CORNERS[c]] = (unsigned char)(i & 255);
        record[1 + NOISE_PLANE + CORNERS[c]] = (unsigned char)(i >> 8);
    }
    record[1] ^= 1; /* the first corner differs from the others: a mirrored picture is seen */
}

/* Training files for count pictures (a multiple of 5) in dir; cut: bytes left of the last record (0: all). */
static inline void noise_write(const char *dir, int count, int classes, int spread, uint64_t seed, size_t cut)
{
    const int each = count / 5;
    unsigned char *bytes = malloc((size_t)each * NOISE_RECORD);

    assert_non_null(bytes);
    for (int file = 0; file < 5; file++) {
        const size_t size = (size_t)each * NOISE_RECORD - (cut && file == 4 ? NOISE_RECORD - cut : 0);
        char name[32];
        for (int i = 0; i < each; i++)
            noise_record(bytes + (size_t)i * NOISE_RECORD, file * each + i, classes, spread, seed);
        snprintf(name, sizeof name, "data_batch_%d.bin", file + 1);
        tmp_write(dir, name, bytes, size, NULL, 0);
    }
    free(bytes);
}

#endif
