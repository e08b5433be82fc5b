/* Which entries of the table each overlay replaces: one that left an entry to the reference would pass every
 * comparison with it. */
#include "tests/kernels/overlay.h"

#define ENTRY(part, entry)                                                                                   \
    {                                                                                                        \
#entry, offsetof(struct kern, entry), sizeof((struct kern *)0)->entry, part                          \
    }

/* All of the table. 0: no overlay replaces it. */
static const struct {
    const char *name;
    size_t at, bytes;
    unsigned part;
} ENTRIES[] = {
    ENTRY(PART_REST, pack[KERN_F32]),
    ENTRY(PART_BF16, pack[KERN_BF16]),
    ENTRY(PART_I8, pack[KERN_I8]),
    ENTRY(PART_REST, layout[KERN_F32]),
    ENTRY(PART_BF16, layout[KERN_BF16]),
    ENTRY(PART_I8, layout[KERN_I8]),
    ENTRY(PART_F32, linear[KERN_F32]),
    ENTRY(PART_BF16, linear[KERN_BF16]),
    ENTRY(PART_I8, linear[KERN_I8]),
    ENTRY(PART_F32, linear_dx[KERN_F32]),
    ENTRY(PART_BF16, linear_dx[KERN_BF16]),
    ENTRY(0, linear_dx[KERN_I8]),
    ENTRY(PART_F32, linear_dw[KERN_F32]),
    ENTRY(PART_BF16, linear_dw[KERN_BF16]),
    ENTRY(0, linear_dw[KERN_I8]),
    ENTRY(PART_REST, attend[KERN_F32]),
    ENTRY(PART_BF16, attend[KERN_BF16]),
    ENTRY(PART_REST, attend[KERN_I8]),
    ENTRY(PART_REST, attend_back),
    ENTRY(PART_REST, norm),
    ENTRY(PART_REST, norm_back),
    ENTRY(PART_REST, act),
    ENTRY(PART_REST, act_back),
    ENTRY(PART_REST, glu),
    ENTRY(PART_REST, glu_back),
    ENTRY(PART_REST, add),
    ENTRY(PART_REST, add_back),
    ENTRY(PART_REST, row_scale),
    ENTRY(PART_REST, im2col),
    ENTRY(PART_REST, col2im),
    ENTRY(PART_REST, max_pool),
    ENTRY(PART_REST, max_pool_back),
    ENTRY(PART_REST, adamw),
    ENTRY(PART_REST, sum_squares),
};
_Static_assert((VIT_COUNT(ENTRIES) - KERN_DTYPES) * sizeof(void (*)(void)) +
                       sizeof((struct kern *)0)->layout ==
                   sizeof(struct kern) - offsetof(struct kern, pack),
               "every function of the table, and every layout");

static void every_overlay_replaces_what_it_is_for(void **state)
{
    struct vit_error err;
    struct kern ref, k;
    char spec[64];

    (void)state;
    assert_ok(kern_select(&ref, "ref", &err), &err);
    for (int i = 1; kern_overlay(i); i++) {
        const char *name = kern_overlay(i)->name;

        if (!parts_of(name)) fail_msg("overlay.h does not say what \"%s\" is for", name);
        if (!kern_overlay(i)->available) continue;
        snprintf(spec, sizeof spec, "ref+%s", name);
        assert_ok(kern_select(&k, spec, &err), &err);
        for (size_t j = 0; j < VIT_COUNT(ENTRIES); j++) {
            const size_t at = ENTRIES[j].at;
            const bool own = memcmp((const char *)&k + at, (const char *)&ref + at, ENTRIES[j].bytes) != 0;

            if (own != ((ENTRIES[j].part & parts_of(name)) != 0))
                fail_msg("%s: %s is %s", name, ENTRIES[j].name, own ? "replaced" : "the reference's");
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(every_overlay_replaces_what_it_is_for) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
