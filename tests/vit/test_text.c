#include "vit/text.h"

#include <math.h>
#include <stdlib.h>

#include "tests/support/test.h"
#include "vit/random.h"

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

static void a_text_ends_with_what_is_no_longer_than_it(void **state)
{
    (void)state;
    assert_true(vit_ends_with("a.npy", ".npy"));
    assert_true(vit_ends_with(".npy", ".npy"));
    assert_true(vit_ends_with("a", ""));
    assert_false(vit_ends_with("npy", ".npy"));
    assert_false(vit_ends_with("a.npy.gz", ".npy"));
}

static bool reads_back(float x, int digits)
{
    char text[320]; /* of any float with any digits, which the compiler thinks of */

    snprintf(text, sizeof text, "%.*g", digits, (double)x);
    return strtof(text, NULL) == x;
}

static void the_digits_of_a_float_are_the_fewest_that_read_back(void **state)
{
    const uint64_t key = vit_key(1, 0);

    (void)state;
    assert_int_equal(vit_float_digits(0.1f, 1), 1);
    assert_int_equal(vit_float_digits(0.4822f, 1), 4);
    assert_int_equal(vit_float_digits(0.1f, 6), 6);
    assert_int_equal(vit_float_digits(16777216, 1), 8);
    assert_int_equal(vit_float_digits(NAN, 1), 9);
    for (uint64_t i = 0; i < 1000; i++) {
        const float x = vit_random_uniform(key, i);
        const int digits = vit_float_digits(x, 1);

        if (!reads_back(x, digits) || (digits > 1 && reads_back(x, digits - 1)))
            fail_msg("%.9g: %d digits", (double)x, digits);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_says_how_many_find_no_room),
        cmocka_unit_test(a_word_is_added_as_far_as_there_is_room),
        cmocka_unit_test(a_name_has_its_place_or_none),
        cmocka_unit_test(a_text_ends_with_what_is_no_longer_than_it),
        cmocka_unit_test(the_digits_of_a_float_are_the_fewest_that_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
