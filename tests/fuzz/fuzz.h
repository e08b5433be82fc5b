/* fuzz.h - what the fuzz targets share: bytes as a file that is in memory only, bytes cut into parts.
 *
 * A target returns 0 whatever the reader says of the bytes; the sanitizers, the time and the memory are the
 * judges. make fuzz builds and runs them all. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* libFuzzer's entries. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* The input has found what must not be: say so and end. */
_Noreturn void fuzz_stop(const char *what);

/* A path under which the bytes can be opened, until the next call. */
const char *fuzz_file(const uint8_t *data, size_t size);

/* A folder of this process under TMPDIR, which whoever runs it removes. */
const char *fuzz_folder(void);
/* Write or replace folder/name. */
void fuzz_write(const char *folder, const char *name, const void *data, size_t size);

/* Of zip and PNG. */
uint32_t fuzz_crc32(const uint8_t *p, size_t n);

#endif
