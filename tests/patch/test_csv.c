#include "tests/patch/fixtures.h"

static enum vit_status open_text(struct patch_dataset **d, const char *dir, const char *text, size_t size,
                                 struct vit_error *err)
{
    char path[512];

    tmp_write(dir, "set.csv", text, size, path, sizeof path);
    return patch_dataset_open(d, path, PATCH_ALL, err);
}

/* The lines as "label=name;", names without the folder of the CSV. */
static void assert_lines(const char *dir, const char *text, const char *expected)
{
    struct vit_error err = { 0 };
    struct patch_dataset *d;
    char all[1024] = "", name[512];

    assert_ok(open_text(&d, dir, text, strlen(text), &err), &err);
    for (size_t i = 0; i < patch_dataset_count(d); i++) {
        const char *path = patch_dataset_name(d, i, name, sizeof name);
        if (!strncmp(path, dir, strlen(dir))) path += strlen(dir) + 1;
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s=%s;",
                 patch_dataset_class(d, patch_dataset_label(d, i)), path);
    }
    assert_string_equal(all, expected);
    patch_dataset_close(d);
}

static void files_are_relative_to_the_csv(void **state)
{
    assert_lines(*state, "a.png,cat\nsub/b.png,dog\n/abs/c.png,cat",
                 "cat=a.png;dog=sub/b.png;cat=/abs/c.png;");
}

static void quotes_line_ends_blank_lines_and_marks_are_understood(void **state)
{
    assert_lines(*state, "\xef\xbb\xbf\"a, \"\"b\"\".png\",\"two\nlines\"\r\n\r\nc.png,dog\r\n",
                 "two\nlines=a, \"b\".png;dog=c.png;");
    assert_lines(*state, "a.png,\"dog\"\n\"b.png\",\"cat\"", "dog=a.png;cat=b.png;"); /* to the last byte */
    assert_lines(*state, " \n\t\r\na.png,cat\n \t\nb.png,dog\n ", "cat=a.png;dog=b.png;");
}

static void a_header_is_recognised(void **state)
{
    assert_lines(*state, "File,Label\na.png,cat\n", "cat=a.png;");
    assert_lines(*state, "image_path,class\na.png,cat\n", "cat=a.png;");
    assert_lines(*state, "id,label\na.png,cat\n", "cat=a.png;");
    assert_lines(*state, "\r\n\nfile,label\nimg,target\na.png,cat\n", "target=img;cat=a.png;");
    assert_lines(*state, "a.png,label\nfile,label\n", "label=a.png;label=file;");
}

/* APTOS, Diabetic Retinopathy and others have names of their own. */
static void a_header_of_any_names_is_known_by_what_follows(void **state)
{
    struct vit_error err = { 0 };
    struct patch_dataset *d;
    static const char text[] = "id_code,diagnosis\n1.png,2\n";

    assert_lines(*state, text, "2=1.png;");
    assert_lines(*state, "filepaths,labels\nx/a.jpg,cat\nb,dog\n", "cat=x/a.jpg;dog=b;");
    assert_ok(open_text(&d, *state, text, sizeof text - 1, &err), &err);
    assert_string_equal(patch_dataset_kind(d), "CSV, whose first line is taken for a header");
    patch_dataset_close(d);
    tmp_write(*state, "there", "", 0, NULL, 0);
    assert_lines(*state, "id,breed\nthere,cat\n", "cat=there;");
    assert_lines(*state, "there,breed\na.png,cat\n", "breed=there;cat=a.png;");
    assert_lines(*state, "a.gif,breed\na.png,cat\n", "breed=a.gif;cat=a.png;");
    assert_lines(*state, "id,breed\nnone,cat\n", "breed=id;cat=none;");
    assert_lines(*state, "file,label\nid,breed\na.png,cat\n", "breed=id;cat=a.png;");
}

/* Its extension is missing, too: no line may vanish because its picture has. */
static void a_first_picture_that_is_missing_is_no_header(void **state)
{
    tmp_write(*state, "img_0002", "", 0, NULL, 0);
    tmp_write(*state, "img_0003", "", 0, NULL, 0);
    assert_lines(*state, "img_0001,cat\nimg_0002,cat\nimg_0003,dog\n",
                 "cat=img_0001;cat=img_0002;dog=img_0003;");
    assert_lines(*state, "img_0001,dog\nimg_0002,cat\nimg_0003,dog\n",
                 "dog=img_0001;cat=img_0002;dog=img_0003;");
    assert_lines(*state, "img_0001,Cat\nimg_0002,cat\n", "cat=img_0002;");
}

static void classes_are_the_sorted_labels(void **state)
{
    struct vit_error err = { 0 };
    struct patch_dataset *d;
    static const char text[] = "1,b\n2,a\n3,b\n4,a\n5,c\n";

    assert_ok(open_text(&d, *state, text, sizeof text - 1, &err), &err);
    assert_string_equal(patch_dataset_kind(d), "CSV");
    assert_int_equal(patch_dataset_classes(d), 3);
    assert_string_equal(patch_dataset_class(d, 0), "a");
    assert_int_equal(patch_dataset_label(d, 2), 1);
    patch_dataset_close(d);
}

static void what_is_wrong_is_named_with_its_line(void **state)
{
    static const struct {
        const char *text, *part;
    } CASES[] = {
        { "a.png,cat\nb.png\n", "line 2: expected two fields, file,label, found one" },
        { "a.png,cat\nb.png,1,2\n", "line 2: expected two fields, file,label, found more" },
        { "a.png,\"cat\n", "line 1: a quoted field" },
        { "\"a\"b,cat\n", "line 1: a quoted field" },
        { "a.png,\n", "label is empty" },
        { ",cat\n", "the name of its file is empty" },
        { "file,label\n", "no pictures" },
    };
    struct patch_dataset *d;
    struct vit_error err;

    for (size_t i = 0; i < VIT_COUNT(CASES); i++) {
        assert_refused(open_text(&d, *state, CASES[i].text, strlen(CASES[i].text), &err), VIT_ERR_FORMAT,
                       CASES[i].part, &err);
        assert_null(d);
    }
    assert_refused(open_text(&d, *state, "a\0,b\n", 5, &err), VIT_ERR_FORMAT, "zero byte", &err);
    assert_refused(open_text(&d, *state, "", 0, &err), VIT_ERR_FORMAT, "empty", &err);
}

/* By looking, not by its name alone. */
static void a_text_of_two_fields_is_one_whatever_its_name(void **state)
{
    static const struct {
        const char *text;
        bool is;
    } ROWS[] = {
        { "file,label\na.png,cat\n", true },
        { "\xef\xbb\xbf\n\r\na.png,\"cat, old\"", true },
        { "a.png\nb.png,cat\n", false },
        { "a.png,1,2\n", false },
        { "a.png,\n", false },
        { ",cat\n", false },
        { "\"a.png,cat\n", false },
        { "\n\n", false },
        { "", false },
    };
    static const char ZERO[] = "a.png,cat\n\0";
    struct patch_dataset *d;
    struct vit_error err;
    char path[512];

    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        tmp_write(*state, "list.txt", ROWS[i].text, strlen(ROWS[i].text), path, sizeof path);
        if (ROWS[i].is)
            assert_ok(patch_dataset_open(&d, path, PATCH_ALL, &err), &err);
        else
            assert_refused(patch_dataset_open(&d, path, PATCH_ALL, &err), VIT_ERR_FORMAT, "not a data set",
                           &err);
        if (ROWS[i].is) assert_int_equal(patch_dataset_count(d), 1);
        patch_dataset_close(d);
    }
    tmp_write(*state, "list.txt", ZERO, sizeof ZERO - 1, path, sizeof path);
    assert_refused(patch_dataset_open(&d, path, PATCH_ALL, &err), VIT_ERR_FORMAT, "not a data set", &err);
}

static void a_cut_csv_never_crashes(void **state)
{
    static const char text[] = "file,label\r\n\"a \"\"quoted\"\" name.png\",\"c,d\"\r\nb.png,dog\n";

    for (size_t n = 0; n < sizeof text; n++) {
        struct patch_dataset *d;
        (void)open_text(&d, *state, text, n, NULL);
        patch_dataset_close(d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(files_are_relative_to_the_csv, tmp_setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(quotes_line_ends_blank_lines_and_marks_are_understood, tmp_setup,
                                        tmp_teardown),
        cmocka_unit_test_setup_teardown(a_header_is_recognised, tmp_setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(a_header_of_any_names_is_known_by_what_follows, tmp_setup,
                                        tmp_teardown),
        cmocka_unit_test_setup_teardown(a_first_picture_that_is_missing_is_no_header, tmp_setup,
                                        tmp_teardown),
        cmocka_unit_test_setup_teardown(classes_are_the_sorted_labels, tmp_setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(what_is_wrong_is_named_with_its_line, tmp_setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(a_text_of_two_fields_is_one_whatever_its_name, tmp_setup,
                                        tmp_teardown),
        cmocka_unit_test_setup_teardown(a_cut_csv_never_crashes, tmp_setup, tmp_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
