#include "patch/augment_ops.h"

#include "tests/support/test.h"
#include "tests/support/tmp.h"
#include "vit/text.h"

enum { SIZE = 32, BYTES = SIZE * SIZE * 3 };

/* ---- tests/data/augment/ops.bin, as make.py beside it describes ---- */

struct reader {
    const unsigned char *at, *end;
};

static const unsigned char *bytes_of(struct reader *r, size_t count)
{
    const unsigned char *at = r->at;

    if (count > (size_t)(r->end - r->at)) fail_msg("tests/data/augment/ops.bin is too short");
    r->at += count;
    return at;
}

static uint32_t number(struct reader *r)
{
    const unsigned char *b = bytes_of(r, 4);

    return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static double value(struct reader *r)
{
    const uint64_t low = number(r), bits = low | (uint64_t)number(r) << 32;
    double v;

    memcpy(&v, &bits, sizeof v);
    return v;
}

/* As the cases have them. */
static const char *const NAMES[] = {
    [PATCH_OP_IDENTITY] = "identity",
    [PATCH_OP_SHEAR_X] = "shear-x",
    [PATCH_OP_SHEAR_Y] = "shear-y",
    [PATCH_OP_TRANSLATE_X] = "translate-x",
    [PATCH_OP_TRANSLATE_Y] = "translate-y",
    [PATCH_OP_ROTATE] = "rotate",
    [PATCH_OP_AUTO_CONTRAST] = "auto-contrast",
    [PATCH_OP_INVERT] = "invert",
    [PATCH_OP_EQUALIZE] = "equalize",
    [PATCH_OP_SOLARIZE] = "solarize",
    [PATCH_OP_SOLARIZE_ADD] = "solarize-add",
    [PATCH_OP_POSTERIZE] = "posterize",
    [PATCH_OP_CONTRAST] = "contrast",
    [PATCH_OP_COLOR] = "color",
    [PATCH_OP_BRIGHTNESS] = "brightness",
    [PATCH_OP_SHARPNESS] = "sharpness",
};
_Static_assert(VIT_COUNT(NAMES) == PATCH_OPS, "an operation has no name");

struct picture {
    int size;
    const unsigned char *rgb;
};

static void check_case(struct reader *r, const struct picture *pictures, uint32_t count, bool seen[PATCH_OPS])
{
    const uint32_t which = number(r);
    unsigned char got[BYTES], scratch[BYTES];
    char name[17] = { 0 };

    memcpy(name, bytes_of(r, 16), 16);
    assert_in_range(which, 0, count - 1);
    const int op = vit_index_of(NAMES, PATCH_OPS, name);
    assert_in_range(op, 0, PATCH_OPS - 1);
    const double v = value(r);
    const struct picture *p = &pictures[which];
    const size_t bytes = (size_t)p->size * p->size * 3;
    const unsigned char *want = bytes_of(r, bytes);

    memcpy(got, p->rgb, bytes);
    patch_op_apply(got, scratch, p->size, (enum patch_op)op, v);
    for (size_t i = 0; i < bytes; i++)
        if (got[i] != want[i])
            fail_msg("%s(%g) of picture %u: byte %zu is %d, expected %d", name, v, which, i, got[i], want[i]);
    seen[op] = true;
}

static void operations_equal_pillow_to_the_byte(void **state)
{
    size_t size;
    unsigned char *file = tmp_read("tests/data/augment/ops.bin", &size);
    struct reader r = { file, file + size };
    struct picture pictures[8];
    bool seen[PATCH_OPS] = { false };

    (void)state;
    assert_memory_equal(bytes_of(&r, 8), "PILOPS1\n", 8);
    const uint32_t count = number(&r);
    assert_in_range(count, 1, VIT_COUNT(pictures));
    for (uint32_t i = 0; i < count; i++) {
        pictures[i].size = (int)number(&r);
        assert_in_range(pictures[i].size, 1, SIZE);
        pictures[i].rgb = bytes_of(&r, (size_t)pictures[i].size * pictures[i].size * 3);
    }
    for (uint32_t cases = number(&r); cases; cases--) check_case(&r, pictures, count, seen);
    assert_ptr_equal(r.at, r.end);
    for (int op = 0; op < PATCH_OPS; op++)
        if (!seen[op]) fail_msg("%s has no case", NAMES[op]);
    free(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operations_equal_pillow_to_the_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
