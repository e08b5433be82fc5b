/* The program as a user meets it: exit codes, what goes to stdout and what to stderr, JSON that parses. */
#include <sys/socket.h>
#include <unistd.h>

#include "patch/patch.h"
#include "tests/tools/cli.h"
#include "tests/vit/folder.h"
#include "tools/cmd.h"
#include "vit/train.h"
#include "weights/weights.h"

#define MODEL   "tests/data/golden/timm-cls"
#define PICTURE "tests/data/preprocess/fmt-420.jpg"
#define OTHER   "tests/data/preprocess/small-97x61.png"

enum { CLASSES = 10 };

/* ---- usage ---- */

static void no_verb_is_wrong_usage(void **state)
{
    struct run r = run_vit((const char *const[]){ NULL }, NULL);
    (void)state;

    expect(&r, 2, NULL, "usage: vit VERB");
}

static void mistakes_in_the_line_are_wrong_usage(void **state)
{
    (void)state;
    EXPECT(2, NULL, "did you mean vit classify?", "clasify");
    EXPECT(2, NULL, "did you mean vit classify?", "predict");
    EXPECT(2, NULL, "did you mean --weight-decay?", "train", "--wd", "0.1");
    EXPECT(2, NULL, "unknown verb", "xylophone");
    EXPECT(2, NULL, "before the options", "--json", "classify");
    EXPECT(2, NULL, "did you mean --topk?", "classify", "--top-k", "3", PICTURE);
    EXPECT(2, NULL, "found \"5x\"", "classify", "-k", "5x", PICTURE);
    EXPECT(2, NULL, "from 1 to", "classify", "-k0", PICTURE);
    EXPECT(2, NULL, "nothing to classify", "classify", "-m", MODEL);
    EXPECT(2, NULL, "is for inference", "logits", "-m", MODEL, "-i", MODEL "/expect.safetensors", "-o",
           "/no/where", "--grad", "--dtype", "int8");
    EXPECT(2, NULL, "f32, bf16 or int8", "classify", "-m", MODEL, "--dtype", "f64", PICTURE);
    EXPECT(2, NULL, "--norm", "classify", "-m", MODEL, "--norm", "sideways", PICTURE);
    EXPECT(2, NULL, "--kernels", "classify", "-m", MODEL, "--kernels", "ref+magic", PICTURE);
    EXPECT(2, NULL, "--data", "eval", "-m", MODEL);
    EXPECT(2, NULL, "no operands", "eval", "-m", MODEL, "--data", "x", "y");
    EXPECT(2, NULL, "--output", "logits", "-m", MODEL, "-i", "x");
    EXPECT(2, NULL, ".png or .safetensors", "preprocess", PICTURE, "-o", "x.gif");
    EXPECT(2, NULL, "one picture", "preprocess", "-o", "x.png");
    EXPECT(2, NULL, "--memory: expected a model", "info", "--memory");
    EXPECT(2, NULL, "--norm: expected a model", "info", "--norm", "post");
    EXPECT(2, NULL, "--batch: expected a model", "info", "-b1");
    EXPECT(2, NULL, "--dtype: expected a model", "info", "--dtype", "int8");
    EXPECT(2, NULL, "--batch: expected --memory", "info", "-m", MODEL, "-b1");
    EXPECT(2, NULL, "--training: expected --memory", "info", "-m", MODEL, "--training");
    EXPECT(2, NULL, "--limit: expected --data", "convert", MODEL, "x.safetensors", "--limit", "7");
    EXPECT(2, NULL, "did you mean vit --version?", "--versoin");
    EXPECT(2, NULL, "did you mean vit classify?", "help", "clasify");
    EXPECT(2, NULL, "one verb or one of", "help", "classify", "eval");
    EXPECT(2, NULL, "one verb or one of", "help", "--man", "--bash");
    EXPECT(2, NULL, "one verb or one of", "help", "--man", "classify");
    EXPECT(2, NULL, "--kernels", "preprocess", PICTURE, "-o", "x.png", "--size", "24", "--crop-mode",
           "squash", "--interpolation", "bicubic", "--kernels", "ref+magic");
    EXPECT(2, NULL, "--norm: expected a norm placement, one of pre, post,", "classify", "-m", MODEL, "--norm",
           "mix", PICTURE);
}

/* Whatever is found wrong and however late, the line that says how it is meant comes last, and once. */
static void wrong_usage_ends_with_the_usage(void **state)
{
    (void)state;
    EXPECT(2, NULL, "did you mean --topk?\nusage: vit classify [options] ", "classify", "--top", PICTURE);
    EXPECT(2, NULL, "found \"x\"\nusage: vit train [options] ", "train", "--out", "x", "--lr", "x");
    EXPECT(2, NULL, "found \"x\"\nusage: vit sweep [options] ", "sweep", "--out", "x", "--depth", "x");
    EXPECT(2, NULL, "found \"sideways\"\nusage: vit probe [options] ", "probe", "--norm", "sideways");
}

static char *kept(const char *variable)
{
    const char *value = getenv(variable);

    return value ? strdup(value) : NULL;
}

static void put_back(const char *variable, char *value)
{
    if (value)
        setenv(variable, value, 1);
    else
        unsetenv(variable);
    free(value);
}

/* What the environment asks for and cannot have: said once, with its name. */
static void the_environment_is_named(void **state)
{
    struct run r;
    const char *first;
    char *threads = kept("OMP_NUM_THREADS"), *kernels = kept("VIT_KERNELS");
    (void)state;

    setenv("OMP_NUM_THREADS", "4096", 1);
    r = VIT("classify", "-m", MODEL, PICTURE);
    first = strstr(r.err, "OMP_NUM_THREADS: expected a whole number from 1 to 1024");
    assert_non_null(first);
    assert_null(strstr(first + 1, "OMP_NUM_THREADS"));
    expect(&r, 0, "", "not used");
    EXPECT(0, "", NULL, "classify", "-t1", PICTURE);
    setenv("OMP_NUM_THREADS", "000000000000001x", 1); /* a number, were it cut */
    EXPECT(0, "", "not used", "classify", "-m", MODEL, PICTURE);
    put_back("OMP_NUM_THREADS", threads);
    setenv("VIT_KERNELS", "magic", 1);
    EXPECT(2, NULL, "vit: VIT_KERNELS: unknown kernels \"magic\"", "classify", "-m", MODEL, PICTURE);
    EXPECT(2, NULL, "vit: --kernels: unknown kernels \"tragic\"", "train", "--data", "x", "--out", "no/where",
           "--kernels", "tragic");
    put_back("VIT_KERNELS", kernels);
}

static void every_dtype_classifies(void **state)
{
    static const char *const TYPES[] = { "f32", "bf16", "int8" };
    (void)state;

    for (size_t i = 0; i < VIT_COUNT(TYPES); i++) {
        struct run r = VIT("classify", "-q", "-m", MODEL, "--dtype", TYPES[i], "--json", PICTURE);
        json_t *all = objects(r.out);
        const json_t *best = json_array_get(json_object_get(json_array_get(all, 0), "predictions"), 0);
        assert_true(number(best, "score") > 0);
        json_decref(all);
        expect(&r, 0, "predictions", NULL);
    }
}

static void help_and_version_go_to_stdout(void **state)
{
    (void)state;

    EXPECT(0, "usage: vit VERB", NULL, "--help");
    EXPECT(0, "usage: vit VERB", NULL, "help");
    EXPECT(0, "usage: vit VERB", NULL, "help", "-q");
    EXPECT(0, "kernels", NULL, "--version");
    EXPECT(0, "decoders", NULL, "classify", "--version");
    for (const struct args_verb *const *v = cmd_verbs; *v; v++) {
        EXPECT(0, (*v)->summary, NULL, "help");
        EXPECT(0, "usage: vit ", NULL, (*v)->name, "--help");
        EXPECT(0, "-h, --help                explain this verb\n", NULL, "help", (*v)->name);
        EXPECT(0, "decoders", NULL, (*v)->name, "--version");
    }
    EXPECT(0, "(default: this machine)", NULL, "info", "--help");
    EXPECT(0, "--dead-after N|N%|auto", NULL, "sweep", "--help");
    EXPECT(2, NULL, "unknown verb", "help", "xylophone");
    EXPECT(0, ".TH VIT 1", NULL, "help", "--man");
    EXPECT(0, "complete -o default", NULL, "help", "--bash");
    EXPECT(0, "#compdef vit", NULL, "help", "--zsh");
    EXPECT(0, "complete -c vit", NULL, "help", "--fish");
}

static void a_model_that_cannot_be_used_is_code_3(void **state)
{
    (void)state;
    EXPECT(3, NULL, "nowhere", "classify", "-m", "nowhere.safetensors", PICTURE);
    EXPECT(3, NULL, PICTURE, "classify", "-m", PICTURE, PICTURE);
    EXPECT(3, NULL, "nowhere", "eval", "-m", MODEL, "--data", "nowhere");
}

static void a_size_that_no_model_has_is_wrong_usage(void **state)
{
    (void)state;
    EXPECT(2, NULL, "at 3 pixels: stem: patch is 8, expected 1 to 3", "classify", "-m", MODEL, "--size", "3",
           PICTURE);
    EXPECT(2, NULL, "no such network in this build", "classify", "-m", "builtin:nothing", PICTURE);
}

/* ---- info ---- */

static void info_is_one_object(void **state)
{
    struct run r = VIT("info", "--json");
    json_t *all = objects(r.out), *o;
    (void)state;

    assert_int_equal(json_array_size(all), 1);
    o = json_array_get(all, 0);
    assert_true(number(o, "cores") >= 1);
    assert_int_equal(strncmp(text_of(json_object_get(o, "kernels"), "chosen"), "ref", 3), 0);
    assert_true(json_is_array(json_object_get(o, "presets")));
    json_decref(all);
    expect(&r, 0, "", NULL);
}

static int cores_of_info(void)
{
    json_t *all = objects_of(VIT("info", "--json"));
    const int cores = (int)number(json_array_get(all, 0), "cores");

    json_decref(all);
    return cores;
}

/* libgomp binds the first thread to one of the places before the program begins. */
static void threads_that_are_bound_leave_all_cores(void **state)
{
    static const char *const ROWS[][2] = { { "OMP_PROC_BIND", "true" },
                                           { "OMP_PROC_BIND", "spread" },
                                           { "OMP_PLACES", "cores" },
                                           { "OMP_PLACES", "threads" } };
    int cores;

    (void)state;
    if (getenv("OMP_PROC_BIND") || getenv("OMP_PLACES")) skip();
    cores = cores_of_info();
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        setenv(ROWS[i][0], ROWS[i][1], 1);
        assert_int_equal(cores_of_info(), cores);
        unsetenv(ROWS[i][0]);
    }
}

static void info_names_a_few_classes(void **state)
{
    (void)state;
    EXPECT(0, "airplane", NULL, "info", "-m", "builtin:pre");
}

static void info_adds_up_the_parameters(void **state)
{
    struct run r = VIT("info", "-m", MODEL, "--json", "--memory", "--batch", "3");
    json_t *all = objects(r.out), *o = json_array_get(all, 0), *tensor, *memory;
    double total = 0;
    size_t i, k;
    (void)state;

    json_array_foreach(json_object_get(o, "tensors"), i, tensor)
    {
        const json_t *shape = json_object_get(tensor, "shape");
        double count = 1;
        for (k = 0; k < json_array_size(shape); k++) count *= json_number_value(json_array_get(shape, k));
        total += count;
    }
    assert_true(total > 0 && total == number(o, "parameters"));
    /* 16 patches of 192; three times 17 tokens of 48 through 4 48 + 2 192 outputs, and attention's two. */
    assert_int_equal(json_integer_value(json_object_get(o, "macs")),
                     16 * 192 * 48 + 3 * (17 * 48 * (4 * 48 + 2 * 192) + 2 * 17 * 17 * 48) + 48 * CLASSES);
    memory = json_object_get(o, "memory");
    assert_true(number(memory, "batch") == 3);
    json_decref(all);
    expect(&r, 0, "", NULL);
}

/* A network published without a classifier is described as its file is, without the one that stands in. */
static void info_describes_a_network_without_a_classifier(void **state)
{
    const struct vit_config c = tiny_config(VIT_NORM_PRE);
    struct folder f;
    double whole, macs;
    json_t *all, *o, *tensor;
    size_t i;
    (void)state;

    folder_make(&f, &c);
    folder_weights(&f, "model.safetensors", NULL);
    all = objects_of(VIT("info", "-q", "-m", f.path, "--json"));
    whole = number(json_array_get(all, 0), "parameters");
    macs = number(json_array_get(all, 0), "macs");
    json_decref(all);

    folder_drop(&f, "head.weight");
    folder_drop(&f, "head.bias");
    folder_weights(&f, "model.safetensors", NULL);
    all = objects_of(VIT("info", "-q", "-m", f.path, "--json"));
    o = json_array_get(all, 0);
    assert_true(number(json_object_get(o, "config"), "classes") == 0);
    assert_true(number(o, "parameters") == whole - c.classes * (c.width + 1));
    assert_true(number(o, "macs") == macs - c.classes * c.width);
    json_array_foreach(json_object_get(o, "tensors"), i, tensor)
        assert_int_not_equal(strncmp(text_of(tensor, "name"), "head", 4), 0);
    json_decref(all);
    folder_remove(&f);
}

/* ---- classify ---- */

static void check_predictions(const json_t *o, size_t k)
{
    const json_t *list = json_object_get(o, "predictions"), *one;
    const json_t *times = json_object_get(o, "milliseconds");
    double before = 1, sum = 0;
    size_t i;

    assert_int_equal(json_array_size(list), k);
    json_array_foreach(list, i, one)
    {
        char label[32];
        snprintf(label, sizeof label, "class_%d", (int)number(one, "index"));
        assert_string_equal(text_of(one, "label"), label);
        assert_true(number(one, "score") <= before);
        before = number(one, "score");
        sum += before;
    }
    assert_true(sum > 0 && sum <= 1 + 1e-6);
    assert_true(number(times, "decode") >= 0 && number(times, "preprocess") >= 0 &&
                number(times, "forward") >= 0);
}

static void classify_prints_one_object_a_picture(void **state)
{
    struct run r = VIT("classify", "-m", MODEL, "--json", "-k", "3", PICTURE, OTHER);
    json_t *all = objects(r.out);
    (void)state;

    assert_int_equal(json_array_size(all), 2);
    assert_string_equal(text_of(json_array_get(all, 0), "file"), PICTURE);
    assert_string_equal(text_of(json_array_get(all, 1), "file"), OTHER);
    check_predictions(json_array_get(all, 0), 3);
    check_predictions(json_array_get(all, 1), 3);
    json_decref(all);
    assert_ptr_equal(strchr(r.err, '\n'), r.err + strlen(r.err) - 1);
    expect(&r, 0, "", "has no label names");
}

static void no_more_labels_than_classes_are_printed(void **state)
{
    struct run r = VIT("classify", "-m", MODEL, "--json", "-k", "1000", PICTURE);
    json_t *all = objects(r.out);
    (void)state;

    check_predictions(json_array_get(all, 0), CLASSES);
    json_decref(all);
    assert_ptr_equal(strchr(r.err, '\n'), r.err + strlen(r.err) - 1);
    expect(&r, 0, "", "has no label names");
}

/* The model with labels of its own, a JSON array of them. */
static void make_labelled(char *dir, size_t dir_size, const char *labels)
{
    json_t *config = json_load_file(MODEL "/config.json", 0, NULL);
    char *text;
    size_t size;
    unsigned char *weights = tmp_read(MODEL "/model.safetensors", &size);

    json_object_set_new(config, "label_names", json_loads(labels, 0, NULL));
    text = json_dumps(config, 0);
    tmp_create(dir, dir_size);
    tmp_write(dir, "config.json", text, strlen(text), NULL, 0);
    tmp_write(dir, "model.safetensors", weights, size, NULL, 0);
    free(weights);
    free(text);
    json_decref(config);
}

/* Of three lines: a long label between a short one and one with a letter of two bytes. */
static void text_is_aligned_and_stderr_silent(void **state)
{
    static const char LABELS[] = "[\"ox\", \"b\", \"hippopotamus\", \"\xc3\xa4rmel\", \"e\", \"f\", \"g\", "
                                 "\"h\", \"i\", \"j\"]";
    static const char *const LINES[] = { "   1  ox            0.", "   2  hippopotamus  0.",
                                         "   3  \xc3\xa4rmel         0." };
    char dir[256], *at;
    struct run r;
    (void)state;

    make_labelled(dir, sizeof dir, LABELS);
    r = VIT("classify", "-m", dir, "-k3", PICTURE);
    assert_int_equal(strncmp(r.out, PICTURE "\n", sizeof PICTURE), 0);
    at = r.out + sizeof PICTURE;
    for (size_t i = 0; i < VIT_COUNT(LINES); i++) {
        const size_t length = strlen(LINES[i]);
        if (strncmp(at, LINES[i], length) != 0) fail_msg("expected \"%s\", found: %s", LINES[i], at);
        assert_int_equal(strspn(at + length, "0123456789"), 4);
        assert_int_equal(at[length + 4], '\n');
        at += length + 5;
    }
    assert_string_equal(at, "");
    expect(&r, 0, "", NULL);
    tmp_remove(dir);
}

/* ---- names of classes ---- */

/* A mark, ends of lines of two kinds and a blank line; the first of the answers is class 0. */
static void classes_without_names_get_those_of_a_text(void **state)
{
    static const char TEXT[] = "\xef\xbb\xbftench, Tinca tinca\r\nb\nc\n\nd\ne\nf\ng\nh\ni\nj\n",
                      FEW[] = "a\nb\n", OTHERS[] = "a\nb\nc\nd\ne\nf\ng\nh\ni\ncaf\xe9\n";
    char dir[256], names[300], few[300], others[300], out[300];
    (void)state;

    tmp_create(dir, sizeof dir);
    tmp_write(dir, "names.txt", TEXT, sizeof TEXT - 1, NULL, 0);
    tmp_write(dir, "few.txt", FEW, sizeof FEW - 1, NULL, 0);
    tmp_write(dir, "others.txt", OTHERS, sizeof OTHERS - 1, NULL, 0);
    snprintf(names, sizeof names, "%s/names.txt", dir);
    snprintf(few, sizeof few, "%s/few.txt", dir);
    snprintf(others, sizeof others, "%s/others.txt", dir);
    snprintf(out, sizeof out, "%s/named.safetensors", dir);
    EXPECT(0, "1  class_0 ", "has no label names: class_N is its output N, counted from 0", "classify", "-m",
           MODEL, PICTURE);
    EXPECT(0, "1  tench, Tinca tinca  ", NULL, "classify", "-m", MODEL, "--labels", names, PICTURE);
    EXPECT(0, "", NULL, "convert", MODEL, out, "--labels", names);
    EXPECT(0, "1  tench, Tinca tinca  ", NULL, "classify", "-m", out, PICTURE);
    EXPECT(3, NULL, "few.txt: expected the names of 10 classes, one a line, found 2", "classify", "-m", MODEL,
           "--labels", few, PICTURE);
    tmp_write(dir, "few.txt", "a\nb\0c\n", 6, NULL, 0);
    EXPECT(3, NULL, "few.txt: not a text: holds a zero byte", "classify", "-m", MODEL, "--labels", few,
           PICTURE);
    EXPECT(3, NULL, "others.txt: name 10 must be UTF-8, found \"", "classify", "-m", MODEL, "--labels",
           others, PICTURE);
    EXPECT(3, NULL, "cannot be opened", "classify", "-m", MODEL, "--labels", "no/such.txt", PICTURE);
    EXPECT(2, NULL, "--logits", "eval", "-m", MODEL, "-d", dir, "--labels", names, "--logits", names);
    tmp_remove(dir);
}

/* What the lines of two runs say, times aside. */
static void assert_same_predictions(const char *a, const char *b)
{
    json_t *x = objects(a), *y = objects(b);

    assert_int_equal(json_array_size(x), json_array_size(y));
    for (size_t i = 0; i < json_array_size(x); i++) {
        const json_t *l = json_array_get(x, i), *m = json_array_get(y, i);
        const char *key = json_object_get(l, "predictions") ? "predictions" : "error";
        assert_true(json_equal(json_object_get(l, key), json_object_get(m, key)));
    }
    json_decref(x);
    json_decref(y);
}

static void stdin_may_be_a_picture_or_a_list(void **state)
{
    const char list[] = " \n" PICTURE "\r\n\n \t\r\n" OTHER "\n\t";
    const char *const words[] = { "classify", "--json", "-", NULL };
    struct run direct = VIT("classify", "--json", PICTURE, OTHER), r;
    struct run_input input = { .bytes = list, .size = sizeof list - 1 };
    struct run one = VIT("classify", "--json", PICTURE);
    size_t size;
    unsigned char *picture = tmp_read(PICTURE, &size);
    (void)state;

    r = run_vit(words, &input);
    assert_same_predictions(r.out, direct.out);
    expect(&r, 0, "", NULL);
    input = (struct run_input){ .bytes = picture, .size = size };
    r = run_vit(words, &input);
    assert_same_predictions(r.out, one.out);
    expect(&r, 0, "\"file\":\"-\"", NULL);
    r = run_vit((const char *const[]){ "preprocess", "-m", MODEL, "-o", "/no/where.png", "-", NULL }, &input);
    expect(&r, 1, NULL, "/no/where.png"); /* it was read */
    free(picture);
    run_free(&direct);
    run_free(&one);
}

/* Whoever joins results to a list looks for the names that were in it. */
static void a_long_name_in_a_list_is_given_whole(void **state)
{
    enum { LONG = 5000 };
    char list[LONG + 2];
    const struct run_input input = { .bytes = list, .size = LONG + 1 };
    struct run r;
    (void)state;

    memset(list, 'x', LONG);
    memcpy(list + LONG, "\n", 2);
    r = run_vit((const char *const[]){ "classify", "-m", MODEL, "--json", "-", NULL }, &input);
    list[LONG] = '\0';
    expect(&r, 1, list, "1 of 1 pictures failed");
}

/* By their names lists may begin as pictures do. */
static void a_list_may_begin_with_the_letters_of_a_picture(void **state)
{
    static const char *const FIRST[] = { "GIF8.jpg",           "RIFF/a.jpg",      "BMW.jpg",
                                         "P1 photo.jpg",       "P6 2 photos.jpg", "P7 a.jpg",
                                         "jpg/JXL photos.jpg", "8BPS.jpg" };
    char list[400];
    (void)state;

    for (size_t i = 0; i < VIT_COUNT(FIRST); i++) {
        struct run_input input = { .bytes = list };
        struct run r;

        input.size = (size_t)snprintf(list, sizeof list, "%s\n" PICTURE "\n", FIRST[i]);
        r = run_vit((const char *const[]){ "classify", "-m", MODEL, "-", NULL }, &input);
        expect(&r, 1, PICTURE, "1 of 2 pictures failed");
    }
}

static void pictures_of_other_kinds_are_no_lists(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
        const char *name;
    } PICTURES[] = {
#define OF(bytes) bytes, sizeof(bytes) - 1
        { OF("GIF87a\1\1"), "GIF" },
        { OF("GIF89a\1\1"), "GIF" },
        { OF("RIFF\1\1\1\1WEBPVP8 "), "WebP" },
        { OF("\0\0\0\x18"
             "ftypheic\0\0\0\0"),
          "HEIC" },
        { OF("\0\0\0\x18"
             "ftyphevc\0\0\0\0"),
          "HEIC" },
        { OF("\0\0\0\x1c"
             "ftypavif\0\0\0\0"),
          "AVIF" },
        { OF("\0\0\0\xcjP  \r\n\x87\n"), "JPEG 2000" },
        { OF("II+\0\x8\0\0\0"), "BigTIFF" },
        { OF("MM\0+\0\x8\0\0"), "BigTIFF" },
        { OF("%PDF-1.7\n1 0 obj\n"), "PDF" },
        { OF("<svg xmlns=\"x\"/>\n"), "SVG" },
        { OF("P3\n1 1\n255\n1 2 3\n"), "PNM written as text" },
#undef OF
    };
    char said[100];
    (void)state;

    for (size_t i = 0; i < VIT_COUNT(PICTURES); i++) {
        const struct run_input input = { .bytes = PICTURES[i].bytes, .size = PICTURES[i].size };
        struct run r = run_vit((const char *const[]){ "classify", "-m", MODEL, "-", NULL }, &input);

        snprintf(said, sizeof said, "standard input: is %s, which is not read", PICTURES[i].name);
        expect(&r, 1, NULL, said);
    }
}

/* A program before the pipe that failed must not look like success. */
static void an_empty_standard_input_is_a_failure(void **state)
{
    const struct run_input blank = { .bytes = "\n \t\r\n", .size = 5 };
    struct run r = VIT("classify", "-m", MODEL, "-");
    (void)state;

    expect(&r, 1, NULL, "standard input: is empty");
    r = VIT("embed", "-m", MODEL, "-");
    expect(&r, 1, NULL, "standard input: is empty");
    r = VIT("preprocess", "-m", MODEL, "-", "-o", "x.png");
    expect(&r, 1, NULL, "standard input: is empty");
    r = run_vit((const char *const[]){ "classify", "-m", MODEL, "--json", "-", NULL }, &blank);
    expect(&r, 1, "{\"file\":\"-\",\"error\":{\"code\":\"format\"", "1 of 1 pictures failed");
}

/* Paths between zero bytes, as find -print0 gives them: not the first alone. */
static void a_zero_byte_is_in_no_list(void **state)
{
    static const char paths[] = PICTURE "\0" OTHER;
    const struct run_input input = { .bytes = paths, .size = sizeof paths };
    struct run r = run_vit((const char *const[]){ "classify", "-m", MODEL, "-", NULL }, &input);
    (void)state;

    expect(&r, 1, NULL, "standard input: expected a picture, or paths, one a line, found a zero byte");
}

static void a_list_may_begin_with_its_mark(void **state)
{
    static const char list[] = "\xef\xbb\xbf" PICTURE "\r\n";
    const struct run_input input = { .bytes = list, .size = sizeof list - 1 };
    struct run r = run_vit((const char *const[]){ "classify", "-", NULL }, &input);
    char dir[TMP_PATH], path[300];
    (void)state;

    expect(&r, 0, PICTURE "\n", NULL);
    tmp_create(dir, sizeof dir);
    tmp_write(dir, "list.txt", list, sizeof list - 1, path, sizeof path);
    EXPECT(0, PICTURE "\n", NULL, "classify", path);
    tmp_remove(dir);
}

static void assert_failure(const json_t *o)
{
    const json_t *error = json_object_get(o, "error");

    assert_true(strlen(text_of(o, "file")) > 0);
    assert_true(strlen(text_of(error, "code")) > 0 && strlen(text_of(error, "message")) > 0);
}

/* Two control characters, a byte that is no UTF-8, a cat. */
#define STRANGE "d\x01\xff\xc2\x9b\xe7\x8c\xab.jpg"

/* a.jpg and a strange name are whole; b.jpg is cut off, c.png is text. */
static void make_pictures(char *dir, size_t dir_size)
{
    size_t size;
    unsigned char *bytes = tmp_read(PICTURE, &size);

    tmp_create(dir, dir_size);
    tmp_write(dir, "a.jpg", bytes, size, NULL, 0);
    tmp_write(dir, "b.jpg", bytes, size / 2, NULL, 0);
    tmp_write(dir, "c.png", "hello", 5, NULL, 0);
    tmp_write(dir, STRANGE, bytes, size, NULL, 0);
    free(bytes);
}

static void broken_pictures_do_not_stop_the_others(void **state)
{
    static const struct {
        const char *name;
        bool whole;
    } FILES[] = { { "/none", false }, { "/a.jpg", true },       { "/b.jpg", false },    { "/c.png", false },
                  { "/d", true },     { "missing.jpg", false }, { "/list.txt", false }, { PICTURE, true } };
    char dir[256], list[300], none[300];
    struct run r;
    json_t *all;
    (void)state;

    make_pictures(dir, sizeof dir);
    tmp_write(dir, "list.txt", "\n", 1, list, sizeof list);
    tmp_write(dir, "none/readme", "x", 1, NULL, 0);
    snprintf(none, sizeof none, "%s/none", dir);
    r = VIT("classify", "-m", MODEL, "--json", none, dir, "missing.jpg", list, PICTURE);
    all = objects(r.out);
    assert_int_equal(json_array_size(all), VIT_COUNT(FILES));
    for (size_t i = 0; i < VIT_COUNT(FILES); i++) { /* in the order of the operands */
        const json_t *o = json_array_get(all, i);
        if (!strstr(text_of(o, "file"), FILES[i].name)) fail_msg("%zu: %s", i, text_of(o, "file"));
        if (FILES[i].whole)
            check_predictions(o, 5);
        else
            assert_failure(o);
    }
    assert_non_null(strstr(r.out, "none: a folder without pictures"));
    json_decref(all);
    expect(&r, 1, "", "5 of 8 pictures failed");
    tmp_remove(dir);
}

static void more_pixels_than_allowed_are_refused(void **state)
{
    char dir[256], png[300];
    (void)state;

    tmp_create(dir, sizeof dir);
    snprintf(png, sizeof png, "%s/x.png", dir);
    EXPECT(1, "", "97 x 61 pixels, more than the 5916", "classify", "-m", MODEL, "--max-pixels", "5916",
           OTHER);
    EXPECT(0, "", NULL, "classify", "--max-pixels", "5917", OTHER);
    EXPECT(1, NULL, "97 x 61", "embed", "-m", MODEL, "--max-pixels", "5916", OTHER);
    EXPECT(1, NULL, "97 x 61", "preprocess", "-m", MODEL, "--max-pixels", "5916", OTHER, "-o", png);
    EXPECT(2, NULL, "--max-pixels", "classify", "-m", MODEL, "--max-pixels", "0", OTHER);
    tmp_remove(dir);
}

static void strange_names_do_not_reach_the_terminal(void **state)
{
    char dir[256], missing[300];
    struct run r;
    (void)state;

    make_pictures(dir, sizeof dir);
    r = VIT("classify", "-m", MODEL, dir);
    expect(&r, 1, "d\\x01\\xff\\xc2\\x9b\xe7\x8c\xab.jpg\n", "b.jpg");
    r = VIT("classify", "-m", MODEL, dir, "--json");
    expect(&r, 1, "d\\u0001\xef\xbf\xbd\\u009b\xe7\x8c\xab.jpg\"", "2 of 4 pictures failed");
    snprintf(missing, sizeof missing, "%s/no" STRANGE, dir);
    r = VIT("classify", "-m", MODEL, missing);
    expect(&r, 1, NULL, "nod???\xe7\x8c\xab.jpg: ");
    r = VIT("classify", "-m", missing, dir);
    expect(&r, 3, NULL, "nod???\xe7\x8c\xab.jpg: ");
    tmp_remove(dir);
}

/* What others write to the same log meanwhile comes before or after it. A socket keeps writes apart. */
static void a_message_is_one_write(void **state)
{
    const int before = dup(STDERR_FILENO);
    char text[100];
    int ends[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends), 0);
    dup2(ends[1], STDERR_FILENO);
    cmd_error("%s: no \x1b[m %d", "there", 7);
    dup2(before, STDERR_FILENO);
    text[recv(ends[0], text, sizeof text - 1, MSG_DONTWAIT)] = '\0';
    assert_string_equal(text, "vit: there: no \\x1b[m 7\n");
    for (int i = 0; i < 2; i++) close(ends[i]);
    close(before);
}

static void a_swapped_norm_warns_once(void **state)
{
    struct run r = VIT("classify", "--norm", "post", PICTURE);
    (void)state;

    assert_non_null(strstr(r.err, "warning"));
    assert_ptr_equal(strchr(r.err, '\n'), r.err + strlen(r.err) - 1);
    expect(&r, 0, "", "");
    EXPECT(0, "", NULL, "classify", "-q", "--norm", "post", PICTURE);
    EXPECT(0, "", NULL, "classify", "--norm", "pre", PICTURE);
}

static void threads_and_batch_do_not_change_the_answer(void **state)
{
    static const char *const LINES[][2] = { { "-t1" }, { "-t3" }, { "-b1" }, { "-b2" }, { "-t3", "-b2" } };
    struct run first = VIT("classify", "-m", MODEL, "--kernels", "ref", "--json", "tests/data/preprocess");
    (void)state;

    for (size_t i = 0; i < VIT_COUNT(LINES); i++) {
        struct run r = VIT("classify", "-m", MODEL, "--kernels", "ref", "--json", "tests/data/preprocess",
                           LINES[i][0], LINES[i][1]);
        assert_int_equal(r.code, first.code);
        assert_same_predictions(r.out, first.out);
        run_free(&r);
    }
    run_free(&first);
}

/* 4096 of them together take more than this. */
static void one_picture_needs_the_memory_of_one(void **state)
{
    const char *const argv[] = {
        "/bin/sh",    "-c",  "ulimit -v 600000; exec \"$0\" classify --sandbox off -t1 -b4096 -m \"$@\"",
        run_binary(), MODEL, PICTURE,
        NULL
    };
    struct run r;

    (void)state;
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
    skip(); /* they take more addresses than that */
#endif
    assert_true(run_program(&r, argv, NULL));
    expect(&r, 0, "fmt-420", "");
}

/* ---- eval ---- */

/* Ten folders class_0.. with n pictures each, one of them broken, under dir. */
static void make_data_set(const char *dir, int n)
{
    unsigned char pixels[32 * 32 * 3];
    char path[512];

    for (int c = 0; c < CLASSES; c++)
        for (int i = 0; i < n; i++) {
            for (size_t k = 0; k < sizeof pixels; k++)
                pixels[k] = (unsigned char)(k * (size_t)(7 + c) + (size_t)i * 91);
            snprintf(path, sizeof path, "class_%d/%d.png", c, i);
            tmp_write(dir, path, "", 0, NULL, 0);
            snprintf(path, sizeof path, "%s/class_%d/%d.png", dir, c, i);
            assert_int_equal(patch_png_write(path, pixels, 32, 32, NULL), VIT_OK);
        }
    tmp_write(dir, "class_3/broken.png", "no picture", 10, NULL, 0);
}

static void check_counts(const json_t *o)
{
    const json_t *confusion = json_object_get(o, "confusion"), *classes = json_object_get(o, "per_class");
    const json_t *interval = json_object_get(o, "top1_ci95");
    double sum = 0, hits = 0, n = number(o, "n");

    assert_int_equal(json_array_size(confusion), CLASSES);
    for (size_t i = 0; i < CLASSES; i++) {
        const json_t *row = json_array_get(confusion, i);
        for (size_t k = 0; k < CLASSES; k++) sum += json_number_value(json_array_get(row, k));
        hits += json_number_value(json_array_get(row, i));
        assert_true(number(json_array_get(classes, i), "n") == 2);
    }
    assert_true(sum == n);
    assert_near(number(o, "top1"), hits / n, 1e-12);
    assert_true(json_number_value(json_array_get(interval, 0)) <= number(o, "top1"));
    assert_true(json_number_value(json_array_get(interval, 1)) >= number(o, "top1"));
    assert_true(number(o, "top5") >= number(o, "top1") && number(o, "loss") > 0 && number(o, "ece") >= 0);
    assert_true(number(o, "images_per_second") > 0);
}

static void eval_counts_every_picture_once(void **state)
{
    char dir[256], csv[300], logits[300];
    struct run r;
    json_t *all, *o;
    size_t size, lines = 0;
    unsigned char *table;
    struct weights_file *f;
    struct vit_error err;
    (void)state;

    tmp_create(dir, sizeof dir);
    make_data_set(dir, 2);
    snprintf(csv, sizeof csv, "%s/p.csv", dir);
    snprintf(logits, sizeof logits, "%s/l.safetensors", dir);
    r = VIT("eval", "-m", MODEL, "--data", dir, "--split", "all", "--json", "--predictions", csv, "--logits",
            logits);
    all = objects(r.out);
    o = json_array_get(all, 0);
    assert_true(number(o, "n") == 2 * CLASSES && number(o, "n_failed") == 1);
    check_counts(o);
    assert_int_equal(json_array_size(json_object_get(o, "failed")), 1);
    json_decref(all);
    expect(&r, 1, "", "order of"); /* the model has no names, and says that it trusts the order */
    table = tmp_read(csv, &size);
    for (size_t i = 0; i < size; i++) lines += table[i] == '\n';
    assert_int_equal(lines, 2 * CLASSES + 2); /* with the header and the broken one */
    free(table);
    assert_ok(weights_open(&f, logits, &err), &err);
    assert_int_equal(weights_find(f, "logits")->shape[0], 2 * CLASSES);
    assert_int_equal(weights_find(f, "labels")->count, 2 * CLASSES);
    weights_close(f);
    tmp_remove(dir);
}

/* A record whose label is none of the classes has no name to write; the row is there all the same. */
static void eval_writes_a_row_for_a_record_without_a_class(void **state)
{
    enum { RECORD = 1 + 3 * 32 * 32, RECORDS = 3 };
    static unsigned char bytes[RECORDS * RECORD];
    char dir[256], data[300], csv[300], *table;
    (void)state;

    tmp_create(dir, sizeof dir);
    snprintf(data, sizeof data, "%s/data", dir);
    snprintf(csv, sizeof csv, "%s/p.csv", dir);
    for (int i = 0; i < RECORDS; i++) bytes[i * RECORD] = (unsigned char)(i == 1 ? 200 : i);
    tmp_write(data, "test_batch.bin", bytes, sizeof bytes, NULL, 0);
    EXPECT(1, "pictures   2, failed 1", "label 200, expected 0 to 9", "eval", "-m", MODEL, "--data", data,
           "--predictions", csv);
    table = tmp_text(dir, "p.csv");
    assert_non_null(strstr(table, "\ntest_batch.bin[1],,,\ntest_batch.bin[2],bird,"));
    free(table);
    tmp_remove(dir);
}

/* Pictures of which no part is set apart for testing are not called so. */
static void a_set_without_splits_is_all_of_it(void **state)
{
    char dir[TMP_PATH], whole[300], parted[300];
    (void)state;

    tmp_create(dir, sizeof dir);
    snprintf(whole, sizeof whole, "%s/test", dir);
    make_data_set(whole, 1);
    snprintf(parted, sizeof parted, "folder of classes, test: %s\n", dir);
    EXPECT(1, parted, "", "eval", "-m", MODEL, "--data", dir);
    EXPECT(1, "folder of classes, all: ", "", "eval", "-m", MODEL, "--data", whole);
    EXPECT(1, "\"split\":\"all\"", "", "eval", "-m", MODEL, "--data", whole, "--json");
    EXPECT(1, "folder of classes, all: ", "", "compare", MODEL, MODEL, "--data", whole);
    EXPECT(1, "\"split\":\"all\"", "", "compare", MODEL, MODEL, "--data", whole, "--json");
    EXPECT(2, NULL,
           "--held-out is of the training split: expected --split train, or none, found test\nusage: ",
           "eval", "-m", MODEL, "--data", dir, "--split", "test", "--held-out", "0.1");
    EXPECT(2, NULL,
           "--held-out is of the training split: expected --split train, or none, found all\nusage: ",
           "compare", MODEL, MODEL, "--data", dir, "--split", "all", "--held-out", "0.1");
    EXPECT(3, NULL, "split \"train\"", "eval", "-m", MODEL, "--data", dir, "--held-out", "0.1");
    EXPECT(2, NULL, "--held-out 0.1: holding out 0.1 of", "eval", "-m", MODEL, "--data", whole, "--limit",
           "10", "--held-out", "0.1");
    tmp_remove(dir);
}

/* The table above the matrix names its rows and columns: all of them, also classes without pictures. */
static void eval_names_every_row_of_the_matrix(void **state)
{
    char dir[256];
    struct run r;
    const char *line;
    int rows = 0;
    (void)state;

    tmp_create(dir, sizeof dir);
    make_data_set(dir, 1);
    tmp_write(dir, "class_5/0.png", "no picture", 10, NULL, 0); /* the only one */
    r = VIT("eval", "-m", MODEL, "--data", dir);
    line = strstr(r.out, "n  accuracy  precision\n");
    assert_non_null(line);
    while ((line = strchr(line, '\n') + 1) && *line != '\n') rows++;
    assert_int_equal(rows, CLASSES);
    assert_non_null(strstr(r.out, "class_5       0         -"));
    expect(&r, 1, "in the order above", "class_5/0.png");
    tmp_remove(dir);
}

static void eval_refuses_classes_the_model_does_not_have(void **state)
{
    char dir[256];
    (void)state;

    tmp_create(dir, sizeof dir);
    tmp_write(dir, "cat/a.png", "x", 1, NULL, 0);
    tmp_write(dir, "dog/a.png", "x", 1, NULL, 0);
    EXPECT(3, NULL, "10 classes, the data set has 2", "eval", "-m", MODEL, "--data", dir, "--split", "all");
    tmp_remove(dir);
}

/* Nowhere silently: an accuracy would be of other classes, a gradient of another loss. */
static void the_order_of_the_data_is_trusted_with_a_warning(void **state)
{
    static const char WARNING[] = "has no label names: its classes are taken in the order of ";
    char dir[TMP_PATH], out[300];
    (void)state;

    tmp_create(dir, sizeof dir);
    make_data_set(dir, 1);
    snprintf(out, sizeof out, "%s.safetensors", dir);
    EXPECT(1, "", WARNING, "eval", "-m", MODEL, "--data", dir);
    EXPECT(1, "", ": class_0, class_1, class_2, ", "eval", "-m", MODEL, "--data",
           dir); /* which order that is */
    EXPECT(1, "", "; --labels of eval and convert names them", "eval", "-m", MODEL, "--data", dir);
    EXPECT(1, "\"matched\":\"order\"", "", "eval", "-q", "--json", "-m", MODEL, "--data", dir);
    EXPECT(1, "", WARNING, "compare", MODEL, MODEL, "--data", dir);
    EXPECT(1, "", WARNING, "convert", MODEL, out, "--data", dir);
    EXPECT(1, "", WARNING, "probe", "-m", MODEL, "--data", dir);
    unlink(out);
    tmp_remove(dir);
}

/* ---- models that take no pictures ---- */

/* A tiny model of any channels, in dir/model.safetensors. */
static const char *model_of(const char *dir, int channels)
{
    static char path[300];
    const struct vit_config c = { .image = 32,
                                  .channels = channels,
                                  .stem = { .patch = 16 },
                                  .width = 16,
                                  .depth = 1,
                                  .heads = 2,
                                  .hidden = 16,
                                  .classes = CLASSES,
                                  .pool = VIT_POOL_MEAN,
                                  .norm = { .eps = 1e-6f, .final = true } };
    struct vit_model *m;
    struct vit_error err;

    snprintf(path, sizeof path, "%s/model.safetensors", dir);
    assert_ok(vit_model_create(&m, &c, NULL, NULL, &(struct vit_init){ .seed = 1 }, NULL, &err), &err);
    assert_ok(vit_model_save(m, path, WEIGHTS_F32, &err), &err);
    vit_model_close(m);
    return path;
}

/* Planes of pictures would be read past their end, or written past that of a smaller buffer. */
static void a_model_of_other_channels_is_refused_by_every_verb_that_reads_pictures(void **state)
{
    static const int CHANNELS[] = { 1, 4 };
    size_t size;
    unsigned char *bytes = tmp_read(PICTURE, &size);
    const struct run_input picture = { .bytes = bytes, .size = size };
    char dir[256], data[300], out[300];
    (void)state;

    tmp_create(dir, sizeof dir);
    snprintf(data, sizeof data, "%s/data", dir);
    snprintf(out, sizeof out, "%s/out.safetensors", dir);
    make_data_set(data, 2);
    for (size_t i = 0; i < VIT_COUNT(CHANNELS); i++) {
        const char *m = model_of(dir, CHANNELS[i]);
        struct run r = run_vit((const char *const[]){ "classify", "-m", m, "-", NULL }, &picture);
        expect(&r, 3, NULL, "channels, pictures have 3");
        EXPECT(3, NULL, "channels, pictures have 3", "classify", "-m", m, PICTURE, OTHER);
        EXPECT(3, NULL, "channels, pictures have 3", "embed", "-m", m, PICTURE);
        EXPECT(3, NULL, "channels, pictures have 3", "explain", "-m", m, PICTURE, "--json");
        EXPECT(3, NULL, "channels, pictures have 3", "eval", "-m", m, "--data", data, "--split", "all");
        EXPECT(3, NULL, "channels, pictures have 3", "compare", m, MODEL, "--data", data, "--split", "all");
        EXPECT(3, NULL, "channels, pictures have 3", "probe", "-m", m, "--data", data, "--split", "all");
        EXPECT(3, NULL, "channels, pictures have 3", "convert", m, out, "--dtype", "bf16", "--data", data,
               "--split", "all");
    }
    free(bytes);
    tmp_remove(dir);
}

/* ---- logits, preprocess, embed ---- */

static float *read_tensor(const char *path, const char *name, size_t *count)
{
    struct weights_file *f;
    struct vit_error err;
    const struct weights_tensor *t;
    float *values;

    assert_ok(weights_open(&f, path, &err), &err);
    t = weights_find(f, name);
    if (!t) fail_msg("%s: no tensor %s", path, name);
    *count = t->count;
    values = malloc(t->count * sizeof *values);
    assert_ok(weights_read_f32(t, path, values, &err), &err);
    weights_close(f);
    return values;
}

/* got[name] within share of the largest of want[name]. */
static void assert_tensor(const char *got, const char *want, const char *name, double share)
{
    size_t n, m;
    float *x = read_tensor(got, name, &n), *y = read_tensor(want, name, &m);
    double largest = 0;

    assert_int_equal(n, m);
    for (size_t i = 0; i < m; i++) largest = fmax(largest, fabs((double)y[i]));
    assert_close(name, x, y, n, share * largest);
    free(x);
    free(y);
}

static void logits_and_gradients_are_the_reference(void **state)
{
    static const char *const BATCHES[] = { "-b32", "-b2",
                                           "-b1" }; /* of three pictures: whole, uneven, single */
    const char *want = MODEL "/expect.safetensors";
    char dir[256], out[300];
    (void)state;

    tmp_create(dir, sizeof dir);
    snprintf(out, sizeof out, "%s/o.safetensors", dir);
    for (size_t i = 0; i < VIT_COUNT(BATCHES); i++) {
        EXPECT(0, NULL, NULL, "logits", "-m", MODEL, "-i", want, "-o", out, "--grad", BATCHES[i]);
        assert_tensor(out, want, "logits", 1e-4); /* promised bounds */
        assert_tensor(out, want, "loss", 1e-4);
        assert_tensor(out, want, "grad.blocks.0.attn.qkv.weight", 1e-3);
        assert_tensor(out, want, "grad.head.weight", 1e-3);
        assert_tensor(out, want, "grad.pos_embed", 1e-3);
    }
    EXPECT(2, NULL, "--size 64", "logits", "-m", MODEL, "-i", want, "-o", out, "--size", "64");
    EXPECT(3, NULL, "\"input\"", "logits", "-m", MODEL, "-i", MODEL "/model.safetensors", "-o", out);
    tmp_remove(dir);
}

/* ---- the orientation that a picture asks for ---- */

/* What a verb makes of dir/name, as numbers; option may be NULL. The caller releases them. */

static json_t *classified(const char *dir, const char *name, const char *option)
{
    char path[300];
    json_t *all, *predictions;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    all = objects_of(VIT("classify", "-m", MODEL, "--json", path, option));
    predictions = json_incref(json_object_get(json_array_get(all, 0), "predictions"));
    json_decref(all);
    return predictions;
}

static json_t *evaluated(const char *dir, const char *name, const char *option)
{
    char path[300], rows[1000] = "";
    json_t *all, *loss;

    for (int i = 0; i < CLASSES; i++)
        snprintf(rows + strlen(rows), sizeof rows - strlen(rows), "%s,%d\n", name, i);
    tmp_write(dir, "data.csv", rows, strlen(rows), path, sizeof path);
    all = objects_of(VIT("eval", "-q", "-m", MODEL, "--json", "--data", path, option));
    loss = json_incref(json_object_get(json_array_get(all, 0), "loss"));
    json_decref(all);
    return loss;
}

static json_t *preprocessed(const char *dir, const char *name, const char *option)
{
    char path[300], out[300];
    json_t *pixels = json_array();
    size_t count;
    float *planes;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    snprintf(out, sizeof out, "%s/o.safetensors", dir);
    EXPECT(0, NULL, NULL, "preprocess", "-m", MODEL, path, "-o", out, option);
    planes = read_tensor(out, "input", &count);
    for (size_t i = 0; i < count; i++) json_array_append_new(pixels, json_real((double)planes[i]));
    free(planes);
    return pixels;
}

/* It is as if the file did not ask: a copy of it with another mark in the place of Exif's. */
static void the_orientation_may_be_ignored(void **state)
{
    json_t *(*const VERBS[])(const char *, const char *, const char *) = { classified, evaluated,
                                                                           preprocessed };
    char dir[TMP_PATH];
    size_t size;
    unsigned char *picture = tmp_read("tests/data/preprocess/fmt-exif6.jpg", &size), *mark;
    (void)state;

    tmp_create(dir, sizeof dir);
    tmp_write(dir, "turned.jpg", picture, size, NULL, 0);
    mark = memmem(picture, size, "Exif", 4);
    assert_non_null(mark);
    memcpy(mark, "None", 4);
    tmp_write(dir, "stored.jpg", picture, size, NULL, 0);
    free(picture);
    for (size_t i = 0; i < VIT_COUNT(VERBS); i++) {
        json_t *turned = VERBS[i](dir, "turned.jpg", NULL), *stored = VERBS[i](dir, "stored.jpg", NULL),
               *ignored = VERBS[i](dir, "turned.jpg", "--no-exif");
        assert_non_null(stored);
        assert_false(json_equal(turned, stored));
        assert_true(json_equal(ignored, stored));
        json_decref(turned);
        json_decref(stored);
        json_decref(ignored);
    }
    tmp_remove(dir);
}

/* ---- logits of swapped norms ---- */

/* The score that classify prints of a class. */
static double score_of(const json_t *predictions, int class)
{
    const json_t *p;
    size_t i;

    json_array_foreach(predictions, i, p)
    {
        if ((int)number(p, "index") == class) return number(p, "score");
    }
    fail_msg("no score of class %d", class);
    return 0;
}

static void logits_swap_norms_as_classify_does(void **state)
{
    static const char *const NORMS[][4] = { { "--norm", "post" },
                                            { "--norm", "post", "--final-norm", "on" },
                                            { "--norm", "res-post", "--final-norm", "off" } };
    char dir[TMP_PATH], in[300], out[300];
    (void)state;

    tmp_create(dir, sizeof dir);
    snprintf(in, sizeof in, "%s/in.safetensors", dir);
    snprintf(out, sizeof out, "%s/out.safetensors", dir);
    EXPECT(0, NULL, NULL, "preprocess", "-m", MODEL, PICTURE, "-o", in);
    for (size_t k = 0; k < VIT_COUNT(NORMS); k++) {
        const char *const *n = NORMS[k];
        json_t *all =
            objects_of(VIT("classify", "-m", MODEL, "--json", "-k", "10", PICTURE, n[0], n[1], n[2], n[3]));
        double sum = 0;
        size_t count;
        float *logits;
        EXPECT(0, NULL, "norm placement swapped", "logits", "-m", MODEL, "-i", in, "-o", out, n[0], n[1],
               n[2], n[3]);
        logits = read_tensor(out, "logits", &count);
        assert_int_equal(count, CLASSES);
        for (int i = 0; i < CLASSES; i++) sum += exp((double)logits[i]);
        for (int i = 0; i < CLASSES; i++)
            assert_near(score_of(json_object_get(json_array_get(all, 0), "predictions"), i),
                        exp((double)logits[i]) / sum, 1e-6);
        free(logits);
        json_decref(all);
    }
    tmp_remove(dir);
}

static void preprocess_needs_no_model_when_the_flags_say_all(void **state)
{
    char dir[256], png[300], tensor[300];
    struct patch_image image;
    struct vit_error err;
    size_t count;
    float *planes;
    (void)state;

    tmp_create(dir, sizeof dir);
    snprintf(png, sizeof png, "%s/o.png", dir);
    snprintf(tensor, sizeof tensor, "%s/o.safetensors", dir);
    EXPECT(0, NULL, NULL, "preprocess", PICTURE, "-o", png, "--size", "24", "--crop-mode", "squash",
           "--interpolation", "bicubic");
    EXPECT(0, NULL, NULL, "preprocess", PICTURE, "-o", tensor, "--size", "24", "--crop-mode", "squash",
           "--interpolation", "bicubic", "--mean", "0,0,0", "--std", "1,1,1");
    assert_ok(patch_image_read(&image, png, NULL, &err), &err);
    assert_int_equal(image.width, 24);
    planes = read_tensor(tensor, "input", &count);
    assert_int_equal(count, 3 * 24 * 24);
    for (size_t i = 0; i < 24 * 24; i++)
        for (size_t c = 0; c < 3; c++)
            assert_near(planes[c * 24 * 24 + i], (float)image.rgb[3 * i + c] / 255, 1e-6);
    free(planes);
    patch_image_free(&image);
    EXPECT(0, NULL, NULL, "preprocess", "-m", MODEL, PICTURE, "-o", png);
    EXPECT(1, NULL, "missing.jpg", "preprocess", "-m", MODEL, "missing.jpg", "-o", png);
    tmp_remove(dir);
}

/* What is accepted everywhere means something everywhere. */
static void json_of_verbs_whose_result_is_a_file(void **state)
{
    char dir[TMP_PATH], png[300], out[300];
    json_t *all, *o;
    (void)state;

    tmp_create(dir, sizeof dir);
    snprintf(png, sizeof png, "%s/o.png", dir);
    snprintf(out, sizeof out, "%s/o.safetensors", dir);
    all = objects_of(VIT("preprocess", "--json", "-m", MODEL, PICTURE, "-o", png, "--size", "24"));
    o = json_array_get(all, 0);
    assert_string_equal(text_of(o, "file"), PICTURE);
    assert_string_equal(text_of(o, "output"), png);
    assert_near(number(o, "size"), 24, 0);
    json_decref(all);
    EXPECT(1, "{\"file\":\"missing.jpg\",\"error\":{\"code\":\"io\",", "missing.jpg", "preprocess", "--json",
           "-m", MODEL, "missing.jpg", "-o", png);
    all = objects_of(VIT("logits", "--json", "-m", MODEL, "-i", MODEL "/expect.safetensors", "-o", out));
    o = json_array_get(all, 0);
    assert_string_equal(text_of(o, "output"), out);
    assert_near(number(o, "n"), 3, 0);
    assert_near(number(o, "classes"), CLASSES, 0);
    assert_true(json_is_null(json_object_get(o, "loss")));
    json_decref(all);
    all = objects_of(
        VIT("logits", "--json", "--grad", "-m", MODEL, "-i", MODEL "/expect.safetensors", "-o", out));
    float *loss = read_tensor(out, "loss", &(size_t){ 0 });
    assert_near(number(json_array_get(all, 0), "loss"), loss[0], 1e-6);
    free(loss);
    json_decref(all);
    tmp_remove(dir);
}

static void embed_writes_what_numpy_reads(void **state)
{
    char dir[256], npy[300];
    struct run r = VIT("embed", "-m", MODEL, "-b1", PICTURE);
    json_t *all = objects(r.out), *vector = json_object_get(json_array_get(all, 0), "embedding");
    unsigned char *bytes;
    size_t size, found, width = json_array_size(vector);
    float first;
    (void)state;

    assert_int_equal(width, 48);
    tmp_create(dir, sizeof dir);
    snprintf(npy, sizeof npy, "%s/o.npy", dir);
    EXPECT(0, NULL, NULL, "embed", "-m", MODEL, "-b1", PICTURE, PICTURE, "-o", npy);
    bytes = tmp_read(npy, &size);
    assert_int_equal(size, 128 + 2 * width * sizeof first);
    assert_memory_equal(bytes, "\x93NUMPY\x01\x00\x76\x00{'descr': '<f4'", 25);
    memcpy(&first, bytes + 128, sizeof first);
    assert_true((float)json_number_value(json_array_get(vector, 0)) == first); /* printed digits read back */
    free(bytes);
    json_decref(all);
    expect(&r, 0, "", NULL);
    /* Which row is whose, where a picture between two has none. */
    r = VIT("embed", "-q", "-m", MODEL, "--json", PICTURE, "no/where.png", OTHER, "-o", npy);
    all = objects(r.out);
    assert_int_equal(json_array_size(all), 3);
    assert_true(number(json_array_get(all, 0), "row") == 0 && number(json_array_get(all, 2), "row") == 1);
    assert_string_equal(text_of(json_array_get(all, 2), "file"), OTHER);
    json_decref(all);
    expect(&r, 1, "", "");
    EXPECT(1, NULL, "1 of 1 pictures failed", "embed", "-m", MODEL, "no/where.png", "-o", npy);
    bytes = tmp_read(npy, &found); /* no array of no rows instead of it */
    assert_int_equal(found, size);
    free(bytes);
    tmp_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_verb_is_wrong_usage),
        cmocka_unit_test(mistakes_in_the_line_are_wrong_usage),
        cmocka_unit_test(wrong_usage_ends_with_the_usage),
        cmocka_unit_test(the_environment_is_named),
        cmocka_unit_test(every_dtype_classifies),
        cmocka_unit_test(help_and_version_go_to_stdout),
        cmocka_unit_test(a_model_that_cannot_be_used_is_code_3),
        cmocka_unit_test(a_size_that_no_model_has_is_wrong_usage),
        cmocka_unit_test(info_is_one_object),
        cmocka_unit_test(threads_that_are_bound_leave_all_cores),
        cmocka_unit_test(info_names_a_few_classes),
        cmocka_unit_test(info_adds_up_the_parameters),
        cmocka_unit_test(info_describes_a_network_without_a_classifier),
        cmocka_unit_test(classify_prints_one_object_a_picture),
        cmocka_unit_test(no_more_labels_than_classes_are_printed),
        cmocka_unit_test(text_is_aligned_and_stderr_silent),
        cmocka_unit_test(classes_without_names_get_those_of_a_text),
        cmocka_unit_test(stdin_may_be_a_picture_or_a_list),
        cmocka_unit_test(a_long_name_in_a_list_is_given_whole),
        cmocka_unit_test(a_list_may_begin_with_the_letters_of_a_picture),
        cmocka_unit_test(pictures_of_other_kinds_are_no_lists),
        cmocka_unit_test(an_empty_standard_input_is_a_failure),
        cmocka_unit_test(a_zero_byte_is_in_no_list),
        cmocka_unit_test(a_list_may_begin_with_its_mark),
        cmocka_unit_test(broken_pictures_do_not_stop_the_others),
        cmocka_unit_test(more_pixels_than_allowed_are_refused),
        cmocka_unit_test(strange_names_do_not_reach_the_terminal),
        cmocka_unit_test(a_message_is_one_write),
        cmocka_unit_test(a_swapped_norm_warns_once),
        cmocka_unit_test(threads_and_batch_do_not_change_the_answer),
        cmocka_unit_test(one_picture_needs_the_memory_of_one),
        cmocka_unit_test(eval_counts_every_picture_once),
        cmocka_unit_test(eval_writes_a_row_for_a_record_without_a_class),
        cmocka_unit_test(a_set_without_splits_is_all_of_it),
        cmocka_unit_test(eval_names_every_row_of_the_matrix),
        cmocka_unit_test(eval_refuses_classes_the_model_does_not_have),
        cmocka_unit_test(the_order_of_the_data_is_trusted_with_a_warning),
        cmocka_unit_test(a_model_of_other_channels_is_refused_by_every_verb_that_reads_pictures),
        cmocka_unit_test(logits_and_gradients_are_the_reference),
        cmocka_unit_test(the_orientation_may_be_ignored),
        cmocka_unit_test(logits_swap_norms_as_classify_does),
        cmocka_unit_test(preprocess_needs_no_model_when_the_flags_say_all),
        cmocka_unit_test(json_of_verbs_whose_result_is_a_file),
        cmocka_unit_test(embed_writes_what_numpy_reads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
