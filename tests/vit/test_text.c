#include "vit/text.h"

#include "tests/support/test.h"

static const char *const PETS[] = { "cat", "dog", "guinea pig" };

static void a_list_says_how_many_find_no_room(void **state)
{
    char text[64];

    (void)state;
    assert_string_equal(vit_list(text, sizeof text, PETS, 3), "cat, dog, guinea pig");
    assert_string_equal(vit_list(text, 5 + 5 + 32, PETS, 3), "cat, dog, ... (1 more)");
    assert_string_equal(vit_list(text, 5 + 32, PETS, 3), "cat, ... (2 more)");
    assert_string_equal(vit_list(text, 32, PETS, 3), "... (3 more)");
    assert_string_equal(vit_list(text, sizeof text, PETS, 0), "");
}

static void a_word_is_added_as_far_as_there_is_room(void **state)
{
    char text[] = "\0.........!";
    const size_t size = sizeof text - 2;

    (void)state;
    vit_list_add(text, size, "|", "cat");
    assert_string_equal(text, "cat");
    vit_list_add(text, size, "|", "dog");
    assert_string_equal(text, "cat|dog");
    vit_list_add(text, size, "|", "guinea pig");
    assert_string_equal(text, "cat|dog|g");
    vit_list_add(text, size, "|", "cow");
    assert_string_equal(text, "cat|dog|g");
    assert_int_equal(text[size], '!');
}

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
        cmocka_unit_test(a_list_says_how_many_find_no_room),
        cmocka_unit_test(a_word_is_added_as_far_as_there_is_room),
        cmocka_unit_test(a_name_has_its_place_or_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
