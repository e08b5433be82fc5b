/* vit embed: the vector the head saw, for each picture. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "tools/memory.h"
#include "tools/out.h"
#include "tools/pictures.h"
#include "vit/json.h"
#include "vit/sink.h"

struct options {
    struct cmd_common common;
    struct pictures_options pictures;
    const char *output;
};
_Static_assert(offsetof(struct options, pictures) == sizeof(struct cmd_common), "pictures_group looks there");

static const struct args_option ROWS[] = {
    { .name = "output",
      .letter = 'o',
      .kind = ARGS_PATH,
      .at = offsetof(struct options, output),
      .metavar = "FILE.npy",
      .otherwise = "JSON lines on standard output",
      .help = "write one (pictures, width) array of f32 for NumPy; pictures that failed have no row; "
              "nothing is written where all did, or where the lines of --json break off" },
};
static const struct args_group OWN = { "Options", ROWS, VIT_COUNT(ROWS) };
static const struct args_group *const GROUPS[] = { &OWN, &pictures_group, &cmd_norm_group, &cmd_common_group,
                                                   NULL };

struct collector {
    const struct options *o;
    int width;
    struct memory array; /* not open: JSON lines */
    size_t rows;
    bool cut; /* stdout broke before the last picture: rows are missing */
};

static bool emit(void *state, const struct pictures_result *r)
{
    struct collector *c = state;
    json_t *vector;

    if (r->err) return pictures_emit_failure(&c->o->common, r);
    if (c->array.out) {
        const size_t width = (size_t)c->width, row = c->rows++;
        if (fwrite(r->features, sizeof *r->features, width, c->array.out) != width) return false;
        return !c->o->common.json ||
               out_json(json_pack("{s:o,s:o}", "file", out_text(r->file), "row", out_whole(row)));
    }
    vector = json_array();
    for (int i = 0; i < c->width; i++) vit_json_append(&vector, out_float(r->features[i]));
    return out_json(json_pack("{s:o,s:o,s:o}", "file", out_text(r->file), "embedding", vector, "milliseconds",
                              pictures_milliseconds(r)));
}

enum { NPY_HEADER = 128 }; /* a multiple of 64, as the format asks */

/* NumPy format 1.0: magic, version, length of the header, a Python dictionary padded with blanks. */
static void npy_header(char header[NPY_HEADER + 1], size_t rows, int width)
{
    char text[NPY_HEADER];
    int length = snprintf(text, sizeof text, "{'descr': '<f4', 'fortran_order': False, 'shape': (%zu, %d), }",
                          rows, width);

    memcpy(header, "\x93NUMPY\x01\x00", 8);
    header[8] = (char)(NPY_HEADER - 10);
    header[9] = 0;
    memset(header + 10, ' ', NPY_HEADER - 10);
    memcpy(header + 10, text, (size_t)length);
    header[NPY_HEADER - 1] = '\n';
}

static int no_memory(const char *path)
{
    cmd_error("%s: cannot allocate memory for it", path);
    return CMD_UNUSABLE;
}

/* Now the number of rows is known. False: not written, which has been said. */
static bool write_array(const char *path, struct collector *c)
{
    struct vit_error err;

    if (c->cut) {
        cmd_error("%s: not written: standard output broke before the last picture", path);
        return false;
    }
    if (!c->rows) return true;
    npy_header(c->array.bytes, c->rows, c->width);
    if (!vit_write_file(path, c->array.bytes, c->array.size, &err)) return true;
    cmd_error("%s", err.text);
    return false;
}

static int embed_array(const struct options *o, struct pictures_job *job, struct collector *c, int count,
                       char **operands)
{
    char header[NPY_HEADER + 1] = { 0 };
    int code;

    if (!memory_open(&c->array)) return no_memory(o->output);
    fwrite(header, 1, NPY_HEADER, c->array.out);
    code = pictures_run(job, count, operands);
    if (!memory_close(&c->array)) {
        if (code <= CMD_SOME_FAILED) code = no_memory(o->output);
    } else if (code <= CMD_SOME_FAILED && !write_array(o->output, c)) {
        code = CMD_SOME_FAILED;
    }
    free(c->array.bytes);
    return code;
}

static int run(const void *options, int count, char **operands)
{
    const struct options *o = options;
    struct collector c = { .o = o };
    struct cmd_common common = o->common;
    const struct cmd_output file = {
        .option = "--output", .path = o->output, .end = ".npy", .beside = o->common.json
    };
    struct pictures_job job = {
        .common = &common, .options = o->pictures, .output = &file, .emit = emit, .state = &c, .cut = &c.cut
    };
    int code;

    common.headless = true;
    if (!count) return cmd_usage("nothing to embed: name a picture, a folder, a list or -");
    code = cmd_check_outputs(&file, 1, common.model, count, (const char *const *)operands);
    if (!code) code = cmd_can_write(o->output);
    if (!code) code = cmd_open_model(&job.model, &common, 0, false);
    if (code) return code;
    c.width = vit_features_width(job.model);
    code = o->output ? embed_array(o, &job, &c, count, operands) : pictures_run(&job, count, operands);
    vit_model_close(job.model);
    return code;
}

const struct args_verb cmd_embed = {
    .name = "embed",
    .operands = "IMAGE|DIR|LIST.txt|- ...",
    .summary = "Print the feature vector of pictures",
    .details =
        "The pooled features that the classification head sees, also of a network published without one, "
        "one JSON object a line (file, embedding, milliseconds), or one array for NumPy with -o, whose rows "
        "are in the order of the pictures; --json then says which row is whose (file, row). Operands are "
        "those of classify.",
    .groups = GROUPS,
    .bytes = sizeof(struct options),
    .run = run,
};
