/* Pictures cut into patches, and with their channels last. */
#include "kernels/kern.h"
#include "tests/support/test.h"

static void patches_are_in_channel_row_column_order(void **state)
{
    const struct kern_ctx c = { .threads = 2 };
    float planes[2 * 2 * 25], rows[2 * 4 * 8];

    (void)state;
    for (int i = 0; i < 100; i++) planes[i] = (float)i;
    kern_patchify(&c, rows, planes, 2, 2, 5, 2);
    for (int i = 0; i < 64; i++) {
        const int image = i / 32, patch = i / 8 % 4, channel = i / 4 % 2, y = i / 2 % 2, x = i % 2;
        const int row = patch / 2 * 2 + y,
                  column = patch % 2 * 2 + x; /* the fifth row and column are left out */
        assert_true(rows[i] == (float)((image * 2 + channel) * 25 + row * 5 + column));
    }
}

static void nhwc_puts_channels_last(void **state)
{
    const struct kern_ctx c = { .threads = 2 };
    float planes[2 * 3 * 4], out[24];

    (void)state;
    for (int i = 0; i < 24; i++) planes[i] = (float)i;
    kern_nhwc(&c, out, planes, 2, 3, 2, 2);
    for (int i = 0; i < 24; i++) assert_true(out[i] == (float)(i / 12 * 12 + i % 3 * 4 + i / 3 % 4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patches_are_in_channel_row_column_order),
        cmocka_unit_test(nhwc_puts_channels_last),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
