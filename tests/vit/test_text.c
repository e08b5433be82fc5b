#include "vit/text.h"

#include "tests/support/test.h"

static const char *const PETS[] = { "cat", "dog", "guinea pig" };

static void a_name_has_its_place_or_none(void **state)
{
    (void)state;
    assert_int_equal(vit_index_of(PETS, 3, "cat"), 0);
    assert_int_equal(vit_index_of(PETS, 3, "guinea pig"), 2);
    assert_int_equal(vit_index_of(PETS, 2, "guinea pig"), -1);
    assert_int_equal(vit_index_of(PETS, 3, "guinea"), -1);
    assert_int_equal(vit_index_of(PETS, 3, ""), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_has_its_place_or_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
