/* vit bench: times of whole models and of single kernels, beside what the machine could do at best. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "tools/bench.h"
#include "tools/stop.h"

static const char *format_word(int i)
{
    static const char *const WORDS[] = { "markdown", "json", "csv", NULL };
    return WORDS[i];
}

/* When nobody says otherwise: pictures of a batch, runs of what takes a moment and of what takes longer. */
#define BATCH       1
#define TRAIN_BATCH 128
#define RUNS        20
#define FEW_RUNS    5

#define AT(field) offsetof(struct bench_options, field)
static const struct args_option ROWS[] = {
    { .name = "batch",
      .letter = 'b',
      .kind = ARGS_TEXT,
      .at = AT(batch),
      .metavar = "N[,N...]",
      .otherwise = CMD_TEXT(BATCH) "; train: " CMD_TEXT(TRAIN_BATCH),
      .help = "pictures computed together, one row for each" },
    { .name = "threads",
      .letter = 't',
      .kind = ARGS_TEXT,
      .at = AT(threads),
      .metavar = "N[,N...]",
      .otherwise = CMD_THREADS_OTHERWISE,
      .help = "threads to compute with, one row for each" },
    { .name = "runs",
      .letter = 'r',
      .kind = ARGS_INT,
      .at = AT(runs),
      .low = 1,
      .high = 1e6,
      .metavar = "RUNS",
      .otherwise = CMD_TEXT(RUNS) "; train, load: " CMD_TEXT(FEW_RUNS),
      .help = "timed runs after warm-up" },
    { .name = "output",
      .letter = 'o',
      .kind = ARGS_CHOICE,
      .at = AT(format),
      .choice = format_word,
      .initial = "markdown",
      .metavar = "FORMAT",
      .help = "a table, an object a line, or comma-separated values" },
    { .name = "packed",
      .kind = ARGS_FLAG,
      .at = AT(packed),
      .help = "load, with --arch: a file laid out for the kernels, as vit convert --packed writes it" },
    { .name = "limits",
      .kind = ARGS_FLAG,
      .at = AT(limits),
      .help = "measure the machine's limits in the same run (multiply-adds in registers, reading memory) and "
              "give each row its share" },
};
static const struct args_option SIZES[] = {
    { .name = "arch",
      .kind = ARGS_TEXT,
      .at = AT(arch),
      .choice = vit_config_preset_name,
      .metavar = "NAME",
      .otherwise = "plain-4, when a size is given",
      .help = "random weights of timm's architecture (vit_base_patch16_224) or a preset; needs no file" },
    { .name = "image",
      .kind = ARGS_INT,
      .at = AT(image),
      .low = 1,
      .high = 8192,
      .metavar = "N",
      .help = "pixels a side" },
    { .name = "patch",
      .kind = ARGS_INT,
      .at = AT(patch),
      .low = 1,
      .high = 1024,
      .metavar = "N",
      .help = "pixels of a patch's side" },
    { .name = "width",
      .kind = ARGS_INT,
      .at = AT(width),
      .low = 1,
      .high = 1e6,
      .metavar = "N",
      .help = "numbers of a token" },
    { .name = "depth",
      .kind = ARGS_INT,
      .at = AT(depth),
      .low = 1,
      .high = 1e6,
      .metavar = "N",
      .help = "blocks" },
    { .name = "heads",
      .kind = ARGS_INT,
      .at = AT(heads),
      .low = 1,
      .high = 1e6,
      .metavar = "N",
      .otherwise = "the architecture's; with --width one for each 64 of it, or 1 where these are not whole",
      .help = "attention heads" },
    { .name = "hidden",
      .kind = ARGS_INT,
      .at = AT(hidden),
      .low = 1,
      .high = 1e6,
      .metavar = "N",
      .otherwise = "as many times the width as in the architecture",
      .help = "width of the MLP" },
    { .name = "classes",
      .kind = ARGS_INT,
      .at = AT(classes),
      .low = 1,
      .high = 1e6,
      .metavar = "N",
      .help = "classes" },
};
static const struct args_group OWN = { "Options", ROWS, VIT_COUNT(ROWS) };
static const struct args_group MODEL = { "A model without a file", SIZES, VIT_COUNT(SIZES) };
static const struct args_group *const GROUPS[] = { &OWN, &MODEL, &cmd_norm_group, &cmd_unthreaded_group,
                                                   NULL };

static const struct mode {
    const char *name;
    enum vit_status (*measure)(struct bench *b, struct vit_error *err);
    int batch, runs; /* when not given */
    bool trainable;  /* the model: its matrices are laid out for the backward too (int8 has none) */
} MODES[] = {
    { "forward", bench_model_forward, BATCH, RUNS, false },
    { "train", bench_model_train, TRAIN_BATCH, FEW_RUNS, true },
    { "kernels", bench_kernels, BATCH, RUNS, true },
    { "load", bench_model_load, BATCH, FEW_RUNS, false },
};

static const char *mode_name(const void *list, int i)
{
    const struct mode *modes = list;

    return (size_t)i < VIT_COUNT(MODES) ? modes[i].name : NULL;
}

static const char *mode_word(int i)
{
    return mode_name(MODES, i);
}

static const struct mode *find_mode(const char *name)
{
    const char *near = args_nearest(name, mode_name, MODES);

    for (size_t i = 0; i < VIT_COUNT(MODES); i++)
        if (strcmp(MODES[i].name, name) == 0) return &MODES[i];
    cmd_usage("expected forward, train, kernels or load, found \"%s\"%s%s%s", name,
              near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
    return NULL;
}

enum { LONGEST = 16 };
struct list {
    int count, value[LONGEST];
};

/* "1,8,32"; text NULL: other alone. */
static enum vit_status parse_list(struct list *out, const char *where, const char *text, int other,
                                  double high, struct vit_error *err)
{
    uint64_t value;

    *out = (struct list){ .count = 1, .value = { other } };
    for (out->count = text ? 0 : 1; text; out->count++) {
        const size_t length = strcspn(text, ",");
        if (out->count == LONGEST)
            return vit_fail(err, VIT_ERR_ARG, "%s: expected at most %d numbers, found more", where, LONGEST);
        if (args_whole_part(where, text, length, 1, high, &value, err)) return VIT_ERR_ARG;
        out->value[out->count] = (int)value;
        text = text[length] ? text + length + 1 : NULL;
    }
    return VIT_OK;
}

static void warn_forced_blas(const struct bench *b)
{
    const char *core = getenv("OPENBLAS_CORETYPE");

    if (core && strstr(vit_model_kernels(b->model), "blas"))
        cmd_warn(&b->options->common, "OPENBLAS_CORETYPE forces OpenBLAS to the kernels of \"%s\"", core);
}

/* The kernels count rows of activations in int. */
static enum vit_status check_rows(const struct bench *b, struct vit_error *err)
{
    const int tokens = vit_config_tokens(vit_model_config(b->model));

    if (b->batch <= INT_MAX / tokens) return VIT_OK;
    return vit_fail(err, VIT_ERR_ARG, "--batch: expected at most %d with %d tokens, found %d",
                    INT_MAX / tokens, tokens, b->batch);
}

/* Every number of threads with every batch. */
static int measure_all(struct bench *b, const struct mode *mode, const struct list *threads,
                       const struct list *batches)
{
    struct vit_error err;

    for (int t = 0; t < threads->count; t++) {
        b->threads = threads->value[t];
        memset(b->flops, 0, sizeof b->flops);
        for (int i = 0; i < batches->count; i++) {
            b->batch = batches->value[i];
            if (!check_rows(b, &err) && !mode->measure(b, &err)) continue;
            if (stop_wanted()) return CMD_INTERRUPTED;
            cmd_error("%s", err.text);
            return err.status == VIT_ERR_IO ? CMD_SOME_FAILED : CMD_UNUSABLE;
        }
    }
    return CMD_DONE;
}

static int check_model(const struct bench_options *o, const struct mode *mode)
{
    const bool random = bench_model_random(o);

    if (random && o->common.model)
        return cmd_usage("expected -m MODEL or an architecture (--arch, --width, ...), found both");
    if (o->image && o->common.size) return cmd_usage("--image, --size: expected one of them, found both");
    if (o->packed && (!random || mode->measure != bench_model_load))
        return cmd_usage("--packed: expected load and an architecture; a file is packed by vit convert");
    return mode->measure == bench_model_train ? cmd_check_trainable(&o->common) : CMD_DONE;
}

static int run(const void *options, int count, char **operands)
{
    struct bench_options o = *(const struct bench_options *)options;
    const struct mode *mode = count ? find_mode(operands[0]) : &MODES[0];
    struct bench b = { .options = &o };
    struct list threads, batches;
    struct vit_error err;
    int code;

    if (!mode) return CMD_USAGE;
    if (count > 1) return cmd_usage("expected one thing to measure, found \"%s\" too", operands[1]);
    if (parse_list(&batches, "--batch", o.batch, mode->batch, 65536, &err) ||
        parse_list(&threads, "--threads", o.threads, cmd_threads_in_all(&o.common), VIT_MOST_THREADS, &err))
        return cmd_usage("%s", err.text);
    if (o.common.json && strcmp(o.format, "csv") == 0)
        return cmd_usage("--output csv, --json: expected one of them, found both");
    if (o.common.json) o.format = "json";
    code = check_model(&o, mode);
    if (!code) code = bench_model_open(&b, mode->trainable && cmd_dtype(&o.common) != KERN_I8);
    if (!code) {
        b.runs = o.runs ? o.runs : mode->runs;
        warn_forced_blas(&b);
        code = measure_all(&b, mode, &threads, &batches);
    }
    vit_model_close(b.model);
    return code;
}

const struct args_verb cmd_bench = {
    .name = "bench",
    .operands = "[forward|train|kernels|load]",
    .operand = mode_word,
    .summary = "Measure speed: a forward pass, training, single kernels, loading",
    .details =
        "forward: median, minimum and deviation of a batch of noise, after warm-up. train: a whole step "
        "(forward, backward, update); 6 flops for a multiply-add. kernels: products, attention, norm and "
        "activation at the model's shapes, weights taken block by block. load: from opening a file in the "
        "system's cache to the first logits; load_ms is the opening alone; random weights are written to a "
        "file in TMPDIR for it.\n\n"
        "Columns: what, model, params, gflop_per_image, dtype, kernels, threads, batch, runs, ms_median, "
        "ms_min, ms_sd, images_per_second, gflops, load_ms, rss_mb (most memory of the process in that "
        "row, 10^6 bytes), plan_mb (of the session or trainer alone), own_mb (load: what the open model "
        "and its session take that is not pages of the file), gb_per_second (norm and activation), and "
        "with --limits: limit, in GFLOP/s or GB/s, and share of it. The limit of what multiplies is "
        "multiply-adds in registers, with the instructions of the kernels; the limit of norm and "
        "activation is reading as many bytes as they touch from wherever in the caches they lie. Random "
        "weights (--arch) take more memory than a file's, which is used in place.",
    .groups = GROUPS,
    .bytes = sizeof(struct bench_options),
    .run = run,
};
