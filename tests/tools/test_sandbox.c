/* --sandbox: the same answers with it and without, and a picture that crashes or holds libjpeg costs itself.
 * faults.so, loaded before libjpeg, makes it do so. */
#include <unistd.h>

#include "patch/patch.h"
#include "tests/tools/cli.h"

#define PICTURE "tests/data/preprocess/fmt-420.jpg"
#define OTHER   "tests/data/preprocess/fmt-rgb.bmp"

static const char *dir;

/* Whether this system can confine a process; else only the refusal is tested. */
static bool confines(char *why, size_t size)
{
    struct patch_sandbox *s;
    struct vit_error err = { 0 };
    const bool can = !patch_sandbox_create(&s, &(struct patch_sandbox_options){ 0 }, &err);

    patch_sandbox_close(s);
    snprintf(why, size, "%s", err.text);
    return can;
}

/* PICTURE with words after its end, in dir/name. */
static void write_marked(const char *name, const char *words, char *path, size_t path_size)
{
    size_t size;
    unsigned char *bytes = tmp_read(PICTURE, &size);
    char *marked = malloc(size + strlen(words));

    memcpy(marked, bytes, size);
    memcpy(marked + size, words, strlen(words));
    tmp_write(dir, name, marked, size + strlen(words), path, path_size);
    free(marked);
    free(bytes);
}

static void answers_are_the_same_with_and_without(void **state)
{
    struct run off = VIT("classify", "--sandbox", "off", "samples", PICTURE, OTHER, "README.md");
    struct run on = VIT("classify", "samples", PICTURE, OTHER, "README.md");

    (void)state;
    assert_int_equal(on.code, 1); /* README.md */
    assert_int_equal(off.code, 1);
    assert_string_equal(on.out, off.out);
    assert_string_equal(on.err, off.err);
    run_free(&on);
    run_free(&off);
}

static void a_system_that_cannot_is_refused_by_on_alone(void **state)
{
    char why[1024], png[300];
    const bool can = confines(why, sizeof why);

    (void)state;
    snprintf(png, sizeof png, "%s/x.png", dir);
    EXPECT(can ? 0 : 3, can ? "fmt-420" : NULL, can ? NULL : "--sandbox on: ", "classify", "--sandbox", "on",
           PICTURE);
    EXPECT(can ? 0 : 3, NULL, can ? NULL : "--sandbox on: ", "preprocess", "--sandbox", "on", PICTURE, "-o",
           png);
    EXPECT(0, "", NULL, "classify", PICTURE);
    EXPECT(2, NULL, "auto, on or off", "classify", "--sandbox", "maybe", PICTURE);
}

/* No addresses for what is shared with a decoder, 1 GB by default: with on an error, with auto a warning. */
static void without_room_for_it_auto_goes_on_with_a_warning(void **state)
{
    struct run r;
    const char *shell[] = { "/bin/sh",    "-c",       "ulimit -v 1000000; exec \"$0\" \"$@\"",
                            run_binary(), "classify", "-t1",
                            PICTURE,      NULL,       NULL,
                            NULL };
    char why[1024];

    (void)state;
    if (!confines(why, sizeof why)) skip();
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
    skip(); /* they take more addresses than that */
#endif
    assert_true(run_program(&r, shell, NULL));
    expect(&r, 0, "fmt-420", "warning: pictures are decoded without a sandbox: ");
    shell[7] = "--sandbox";
    shell[8] = "on";
    assert_true(run_program(&r, shell, NULL));
    expect(&r, 3, NULL, "--sandbox on: ");
}

static void a_crash_costs_one_picture(void **state)
{
    char shim[300], path[300], why[1024];
    const char *build = getenv("VIT_B");

    (void)state;
    if (!VIT_JPEG || !confines(why, sizeof why)) skip();
    write_marked("crash.jpg", "crash the decoder", path, sizeof path);
    snprintf(shim, sizeof shim, "%s/tests/tools/faults.so", build && *build ? build : "build/release");
    setenv("ASAN_OPTIONS", "verify_asan_link_order=0", 1); /* the sanitizer wants to be the first library */
    setenv("LD_PRELOAD", shim, 1);
    EXPECT(1, "fmt-rgb.bmp",
           "crash.jpg: its decoder crashed: Segmentation fault\nvit: 1 of 3 pictures failed", "classify",
           PICTURE, path, OTHER);
    EXPECT(1, "\"code\":\"format\",\"message\"", "1 of 1 pictures failed", "classify", "--json", path);
    EXPECT(1, NULL, "its decoder crashed", "preprocess", path, "-o", "none.png");
    unsetenv("LD_PRELOAD");
    unsetenv("ASAN_OPTIONS");
}

static int setup(void **state)
{
    dir = tmp_fixture(state, TMP_PATH);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_the_same_with_and_without),
        cmocka_unit_test(a_system_that_cannot_is_refused_by_on_alone),
        cmocka_unit_test(without_room_for_it_auto_goes_on_with_a_warning),
        cmocka_unit_test(a_crash_costs_one_picture),
    };
    return cmocka_run_group_tests(tests, setup, tmp_teardown);
}
