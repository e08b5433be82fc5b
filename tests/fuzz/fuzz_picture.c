/* Any bytes as a picture: JPEG, BMP, PNM, and what is recognised to be refused. */
#include "tests/fuzz/picture.h"

#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_picture(data, size);
    return 0;
}
