#include "tests/weights/make.h"

struct fixture {
    char dir[TMP_PATH], path[512];
};

static int setup(void **state)
{
    struct fixture *f = tmp_fixture(state, sizeof *f);

    snprintf(f->path, sizeof f->path, "%s/made.pth", f->dir);
    return 0;
}

/* ---- what PyTorch wrote ---- */

/* Values of (4, 6) = 0 .. 23 and its views, row by row. */
static const struct {
    const char *name;
    enum weights_dtype dtype;
    int rank;
    int64_t shape[3];
    float first[4]; /* values 0, 1, 2 and the last */
} MIXED[] = {
    { "weight", WEIGHTS_F32, 2, { 4, 6 }, { 0, 1, 2, 23 } },
    { "transposed", WEIGHTS_F32, 2, { 6, 4 }, { 0, 6, 12, 23 } },
    { "slice", WEIGHTS_F32, 2, { 2, 3 }, { 7, 8, 9, 15 } },
    { "permuted", WEIGHTS_F32, 3, { 4, 3, 5 }, { 0, 1, 2, 59 } },
    { "half", WEIGHTS_F16, 2, { 4, 6 }, { 0, 1, 2, 23 } },
    { "bfloat", WEIGHTS_BF16, 2, { 4, 6 }, { 0, 1, 2, 23 } },
    { "double", WEIGHTS_F64, 2, { 4, 6 }, { 0, 1, 2, 23 } },
    { "parameter", WEIGHTS_F32, 1, { 6 }, { 0, 1, 2, 5 } },
};

static void a_nested_dictionary_of_torch_is_read(void **state)
{
    struct weights_file *f;
    struct vit_error err;
    float got[60];
    int64_t integers[5];

    (void)state;
    assert_ok(weights_open(&f, "tests/data/weights/mixed.pth", &err), &err);
    assert_string_equal(weights_format(f), "pth");
    for (size_t i = 0; i < VIT_COUNT(MIXED); i++) {
        const struct weights_tensor *t = weights_find(f, MIXED[i].name);

        if (!t) fail_msg("no %s", MIXED[i].name);
        assert_int_equal(t->dtype, MIXED[i].dtype);
        assert_int_equal(t->rank, MIXED[i].rank);
        for (int j = 0; j < t->rank; j++) assert_true(t->shape[j] == MIXED[i].shape[j]);
        assert_ok(weights_read_f32(t, "p", got, &err), &err);
        assert_memory_equal(got, MIXED[i].first, 3 * sizeof *got);
        assert_true(got[t->count - 1] == MIXED[i].first[3]);
    }
    assert_ok(weights_read_i64(weights_find(f, "long"), "p", integers, &err), &err);
    assert_true(integers[4] == 4);
    assert_ok(weights_read_i64(weights_find(f, "bool"), "p", integers, &err), &err);
    assert_true(integers[0] == 1 && integers[1] == 0);
    assert_int_equal(weights_find(f, "scalar")->rank, 0);
    assert_int_equal(weights_find(f, "empty")->count, 0);
    assert_non_null(weights_find(f, "module.running_var"));
    assert_non_null(weights_find(f, "nested.3"));
    assert_non_null(weights_find(f, "nested.list.0"));
    assert_int_equal(weights_count(f), VIT_COUNT(MIXED) + 4 + 5 + 2);
    weights_close(f);
}

static void protocol_4_and_shared_storages_are_read(void **state)
{
    struct weights_file *f;
    struct vit_error err;

    (void)state;
    assert_ok(weights_open(&f, "tests/data/weights/protocol4.pth", &err), &err);
    const float *w = weights_view_f32(weights_find(f, "weight")),
                *v = weights_view_f32(weights_find(f, "view"));
    assert_ptr_equal(v, w + 12);
    assert_true(v[11] == 23);
    weights_close(f);
}

static void an_archive_cut_off_anywhere_is_refused(void **state)
{
    static const char *const FILES[] = { "tests/data/weights/mixed.pth", "tests/data/weights/protocol4.pth" };
    struct fixture *x = *state;

    for (size_t i = 0; i < VIT_COUNT(FILES); i++) {
        size_t size;
        unsigned char *bytes = tmp_read(FILES[i], &size);

        check_truncation(x->dir, bytes, size);
        free(bytes);
    }
}

/* ---- pickles made here ---- */

static const float STORAGE[4] = { 1, 2, 3, 4 };

/* An archive of this pickle and one storage "0". */
static void make_pth(const struct fixture *x, const void *pickle, size_t size)
{
    make_zip(x->path, (struct make_member[]){ { "a/data.pkl", pickle, size, false },
                                              { "a/data/0", STORAGE, sizeof STORAGE, false },
                                              { 0 } });
}

#define PROTO     "\x80\2"
#define OS_SYSTEM "cos\nsystem\n"
#define ID(type, count)                                                                                      \
    "(U\7storagectorch\n" type "\nU\1"                                                                       \
    "0U\3cpuK" count "tQ"
#define TENSOR(storage, offset, shape, stride)                                                               \
    "ctorch._utils\n_rebuild_tensor_v2\n(" storage "K" offset shape stride "\x89}tR"
#define FLOATS     ID("FloatStorage", "\4")
#define SET(value) PROTO "}U\1w" value "s."

#define TEN         "0123456789"
#define HUNDRED     TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN
#define SIX_HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED

#define SIXTY_LESS_ONE "a module's name whose sixtieth byte begins a longer charact"

static const struct pickle {
    const char *bytes;
    size_t size;
    const char *says;
} BAD[] = {
#define P(bytes, says)                                                                                       \
    {                                                                                                        \
        bytes, sizeof(bytes) - 1, says                                                                       \
    }
    /* what could execute */
    P(PROTO OS_SYSTEM "U\4true\x85R.", "asks for \"os.system\", which this reader refuses to execute"),
    P(PROTO "cposix\nsystem\nU\4true\x85R.", "\"posix.system\""),
    P(PROTO "c__builtin__\neval\nU\1"
            "1\x85R.",
      "\"__builtin__.eval\""),
    P(PROTO "\x8c\2os\x8c\6system\x93.", "\"os.system\""),
    P(PROTO "ctorch\nload\n.", "\"torch.load\""),
    P(PROTO "cos\x1b[2J\nsystem\n.", "\"os?[2J.system\""),
    P(PROTO "c\xe7\x8c\xab\nsystem\n.", "\"\xe7\x8c\xab.system\""),
    P(PROTO "c" SIXTY_LESS_ONE "\xe7\x8c\xab\nsystem\n.", "\"" SIXTY_LESS_ONE ".system\""),
    P(PROTO "(ios\nsystem\n.", "instruction 0x69"),
    P(PROTO "(oos\nsystem\n.", "instruction 0x6f"),
    P(PROTO "ccollections\nOrderedDict\n)\x81.", "instruction 0x81"),
    P(PROTO "cos\nsystem\n)\x81.", "\"os.system\""),
    P(PROTO "ctorch\nSize\n)\x81.", "instruction 0x81 at byte 15"),
    P(PROTO "cargparse\nNamespace\n)R.", "calls a type"),
    P(PROTO "K\1\x81.", "does not find"),
    P(PROTO "cargparse\nNamespace\n]\x81.", "does not find"),
    P(PROTO "cargparse\nNamespace\n)\x81}U\1w" TENSOR(FLOATS, "\0", "K\4\x85", "K\1\x85") "sb.",
      "holds no tensors"),
    P(PROTO "cnumpy.core.multiarray\nfromfile\n.", "\"numpy.core.multiarray.fromfile\""),
    P(PROTO "c__builtin__\neval\n.", "\"__builtin__.eval\""),
    P(PROTO "\x82\1.", "instruction 0x82"),
    P(PROTO "P0\n.", "instruction 0x50"),
    P("(dp0\nS'a'\nI1\ns.", "instruction 0x64"),
    /* machines that stumble */
    P("", "cut off"),
    P(".", "instruction 0x2e"),
    P(PROTO "}", "cut off"),
    P(PROTO "X\377\377\377\377a.", "cut off"),
    P(PROTO "X\377\377\377\177a.", "cut off"),
    P(PROTO "cos\nsystem", "cut off"),
    P(PROTO "0.", "does not find"),
    P(PROTO "t.", "mark is missing"),
    P(PROTO "\x87.", "does not find"),
    P(PROTO "K\1K\2s.", "does not find"),
    P(PROTO "}K\1s.", "does not find"),
    P(PROTO "]K\1u.", "mark is missing"),
    P(PROTO "}(K\1u.", "key has no value"),
    P(PROTO "](K\1u.", "key has no value"),
    P(PROTO "](K\1K\1u.", "does not find"),
    P(PROTO "}a.", "does not find"),
    P(PROTO "h\1.", "not remembered"),
    P(PROTO "j\377\377\377\377.", "not remembered"),
    P(PROTO "}r\377\377\377\377.", "remembers what it cannot"),
    P(PROTO "q\1.", "remembers what it cannot"),
    P(PROTO "K\1}b.", "no dictionary"),
    P(PROTO "}R.", "does not find"),
    P(PROTO "K\1)R.", "does not find"),
    P(PROTO "\x93.", "does not find"),
    P(PROTO "\x8a\11abcdefgh", "cut off"),
    P(PROTO "\x96\2\0\0\0\0\0\0\0a", "cut off"),
    P(PROTO "\x96\377\377\377\377\377\377\377\377a.", "cut off"),
    P(PROTO "\x91.", "mark is missing"),
    P(PROTO "\x8fK\1\x90.", "mark is missing"),
    P(PROTO "(K\1\x90.", "does not find"),
    P(PROTO "](K\1\x90.", "does not find"),
    P(PROTO "\x8f(K\1u.", "key has no value"),
    P(PROTO "ccollections\ndefaultdict\n]\x85R.", "has arguments"),
    P(PROTO "ccollections\ndefaultdict\nc__builtin__\nlist\nK\1\x86R.", "has arguments"),
    P(PROTO "ccollections\nOrderedDict\n]\x85R.", "has arguments"),
    P(PROTO "ctorch\nFloatStorage\n)R.", "calls a type"),
    P(PROTO "ctorch\nSize\n)R.", "wrong arguments"),
    P(PROTO "ctorch._utils\n_rebuild_parameter\nK\1\x85R.", "wrong arguments"),
    P(PROTO "K\1Q.", "does not find"),
    P(PROTO ")Q.", "storage is not described"),
    P(PROTO "(U\7storageU\1xU\1"
            "0U\3cpuK\4tQ.",
      "storage is not described"),
    P(PROTO "(U\7storagectorch\nSize\nU\1"
            "0U\3cpuK\4tQ.",
      "storage is not described"),
    P(PROTO "ctorch._utils\n_rebuild_tensor_v2\n)R.", "tensor is not described"),
    P(PROTO "ctorch._utils\n_rebuild_tensor_v2\n(" FLOATS "K\0K\1K\1tR.", "tensor is not described"),
    /* tensors that lie */
    P(PROTO "}.", "holds no tensors"),
    P(PROTO "\x8f(" TENSOR(FLOATS, "\0", "K\4\x85", "K\1\x85") "\x90.", "holds no tensors"),
    P(PROTO "K\1.", "holds no tensors"),
    P(SET(TENSOR(ID("FloatStorage", "\5"), "\0", "K\4\x85", "K\1\x85")), "storage of 16 bytes, expected 20"),
    P(SET(TENSOR(ID("DoubleStorage", "\4"), "\0", "K\4\x85", "K\1\x85")), "storage of 16 bytes, expected 32"),
    P(SET(TENSOR("(U\7storagectorch\nFloatStorage\nU\1"
                 "9U\3cpuK\4tQ",
                 "\0", "K\4\x85", "K\1\x85")),
      "not in the archive"),
    P(SET(TENSOR("(U\7storagectorch\nFloatStorage\nU\3"
                 "0\0xU\3cpuK\4tQ",
                 "\0", "K\4\x85", "K\1\x85")),
      "not in the archive"),
    P(PROTO "}U\3w\0x" TENSOR(FLOATS, "\0", "K\4\x85", "K\1\x85") "s.", "has a zero byte"),
    P(PROTO "}X\x58\2\0\0" SIX_HUNDRED TENSOR(FLOATS, "\0", "K\4\x85", "K\1\x85") "s.",
      "is too long: expected at most 511 bytes"),
    P(SET(TENSOR("(U\7storagectorch\nFloatStorage\nU\1"
                 "0U\3cpuJ\377\377\377\377tQ",
                 "\0", "K\4\x85", "K\1\x85")),
      "impossible size"),
    P(SET(TENSOR("(U\7storagectorch\nDoubleStorage\nU\1"
                 "0U\3cpu\x8a\x8\377\377\377\377\377\377\377\177tQ",
                 "\0", "K\4\x85", "K\1\x85")),
      "impossible size"),
    P(SET(TENSOR(FLOATS, "\0", "K\5\x85", "K\1\x85")), "beyond its storage"),
    P(SET(TENSOR(FLOATS, "\1", "K\4\x85", "K\1\x85")), "beyond its storage"),
    P(SET(TENSOR(FLOATS, "\0", "K\3\x85", "K\2\x85")), "beyond its storage"),
    P(SET(TENSOR(FLOATS, "\0", "K\2K\2\x86", "\x8a\x8\377\377\377\377\377\377\377\177K\1\x86")),
      "beyond its storage"),
    P(SET(TENSOR(FLOATS, "\0", "\x8a\11\4\0\0\0\0\0\0\0\0\x85", "K\1\x85")), "impossible shape"),
    P(SET(TENSOR(FLOATS, "\0", "J\377\377\377\377\x85", "K\1\x85")), "impossible shape"),
    P(SET(TENSOR(FLOATS, "\0", "K\2\x85", "J\377\377\377\377\x85")), "impossible shape"),
    P(SET(TENSOR(FLOATS, "\0", "K\2K\2\x86", "K\1\x85")), "impossible shape"),
    P(SET(TENSOR(FLOATS, "\0", "U\1x\x85", "K\1\x85")), "impossible shape"),
    P(SET(TENSOR(FLOATS, "\0", "(K\1K\1K\1K\1K\1K\1K\1K\1K\1t", "(K\1K\1K\1K\1K\1K\1K\1K\1K\1t")),
      "impossible shape"),
    /* one element seen 2^62 times, and 2^28 times */
    P(SET(TENSOR(FLOATS, "\0", "J\0\0\0\100J\0\0\0\100J\0\0\0\100\x87", "K\0K\0K\0\x87")),
      "impossible shape"),
    P(SET(TENSOR(FLOATS, "\0", "J\0\0\0\020\x85", "K\0\x85")), "may unpack to"),
    /* the same storage, the second time with another size */
    P(PROTO "}(U\1a" TENSOR(FLOATS, "\0", "K\4\x85", "K\1\x85") "U\1b" TENSOR(ID("DoubleStorage", "\4"), "\0",
                                                                              "K\4\x85", "K\1\x85") "u.",
      "storage of 16 bytes, expected 32"),
    P(PROTO "}(U\1a" TENSOR(FLOATS, "\0", "K\4\x85", "K\1\x85") "U\1a" TENSOR(FLOATS, "\0", "K\4\x85",
                                                                              "K\1\x85") "u.",
      "two tensors have the name \"a\""),
    P(PROTO "}U\3a\nb" TENSOR(FLOATS, "\0", "K\4\x85", "K\1\x85") "s.", "control character"),
    /* a dictionary that holds itself, a shape that turns into a storage */
    P(PROTO "}q\1U\1ah\1s.", "nested too deep"),
    P(PROTO "]q\1h\1a.", "nested too deep"),
    P(PROTO "}U\1w"
            "ctorch._utils\n_rebuild_tensor_v2\n("
            "(U\7storagectorch\nFloatStorage\nU\1"
            "0U\3cpuK\4tq\1Q"
            "K\0h\1h\1\x89}tR"
            "s.",
      "tensor is not described"),
};

static void every_bad_pickle_is_refused_with_its_reason(void **state)
{
    struct fixture *x = *state;
    struct weights_file *f;
    struct vit_error err;

    for (size_t i = 0; i < VIT_COUNT(BAD); i++) {
        make_pth(x, BAD[i].bytes, BAD[i].size);
        if (!weights_open(&f, x->path, &err)) fail_msg("pickle %zu was accepted, not \"%s\"", i, BAD[i].says);
        if (!strstr(err.text, BAD[i].says))
            fail_msg("pickle %zu: \"%s\" does not say \"%s\"", i, err.text, BAD[i].says);
        assert_null(f);
    }
}

static void the_good_pickle_beside_the_bad_ones_is_read(void **state)
{
    static const char GOOD[] = SET(TENSOR(FLOATS, "\1", "K\2K\1\x86", "K\2K\11\x86"));
    struct fixture *x = *state;
    struct weights_file *f;
    struct vit_error err;
    float got[2];

    make_pth(x, GOOD, sizeof GOOD - 1);
    assert_ok(weights_open(&f, x->path, &err), &err);
    assert_ok(weights_read_f32(weights_find(f, "w"), "p", got, &err), &err);
    assert_true(got[0] == 2 && got[1] == 4);
    weights_close(f);
}

/* timm's train.py and many others save their arguments and a metric too. As pickle writes them, protocol 2:
 * argparse.Namespace(lr=1, out=pathlib.PosixPath("/x")) and numpy.float32(1). */
static void what_training_scripts_keep_beside_the_weights_is_passed_over(void **state)
{
    static const char BOTH[] =
        PROTO "}(U\4argscargparse\nNamespace\nq\1)\x81q\2}q\3(U\2lrK\1U\3outcpathlib\nPosixPath\n"
              "(U\1/U\1xtRub"
              "U\6metriccnumpy._core.multiarray\nscalar\ncnumpy\ndtype\nU\2f4\x89\x88\x87R(K\3U\1<NNNJ\377"
              "\377\377\377J\377\377\377\377K\0tbc_codecs\nencode\nU\4\0\0\200?U\6latin1\x86R\x86R"
              "U\1w" TENSOR(FLOATS, "\0", "K\4\x85", "K\1\x85") "u.";
    struct fixture *x = *state;
    struct weights_file *f;
    struct vit_error err;
    float got[4];

    make_pth(x, BOTH, sizeof BOTH - 1);
    assert_ok(weights_open(&f, x->path, &err), &err);
    assert_int_equal(weights_count(f), 1);
    assert_ok(weights_read_f32(weights_find(f, "w"), "p", got, &err), &err);
    assert_true(got[0] == 1 && got[3] == 4);
    weights_close(f);
}

/* What else Python's pickle makes of values in a checkpoint, in protocol 2 unless said otherwise. */
static void plain_values_of_any_kind_are_passed_over(void **state)
{
#define ARRAY                                                                                                \
    "cnumpy._core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85U\1b\x87R(K\1K\1\205"                    \
    "cnumpy\ndtype\nU\2i1\x89\x88\x87R(K\3U\1|NNNJ\377\377\377\377J\377\377\377\377K\0tb\x89U\1xtb"
    static const struct pickle PLAIN[] = {
        P("ccollections\nCounter\n}(K\3K\1K\5K\1u\x85R", "Counter([3, 5]): MultiStepLR's milestones"),
        P("ccollections\ndefaultdict\nc__builtin__\nlist\n\x85R(U\1a]u", "defaultdict(list, a=[])"),
        P("ccollections\ndeque\n)K\2\x86R(K\1K\2e", "deque([1, 2], 2)"),
        P("c__builtin__\nset\n](K\1K\2e\x85R", "{1, 2}"),
        P("\x8f(K\1K\2\x90", "{1, 2}, protocol 4"),
        P("(K\1K\2\x91", "frozenset({1, 2}), protocol 4"),
        P("c__builtin__\ncomplex\nG?\360\0\0\0\0\0\0G@\0\0\0\0\0\0\0\x86R", "1+2j"),
        P("cbuiltins\nslice\nK\1K\2N\x87R", "slice(1, 2), protocol 3"),
        P("c__builtin__\nbytearray\nX\1\0\0\0aU\7latin-1\x86R", "bytearray(b'a')"),
        P("\x96\3\0\0\0\0\0\0\0abc", "bytearray(b'abc'), protocol 5"),
        P("ctorch\nfloat64\n", "torch.float64"),
        P("cdatetime\ndatetime\nc_codecs\nencode\nX\2\0\0\0abU\6latin1\x86R\x85R", "a datetime"),
        P("\x8a\11\5\0\0\0\0\0\0\200\0", "2**63 + 5"),
        P("\x8a\21\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", "2**128"),
        P(ARRAY, "an array of NumPy"),
        P("(U\7MT19937" ARRAY "M\160\2K\0G\0\0\0\0\0\0\0\0t", "numpy.random.get_state()"),
    };
    static const char FRONT[] = PROTO "}(U\6beside",
                      BACK[] = "U\1w" TENSOR(FLOATS, "\0", "K\4\x85", "K\1\x85") "u.";
    struct fixture *x = *state;
    struct weights_file *f;
    struct vit_error err;
    char bytes[1000];

    for (size_t i = 0; i < VIT_COUNT(PLAIN); i++) {
        size_t n = sizeof FRONT - 1;

        memcpy(bytes, FRONT, n);
        memcpy(bytes + n, PLAIN[i].bytes, PLAIN[i].size);
        n += PLAIN[i].size;
        memcpy(bytes + n, BACK, sizeof BACK - 1);
        make_pth(x, bytes, n + sizeof BACK - 1);
        if (weights_open(&f, x->path, &err)) fail_msg("%s: %s", PLAIN[i].says, err.text);
        assert_int_equal(weights_count(f), 1);
        assert_memory_equal(weights_view_f32(weights_find(f, "w")), STORAGE, sizeof STORAGE);
        weights_close(f);
    }
#undef ARRAY
}

static void every_cut_or_flipped_pickle_is_refused_or_harmless(void **state)
{
    static const char GOOD[] = SET(TENSOR(FLOATS, "\1", "K\2K\1\x86", "K\2K\11\x86"));
    struct fixture *x = *state;
    char bytes[sizeof GOOD - 1];

    memcpy(bytes, GOOD, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++) {
        struct weights_file *f;

        make_pth(x, GOOD, i);
        assert_int_not_equal(weights_open(&f, x->path, NULL), VIT_OK);
        for (int bit = 0; bit < 8; bit++) {
            bytes[i] = (char)(GOOD[i] ^ 1 << bit);
            make_pth(x, bytes, sizeof bytes);
            if (!weights_open(&f, x->path, NULL)) {
                float got[64];
                if (weights_at(f, 0)->count <= 64) weights_read_f32(weights_at(f, 0), "p", got, NULL);
            }
            weights_close(f);
        }
        bytes[i] = GOOD[i];
    }
}

/* 30 dictionaries, each holding the next twice: 2^30 paths. */
static void dictionaries_that_multiply_are_refused(void **state)
{
    struct fixture *x = *state;
    struct weights_file *f;
    struct vit_error err;
    char pickle[1024];
    size_t n = 0;

    n += (size_t)sprintf(pickle, "\x80\2}q%c", 1);
    for (int i = 1; i < 30; i++) n += (size_t)sprintf(pickle + n, "}q%c(U%cah%cU%cbh%cu", i + 1, 1, i, 1, i);
    pickle[n++] = '.';
    make_pth(x, pickle, n);
    assert_refused(weights_open(&f, x->path, &err), VIT_ERR_FORMAT, "too deep or too large", &err);
}

/* As PyTorch 2.1 and later write it. */
static void a_byte_order_of_ours_is_accepted(void **state)
{
    static const char GOOD[] = SET(TENSOR(FLOATS, "\0", "K\4\x85", "K\1\x85"));
    struct fixture *x = *state;
    struct weights_file *f;
    struct vit_error err;

    make_zip(x->path, (struct make_member[]){ { "a/data.pkl", GOOD, sizeof GOOD - 1, false },
                                              { "a/byteorder", "little", 6, false },
                                              { "a/data/0", STORAGE, sizeof STORAGE, false },
                                              { 0 } });
    assert_ok(weights_open(&f, x->path, &err), &err);
    assert_memory_equal(weights_view_f32(weights_find(f, "w")), STORAGE, sizeof STORAGE);
    weights_close(f);
}

/* Zeros that deflate to nothing. */
static void a_pickle_as_large_as_a_network_is_refused(void **state)
{
    enum { MOST = 16 << 20 };
    struct fixture *x = *state;
    struct weights_file *f;
    struct vit_error err;
    char *bytes = calloc(1, MOST + 1);

    make_zip(x->path, (struct make_member[]){ { "a/data.pkl", bytes, MOST + 1, true }, { 0 } });
    assert_refused(weights_open(&f, x->path, &err), VIT_ERR_FORMAT,
                   "made.pth: its pickle has 16777217 bytes, at most 16777216 are read", &err);
    assert_null(f);
    /* one less is read, and refused for what it says: 0 is no instruction */
    make_zip(x->path, (struct make_member[]){ { "a/data.pkl", bytes, MOST, true }, { 0 } });
    assert_refused(weights_open(&f, x->path, &err), VIT_ERR_UNSUPPORTED, "the instruction 0x00 at byte 0",
                   &err);
    free(bytes);
}

/* Each adds a value or a place on the stack for a byte or two of its own. */
static void pickles_that_grow_without_end_are_refused(void **state)
{
    static const struct {
        const char *start, *again, *says;
    } CASES[] = {
        { PROTO, "N", "it has too many values" },
        { PROTO "Nq\1", "h\1", "its stack is too deep" },
    };
    enum { TIMES = (1 << 20) + 10 };
    struct fixture *x = *state;
    struct weights_file *f;
    struct vit_error err;
    char *bytes = malloc(2 * TIMES + 20);

    for (size_t i = 0; i < VIT_COUNT(CASES); i++) {
        const size_t step = strlen(CASES[i].again);
        size_t n = strlen(CASES[i].start);

        memcpy(bytes, CASES[i].start, n);
        for (int k = 0; k < TIMES; k++, n += step) memcpy(bytes + n, CASES[i].again, step);
        make_pth(x, bytes, n);
        assert_refused(weights_open(&f, x->path, &err), VIT_ERR_FORMAT, CASES[i].says, &err);
        assert_null(f);
    }
    free(bytes);
}

static void a_program_is_refused(void **state)
{
    struct fixture *x = *state;
    struct weights_file *f;
    struct vit_error err;

    make_zip(x->path, (struct make_member[]){
                          { "a/data.pkl", "}.", 2, false }, { "a/constants.pkl", ").", 2, false }, { 0 } });
    assert_refused(weights_open(&f, x->path, &err), VIT_ERR_UNSUPPORTED, "TorchScript", &err);
}

/* torch.load knows the two words, and refuses the rest as well. */
static void a_foreign_byte_order_is_refused(void **state)
{
    static const struct {
        const char *word;
        size_t size;
        enum vit_status status;
        const char *says;
    } CASES[] = {
        { "big", 3, VIT_ERR_UNSUPPORTED, "made.pth: was written by a big-endian machine" },
        { "", 0, VIT_ERR_FORMAT, "\"a/byteorder\" must be \"little\" or \"big\", found 0 bytes" },
        { "l", 1, VIT_ERR_FORMAT, "found 1 bytes" },
        { "litt", 4, VIT_ERR_FORMAT, "found 4 bytes" },
        { "Little", 6, VIT_ERR_FORMAT, "found 6 bytes" },
        { "little", 7, VIT_ERR_FORMAT, "found 7 bytes" },
        { "little\n", 7, VIT_ERR_FORMAT, "found 7 bytes" },
        { "little-endian", 13, VIT_ERR_FORMAT, "found 13 bytes" },
        { "bi", 2, VIT_ERR_FORMAT, "found 2 bytes" },
        { "big", 4, VIT_ERR_FORMAT, "found 4 bytes" },
    };
    static const char GOOD[] = SET(TENSOR(FLOATS, "\0", "K\4\x85", "K\1\x85"));
    struct fixture *x = *state;
    struct weights_file *f;
    struct vit_error err;

    for (size_t i = 0; i < VIT_COUNT(CASES); i++) {
        make_zip(x->path, (struct make_member[]){ { "a/data.pkl", GOOD, sizeof GOOD - 1, false },
                                                  { "a/byteorder", CASES[i].word, CASES[i].size, false },
                                                  { "a/data/0", STORAGE, sizeof STORAGE, false },
                                                  { 0 } });
        assert_refused(weights_open(&f, x->path, &err), CASES[i].status, CASES[i].says, &err);
        assert_null(f);
    }
}

/* Too long to be put before the names of its storages. */
static void a_long_folder_is_refused(void **state)
{
    static const char PICKLE[] = SET(TENSOR(FLOATS, "\0", "K\4\x85", "K\1\x85"));
    struct fixture *x = *state;
    struct weights_file *f;
    struct vit_error err;

    make_zip(x->path, (struct make_member[]){ { SIX_HUNDRED "/data.pkl", PICKLE, sizeof PICKLE - 1, false },
                                              { SIX_HUNDRED "/data/0", STORAGE, sizeof STORAGE, false },
                                              { 0 } });
    assert_refused(weights_open(&f, x->path, &err), VIT_ERR_FORMAT,
                   "has a name of 601 bytes, expected at most", &err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_nested_dictionary_of_torch_is_read),
        cmocka_unit_test(protocol_4_and_shared_storages_are_read),
        cmocka_unit_test_setup_teardown(an_archive_cut_off_anywhere_is_refused, setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(every_bad_pickle_is_refused_with_its_reason, setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(the_good_pickle_beside_the_bad_ones_is_read, setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(what_training_scripts_keep_beside_the_weights_is_passed_over, setup,
                                        tmp_teardown),
        cmocka_unit_test_setup_teardown(plain_values_of_any_kind_are_passed_over, setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(every_cut_or_flipped_pickle_is_refused_or_harmless, setup,
                                        tmp_teardown),
        cmocka_unit_test_setup_teardown(dictionaries_that_multiply_are_refused, setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(a_long_folder_is_refused, setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(a_byte_order_of_ours_is_accepted, setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(a_pickle_as_large_as_a_network_is_refused, setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(pickles_that_grow_without_end_are_refused, setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(a_program_is_refused, setup, tmp_teardown),
        cmocka_unit_test_setup_teardown(a_foreign_byte_order_is_refused, setup, tmp_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
