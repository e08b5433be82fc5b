/* archive.h - a zip archive around the bytes of its members, checksums right, so that what is read from the
 * members is fuzzed and not the checksums. */
#ifndef TESTS_FUZZ_ARCHIVE_H
#define TESTS_FUZZ_ARCHIVE_H

#include <stddef.h>
#include <stdint.h>

struct archive_member {
    const char *name;
    const uint8_t *bytes;
    size_t size;
};

/* A stored (not compressed) archive; the caller frees. NULL: no memory. */
uint8_t *archive_make(const struct archive_member *members, int count, size_t *size);

#endif
