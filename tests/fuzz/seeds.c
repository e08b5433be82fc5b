/* seeds FOLDER: small whole inputs for every fuzz target, FOLDER/TARGET/NAME. Each is made here. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if VIT_JPEG
#include <jpeglib.h>
#endif

#include "patch/sandbox.h"
#include "tests/fuzz/models.h"
#include "tests/patch/noise.h"
#include "tests/support/flat.h"
#include "tests/vit/tiny.h"
#include "tests/weights/make.h"
#include "vit/json.h"

static const char *root;

static void seed(const char *target, const char *name, const void *bytes, size_t size)
{
    char path[400];

    snprintf(path, sizeof path, "%s/%s", target, name);
    tmp_write(root, path, bytes, size, NULL, 0);
}

/* With a byte in front that chooses what the target does. */
static void seed_for(const char *target, const char *name, int choice, const void *bytes, size_t size)
{
    unsigned char *both = malloc(size + 1);

    if (!both) abort();
    both[0] = (unsigned char)choice;
    memcpy(both + 1, bytes, size);
    seed(target, name, both, size + 1);
    free(both);
}
#define SEED_TEXT(target, name, choice, text) seed_for(target, name, choice, text, sizeof(text) - 1)
#define SEED(target, name, text)              seed(target, name, text, sizeof(text) - 1)

/* A file that the library writes, as a seed of a target. */
static void take_file(const char *target, const char *name, const char *path)
{
    size_t size;
    unsigned char *bytes = tmp_read(path, &size);

    seed(target, name, bytes, size);
    free(bytes);
}

/* ---- tensors ---- */

static void safetensors(void)
{
    static const char *const HEADERS[] = {
        "{}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]}}",
        "{\"__metadata__\":{\"format\":\"pt\",\"k\":\"v\"},\"a\":{\"dtype\":\"BF16\",\"shape\":[4],"
        "\"data_offsets\":[0,8]},\"b\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[8,16]}}",
        "{\"a\":{\"dtype\":\"F16\",\"shape\":[],\"data_offsets\":[0,2]},\"b\":{\"dtype\":\"U8\",\"shape\":[0,"
        "3],\"data_offsets\":[2,2]},\"c\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[2,10]}}",
    };
    static const size_t DATA[] = { 0, 16, 16, 10 };

    for (size_t i = 0; i < VIT_COUNT(HEADERS); i++) {
        size_t size;
        unsigned char *bytes = make_safetensors(HEADERS[i], DATA[i], &size);
        char name[8] = { (char)('a' + i), '\0' };
        seed("safetensors", name, bytes, size);
        free(bytes);
    }
}

static void models(const char *scratch)
{
    const struct vit_config c = fuzz_config();
    struct vit_hyper h = vit_hyper_default();
    struct vit_trainer *t;
    struct vit_error err;
    struct vit_model *m = tiny_model(&c, "ref");

    if (vit_model_save(m, scratch, WEIGHTS_F32, &err)) abort();
    take_file("model", "f32", scratch);
    take_file("safetensors", "model", scratch);
    if (vit_model_save(m, scratch, WEIGHTS_BF16, &err)) abort();
    take_file("model", "bf16", scratch);
    vit_model_fix_scale(m, VIT_PRODUCT_FC1, 0.02f);
    if (vit_model_save(m, scratch, WEIGHTS_I8, &err)) abort();
    take_file("model", "int8", scratch);
    if (vit_model_save_packed(m, scratch, KERN_F32, "ref+vec", &err)) abort();
    take_file("model", "packed-f32", scratch);
    take_file("safetensors", "packed", scratch);
    if (vit_model_save_packed(m, scratch, KERN_I8, "ref+vec", &err)) abort();
    take_file("model", "packed-int8", scratch);
    h.steps = 10;
    if (vit_trainer_create(&t, m, &h, 2, 1, &err) ||
        vit_trainer_save(t, scratch,
                         "{\"version\":1,\"finished\":false,\"settings\":{\"lr\":\"0.1\"},\"data\":\"d\","
                         "\"kernels\":\"ref\",\"pictures\":4,\"log_bytes\":0,\"epoch\":0,\"batch\":0,"
                         "\"loss_sum\":0.0,\"norm_sum\":0.0,\"correct\":0,\"seen\":0,\"steps\":0,"
                         "\"train_loss\":0.0,\"val_n\":0,\"val_loss\":0.0,\"val_top1\":0.0,\"raw_val_n\":0,"
                         "\"raw_val_loss\":null,\"raw_val_top1\":0.0}",
                         &err))
        abort();
    take_file("state", "fresh", scratch);
    vit_trainer_close(t);
    vit_model_close(m);
}

/* Version 1 or 2 of the format, a header of the wanted words, size bytes of values. */
static size_t npy(unsigned char *out, int version, const char *words, const void *values, size_t size)
{
    const size_t header = strlen(words) + 1, front = version == 1 ? 10 : 12;

    memset(out, 0, front);
    memcpy(out, "\x93NUMPY", 6);
    out[6] = (unsigned char)version;
    out[8] = (unsigned char)header;
    memcpy(out + front, words, header - 1);
    out[front + header - 1] = '\n';
    memcpy(out + front + header, values, size);
    return front + header + size;
}

static void arrays(const char *scratch)
{
    static const float VALUES[] = { 1, 2, 3, 4 };
    unsigned char one[200], two[200];
    const size_t n = npy(one, 1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }", VALUES, 16);
    const size_t m = npy(two, 2, "{'descr': '<i8', 'fortran_order': True, 'shape': (2L,), }", VALUES, 16);
    const struct make_member members[] = { { "a.npy", one, n, false },
                                           { "b.npy", two, m, true },
                                           { NULL, NULL, 0, false } };

    seed("npy", "one", one, n);
    seed("npy", "two", two, m);
    make_zip(scratch, members);
    take_file("zip", "npz", scratch);
}

/* What torch.save writes of {"w": a float tensor of shape (2, 2)}, in protocols 2 and 4. */
static void pickles(const char *scratch)
{
    static const char TWO[] = "\x80\2}q\0U\1wq\1ctorch._utils\n_rebuild_tensor_v2\nq\2((U\7storagectorch\n"
                              "FloatStorage\nU\1"
                              "0U\3cpuK\4tQK\0K\2K\2\x86K\2K\1\x86\x89}tRq\3s.";
    static const char FOUR[] = "\x80\4\x95\x60\0\0\0\0\0\0\0}\x94\x8c\1w\x94\x8c\14torch._utils\x94\x8c"
                               "\22_rebuild_tensor_v2\x94\x93\x94((\x8c\7storage\x94\x8c\5torch\x94\x8c\14"
                               "FloatStorage\x94\x93\x94\x8c\1"
                               "1\x94\x8c\3cpu\x94K\20t\x94QK\0K\4\x85\x94K\1\x85\x94\x89}\x94t\x94R\x94s.";
    static const char ORDERED[] = "\x80\2ccollections\nOrderedDict\n)R(U\1aK\1U\1bJ\1\0\0\0U\1c\x8a\1\5u}b.";
    static const char BESIDE[] =
        "\x80\2}(U\1a\x8f(K\1\x90U\1b(K\1\x91U\1c\x96\1\0\0\0\0\0\0\0aU\1d\x8a\11"
        "12345678\0U\1eccollections\ndefaultdict\nc__builtin__\nlist\n\x85R(U\1f]uu.";
    static const unsigned char VALUES[16];
    const struct make_member members[] = { { "a/data.pkl", TWO, sizeof TWO - 1, false },
                                           { "a/data/0", VALUES, sizeof VALUES, false },
                                           { NULL, NULL, 0, false } };

    seed("pth", "two", TWO, sizeof TWO - 1);
    seed("pth", "four", FOUR, sizeof FOUR - 1);
    seed("pth", "ordered", ORDERED, sizeof ORDERED - 1);
    seed("pth", "beside", BESIDE, sizeof BESIDE - 1);
    make_zip(scratch, members);
    take_file("zip", "pth", scratch);
}

/* ---- texts ---- */

static void configurations(void)
{
    SEED_TEXT("config", "ours", 0,
              "{\"format\":\"vit-1\",\"image\":8,\"channels\":3,\"stem\":{\"kind\":\"patch\",\"patch\":4},"
              "\"width\":16,\"depth\":1,\"heads\":2,\"hidden\":24,\"classes\":4,\"cls\":true,\"registers\":0,"
              "\"position\":\"learned\",\"pool\":\"cls\",\"pre_logits\":0,\"norm\":{\"placement\":\"pre\","
              "\"kind\":\"layernorm\",\"eps\":1e-6,\"embed\":false,\"final\":true,\"qk\":false},\"act\":"
              "\"gelu\",\"qkv_bias\":true,\"bias\":true,\"labels\":[\"a\",\"b\",\"c\",\"d\"],\"preprocess\":{"
              "\"size\":8,\"crop_mode\":\"center\",\"crop_pct\":0.9,\"interpolation\":\"bicubic\",\"mean\":["
              "0.5,0.5,0.5],\"std\":[0.5,0.5,0.5]}}");
    SEED_TEXT(
        "config", "conv", 0,
        "{\"format\":\"vit-1\",\"image\":8,\"channels\":3,\"stem\":{\"kind\":\"conv\",\"layers\":[{\"out\""
        ":16,\"kernel\":3,\"stride\":2,\"padding\":1,\"bias\":false,\"norm\":\"batch\",\"act\":\"relu\","
        "\"pool\":{\"kind\":\"max\",\"kernel\":3,\"stride\":2,\"padding\":1}}],\"project\":false},"
        "\"width\":16,\"depth\":1,\"heads\":2,\"hidden\":24,\"classes\":4,\"pool\":\"seq\",\"norm\":{"
        "\"placement\":\"mix:0.5\",\"kind\":\"rmsnorm\"},\"act\":\"swiglu\"}");
    SEED_TEXT("config", "timm", 0,
              "{\"architecture\":\"vit_tiny_patch16_224\",\"num_classes\":4,\"num_features\":16,"
              "\"global_pool\":\"token\",\"model_args\":{\"img_size\":8,\"patch_size\":4,\"embed_dim\":16,"
              "\"depth\":1,\"num_heads\":2,\"num_classes\":4},\"pretrained_cfg\":{\"input_size\":[3,8,8],"
              "\"interpolation\":\"bicubic\",\"crop_pct\":0.9,\"mean\":[0.5,0.5,0.5],\"std\":[0.5,0.5,0.5],"
              "\"label_names\":[\"a\",\"b\",\"c\",\"d\"]}}");
    SEED_TEXT("config", "hf", 1,
              "{\"architectures\":[\"ViTForImageClassification\"],\"model_type\":\"vit\",\"hidden_size\":16,"
              "\"num_hidden_layers\":1,\"num_attention_heads\":2,\"intermediate_size\":24,\"hidden_act\":"
              "\"gelu\",\"layer_norm_eps\":1e-12,\"image_size\":8,\"patch_size\":4,\"num_channels\":3,"
              "\"qkv_bias\":false,\"id2label\":{\"0\":\"a\",\"1\":\"b\",\"2\":\"c\",\"3\":\"d\"}}");
    SEED_TEXT("config", "preprocessor", 3,
              "{\"size\":{\"height\":8,\"width\":8},\"crop_size\":8,\"do_center_crop\":true,\"resample\":3,"
              "\"do_normalize\":true,\"image_mean\":[0.5,0.5,0.5],\"image_std\":[0.5,0.5,0.5],"
              "\"rescale_factor\":0.00392156862745098}");
}

static void lists_and_lines(void)
{
    SEED_TEXT("list", "csv", 0, "file,label\na.png,cat\n\"b, c.png\",\"d\"\"og\"\r\nd.png,cat\n");
    SEED_TEXT("list", "txt", 1, "a.png\r\nb.png\n\nc.png");
    /* By their places among vit help's verbs. */
    SEED_TEXT("options", "classify", 0, "-m\0model\0--size=224\0-qv\0-k3\0--\0-x.png");
    SEED_TEXT("options", "eval", 1,
              "--data\0d\0--split\0val\0--limit\0"
              "10\0--norm\0mix:0.5\0--json");
    SEED_TEXT("options", "train", 3,
              "--lr\0"
              "1e-3\0--warmup\0"
              "5%\0--no-val\0--epochs=3\0--seed\0"
              "7");
    SEED_TEXT("options", "preprocess", 8,
              "--mean\0"
              "0.5,0.5,0.5\0--crop-mode\0squash\0-o\0x.png");
    SEED("options", "recipe", "{\"preset\":\"plain-4\",\"lr\":0.001,\"qk-norm\":true,\"warmup\":\"10%\"}");
}

/* ---- what training leaves ---- */

#define CELL(norm, end)                                                                                      \
    "{\"cell\":\"" norm "\",\"norm\":\"" norm                                                                \
    "\",\"depth\":6,\"lr\":0.001,\"warmup\":\"5%\",\"init\":\"xavier\","                                     \
    "\"seed\":0,\"epochs\":5,\"width\":96,\"status\":\"" end                                                 \
    "\",\"epochs_done\":5,\"steps\":50,\"val_n\":1000,"                                                      \
    "\"val_top1\":0.6,\"test_top1\":null,\"reason\":\"r\"}\n"
#define EPOCH(kind, norm)                                                                                    \
    "{\"kind\":\"" kind "\",\"cell\":\"" norm "\",\"norm\":\"" norm                                          \
    "\",\"depth\":6,\"lr\":0.001,\"warmup\":10,"                                                             \
    "\"init\":\"xavier\",\"seed\":0,\"epoch\":1,\"step\":10,\"train_loss\":2,\"train_top1\":0.3,\"val_"      \
    "loss\":1.5,"                                                                                            \
    "\"val_top1\":0.5,\"grad_norm\":1,\"lr_now\":0.001,\"images_per_second\":100,\"diverged\":false}\n"
#define COMPARISON                                                                                           \
    "{\"n\":1000,\"top1_a\":0.6,\"top1_b\":0.5,\"only_a\":150,\"only_b\":50,\"mcnemar_p\":0.001,"            \
    "\"difference\":0.1,"                                                                                    \
    "\"difference_ci95\":[0.05,0.15]}"
#define BLOCK                                                                                                \
    "{\"norm\":\"pre\",\"init\":\"xavier\",\"depth\":6,\"seed\":0,\"block\":0,\"grad_w2\":1,\"stream_rms\":" \
    "1,"                                                                                                     \
    "\"branch_share\":0.5,\"token_cosine\":0.1,\"step_change\":0.01,\"entropy\":3}\n"

static void reports(void)
{
    SEED_TEXT("report", "sweep", 0,
              "{\"format\":\"vit-sweep-1\",\"data\":\"d\",\"kernels\":\"avx2\",\"dead_after\":\"600\","
              "\"test\":false,"
              "\"settings\":{\"norm\":[\"pre\",\"post\"],\"lr\":[\"0.001\"],\"epochs\":[\"5\"]},\"cells\":["
              "{\"cell\":\"pre\",\"norm\":\"pre\",\"lr\":0.001,\"seed\":0},"
              "{\"cell\":\"mix\",\"norm\":\"mix:0.5\",\"lr\":0.001,\"seed\":0}]}"
              "\0" CELL("pre", "done") CELL("post", "dead") "\0" EPOCH("epoch", "pre")
                  EPOCH("step", "post") "\0" COMPARISON);
    SEED_TEXT("report", "train", 1,
              EPOCH("epoch", "pre") EPOCH("step", "pre") "\0{\"classes\":10}\0" BLOCK BLOCK);
    SEED_TEXT("report", "rows", 2, "[" BLOCK "," BLOCK "]\0" COMPARISON);
    SEED("sweep", "grid",
         "{\"format\":\"vit-sweep-1\",\"data\":\"d\",\"pictures\":9,\"kernels\":\"avx2\",\"dead_after\":"
         "\"600\",\"test\":false,\"settings\":{\"norm\":[\"pre\",\"mix:0.5\"],\"lr\":[\"0.001\"]}}"
         "\0" CELL("pre", "done") CELL("post", "dead") "{\"cell\":");
}

/* Two answers of three classes, with how they were made. */
static void logits(const char *scratch)
{
    const float rows[] = { 1, 2, 3, 3, 2, 1 };
    const int64_t labels[] = { 2, 1 }, index[] = { 0, 5 };
    const struct weights_entry entries[] = { { "logits", WEIGHTS_F32, 2, { 2, 3 }, rows },
                                             { "labels", WEIGHTS_I64, 1, { 2 }, labels },
                                             { "index", WEIGHTS_I64, 1, { 2 }, index } };
    const struct weights_text how = { "vit.run", "{\"norm\":\"pre\",\"flip\":true}" };
    struct vit_error err;

    if (weights_write(scratch, entries, VIT_COUNT(entries), &how, 1, &err)) abort();
    take_file("logits", "two", scratch);
    if (weights_write(scratch, entries, 2, NULL, 0, &err)) abort();
    take_file("logits", "bare", scratch);
}

/* An answer of a picture of 2 x 3 pixels, and one that says what is wrong. */
static void answers(void)
{
    struct patch_exchange x = { .size = 10, .max_pixels = 100, .name = "x", .width = 2, .height = 3 };

    seed_for("decoder", "picture", 0, &x, sizeof x);
    seed_for("decoder", "borrowed", 0x80, &x, sizeof x);
    seed_for("decoder", "nothing", 0x1e, &x, sizeof x);
    seed_for("decoder", "too-much", 0x1f, &x, sizeof x);
    x.status = VIT_ERR_FORMAT;
    memcpy(x.text, "damaged", 8);
    seed_for("decoder", "failed", 0, &x, sizeof x);
}

/* ---- pictures ---- */

/* A dictionary of one picture and its label, and one of class names, as cPickle writes them. */
static void cifar_python(void)
{
    static const char FRONT[] = "\x80\2}(U\6labels]K\5aU\4datacnumpy.core.multiarray\n_reconstruct\n"
                                "cnumpy\nndarray\nK\0\x85U\1b\x87R(K\1K\1M\0\14\206cnumpy\ndtype\nU\2u1K\0K\1"
                                "\x87R(K\3U\1|NNNJ\377\377\377\377J\377\377\377\377K\0tb\x89T\0\14\0\0",
                      BACK[] = "tbu.", NAMES[] = "\x80\2}q\1U\13label_namesq\2]q\3(U\1aU\1bes.";
    enum { PIXELS = 3072, AT = sizeof FRONT - 1 };
    unsigned char bytes[AT + PIXELS + sizeof BACK - 1];

    memcpy(bytes, FRONT, AT);
    memset(bytes + AT, 100, PIXELS);
    memcpy(bytes + AT + PIXELS, BACK, sizeof BACK - 1);
    seed_for("cifar", "python", 2, bytes, sizeof bytes);
    seed_for("cifar", "names", 3, NAMES, sizeof NAMES - 1);
}

static void cifar(void)
{
    unsigned char records[2 * NOISE_RECORD + 100];

    for (int i = 0; i < 2; i++) noise_record(records + i * NOISE_RECORD, i, 10, 20, 1);
    memset(records + 2 * NOISE_RECORD, 3, 100);
    seed_for("cifar", "ten", 0, records, 2 * NOISE_RECORD);
    seed_for("cifar", "cut", 0, records, sizeof records);
    seed_for("cifar", "hundred", 1, records, NOISE_RECORD + 1);
    cifar_python();
}

static struct patch_image noise(int width, int height)
{
    struct patch_image image;
    struct vit_error err;

    if (patch_image_create(&image, width, height, &err)) abort();
    for (size_t i = 0; i < (size_t)3 * (size_t)width * (size_t)height; i++)
        image.rgb[i] = (unsigned char)(i / 5 % 200 + vit_random_below(3, i, 20));
    return image;
}

#if VIT_JPEG
struct variant {
    const char *name;
    int components, colours, quality;
    int progressive, restart, sample, arithmetic;
};

static void compress(const struct variant *v, const struct patch_image *image)
{
    struct jpeg_compress_struct c;
    struct jpeg_error_mgr errors;
    unsigned char *bytes = NULL;
    unsigned long size = 0;

    c.err = jpeg_std_error(&errors);
    jpeg_create_compress(&c);
    jpeg_mem_dest(&c, &bytes, &size);
    c.image_width = (JDIMENSION)(image->width * 3 / v->components);
    c.image_height = (JDIMENSION)image->height;
    c.input_components = v->components;
    c.in_color_space = (J_COLOR_SPACE)v->colours;
    jpeg_set_defaults(&c);
    jpeg_set_quality(&c, v->quality, TRUE);
    if (v->progressive) jpeg_simple_progression(&c);
    c.restart_interval = (unsigned)v->restart;
    c.arith_code = v->arithmetic ? TRUE : FALSE;
    c.comp_info[0].h_samp_factor = c.comp_info[0].v_samp_factor = v->sample;
    jpeg_start_compress(&c, TRUE);
    /* Orientation 6, in a TIFF structure of one entry. */
    jpeg_write_marker(&c, JPEG_APP0 + 1,
                      (const unsigned char *)"Exif\0\0II*\0\10\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0\0\0\0\0",
                      32);
    while (c.next_scanline < c.image_height) {
        JSAMPROW row = image->rgb + (size_t)c.next_scanline * (size_t)image->width * 3;
        jpeg_write_scanlines(&c, &row, 1);
    }
    jpeg_finish_compress(&c);
    seed("picture", v->name, bytes, size);
    seed("exif", v->name, bytes, size < 200 ? size : 200);
    jpeg_destroy_compress(&c);
    free(bytes);
}

static void jpegs(const struct patch_image *image)
{
    static const struct variant VARIANTS[] = {
        { "420.jpg", 3, JCS_RGB, 50, 0, 0, 2, 0 },   { "444.jpg", 3, JCS_RGB, 90, 0, 1, 1, 0 },
        { "prog.jpg", 3, JCS_RGB, 30, 1, 0, 2, 0 },  { "grey.jpg", 1, JCS_GRAYSCALE, 60, 0, 0, 1, 0 },
        { "cmyk.jpg", 4, JCS_CMYK, 40, 1, 2, 1, 0 }, { "arith.jpg", 3, JCS_RGB, 40, 0, 0, 2, 1 },
    };

    for (size_t i = 0; i < VIT_COUNT(VARIANTS); i++) compress(&VARIANTS[i], image);
}
#else
static void jpegs(const struct patch_image *image)
{
    (void)image;
}
#endif

static void pictures(const char *scratch)
{
    static const char TIFF[] = "MM\0*\0\0\0\10\0\1\1\x12\0\3\0\0\0\1\0\3\0\0\0\0\0\0";
    struct patch_image image = noise(24, 11);
    struct vit_error err;
    size_t size;
    unsigned char *flat = flat_png(37, 9, &size);

    jpegs(&image);
    if (patch_png_write(scratch, image.rgb, image.width, image.height, &err)) abort();
    take_file("png", "rgb", scratch);
    take_file("exif", "rgb.png", scratch);
    seed("png", "flat", flat, size);
    SEED("exif", "tiff", TIFF);
    SEED("picture", "grey.pgm", "P5\n# a\n3 2\n255\nabcdef");
    SEED("picture", "deep.ppm", "P6 1 2 65535\nabcdefghijkl");
    SEED("picture", "24.bmp",
         "BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\2\0\0\0\2\0\0\0\1\0\x18\0\0\0\0\0\x10\0\0\0\0"
         "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0abcdef\0\0ghijkl\0\0");
    SEED("picture", "4.bmp",
         "BM\x46\0\0\0\0\0\0\0\x3e\0\0\0\x28\0\0\0\2\0\0\0\2\0\0\0\1\0\4\0\0\0\0\0\x8\0\0\0\0"
         "\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0abc\0def\0\x10\0\0\0\1\0\0\0");
    SEED("picture", "os2.bmp",
         "BM\x46\0\0\0\0\0\0\0\x1a\0\0\0\x0c\0\0\0\2\0\2\0\1\0\x18\0abcdef\0\0ghijkl\0\0");
    free(flat);
    patch_image_free(&image);
}

int main(int argc, char **argv)
{
    char dir[256], scratch[300];

    if (argc != 2) {
        fprintf(stderr, "usage: seeds FOLDER\n");
        return 2;
    }
    root = argv[1];
    tmp_create(dir, sizeof dir);
    snprintf(scratch, sizeof scratch, "%s/scratch", dir);
    safetensors();
    models(scratch);
    arrays(scratch);
    pickles(scratch);
    configurations();
    lists_and_lines();
    reports();
    logits(scratch);
    answers();
    cifar();
    pictures(scratch);
    tmp_remove(dir);
    return 0;
}
