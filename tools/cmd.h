/* cmd.h - what the verbs share: common options, exit codes, messages, the model.
 *
 * Every verb's struct of options begins with a struct cmd_common, so that the shared rows of
 * options fit all verbs. */
#ifndef TOOLS_CMD_H
#define TOOLS_CMD_H

#include "tools/args.h"
#include "vit/vit.h"

enum cmd_exit {
    CMD_DONE = 0,
    CMD_SOME_FAILED = 1, /* of the inputs; the others are done */
    CMD_USAGE = 2,
    CMD_UNUSABLE = 3, /* the model or the data set */
    CMD_INTERRUPTED = 130,
};

#define CMD_DEFAULT_MODEL "builtin:pre"

struct cmd_common {
    const char *model; /* NULL: CMD_DEFAULT_MODEL */
    int size, threads; /* 0: the model's; physical cores */
    const char *dtype, *kernels;
    uint64_t seed;
    bool json, quiet, verbose, help, version;
    const char *norm, *final_norm;
    const char *labels; /* a text that names the classes; NULL: as the model does */
    bool headless;      /* no option: the verb can do without a classifier */
};

extern const struct args_group cmd_common_group; /* -m --size -t --dtype --kernels --seed --json -q -v -h */
extern const struct args_group cmd_unthreaded_group; /* the same without -t, for a verb that takes a list */
extern const struct args_group cmd_modelless_group;  /* without -m, which the verb has itself or not at all */
extern const struct args_group cmd_bare_group;       /* without both */
extern const struct args_group cmd_norm_group;       /* --norm --final-norm */
extern const struct args_group cmd_training_group;   /* -t --kernels --json -q -v -h; the rest are settings */
extern const struct args_group cmd_talk_group;       /* -q -v -h --version, for a verb without a network */
extern const struct args_verb *const cmd_verbs[];    /* ends with NULL */

const struct args_verb *cmd_find_verb(const char *name); /* NULL: there is none */
int cmd_unknown_verb(const char *name);                  /* says so, and what is near; returns CMD_USAGE */

extern const struct args_verb cmd_classify, cmd_eval, cmd_compare, cmd_train, cmd_sweep, cmd_probe,
    cmd_report, cmd_logits, cmd_preprocess, cmd_explain, cmd_embed, cmd_info, cmd_bench, cmd_convert,
    cmd_help;

/* One line on stderr, control characters made visible. */
void cmd_error(const char *format, ...) VIT_PRINTF(1, 2);
void cmd_warn(const struct cmd_common *o, const char *format, ...) VIT_PRINTF(2, 3); /* not with -q */
void cmd_note(const struct cmd_common *o, const char *format, ...) VIT_PRINTF(2, 3); /* only with -v */

/* cmd_error of what is wrong in the line; returns CMD_USAGE, on which main prints the usage. */
int cmd_usage(const char *format, ...) VIT_PRINTF(1, 2);
/* cmd_error of err; returns CMD_UNUSABLE. */
int cmd_unusable(const struct vit_error *err);
/* The same where flags, too, may be at fault: CMD_USAGE of VIT_ERR_ARG. */
int cmd_refuse(const struct vit_error *err);

/* What can be wrong in the common options whatever the model: CMD_DONE or CMD_USAGE, and says why. */
int cmd_check(const struct cmd_common *o);
/* The same where gradients are computed. */
int cmd_check_trainable(const struct cmd_common *o);
enum kern_dtype cmd_dtype(const struct cmd_common *o); /* --dtype */

/* Those of --kernels, or the default. Fails with VIT_ERR_ARG, also for those that this CPU lacks. */
enum vit_status cmd_kernels(struct kern *k, const struct cmd_common *o, struct vit_error *err);

/* A file to write. */
struct cmd_output {
    const char *option, *path; /* path NULL: not asked for */
    const char *end;           /* of names for its format, ".npy"; NULL: a folder */
    bool text;                 /* ".txt" will do too */
    bool beside;               /* what standard output gets, which is of another format */
};
/* The rule for all n files that a verb writes, asked before its work. None is one that is read (the file of
 * the model, and count others), nor another one of them, which would be lost without a word; none is "-",
 * where standard output is for something else, nor the file that this goes to, or beside results the pipe;
 * and none has the name of another format than is written: whoever is told such a name would not find inside
 * what it says. Names without a known end are taken. What is read may be a folder, "-" and nothing at all;
 * model and paths may be NULL. CMD_USAGE, and says so. */
int cmd_check_outputs(const struct cmd_output *files, int n, const char *model, int count,
                      const char *const *read);
/* The same of the files that a data set or a list names, once it is open. */
int cmd_check_listed(const struct cmd_output *files, int n, const struct patch_dataset *d);
/* Found out before the work whether a file can be written; if not, says so: CMD_SOME_FAILED. NULL: none. */
int cmd_can_write(const char *path);

/* -m, or the default. */
const char *cmd_model_name(const struct cmd_common *o);

/* Threads to compute with: -t, else OMP_NUM_THREADS, else 0 (the library's choice). */
int cmd_threads(const struct cmd_common *o);
/* The same, with that choice: the physical cores this process may use. At least 1. */
int cmd_threads_in_all(const struct cmd_common *o);
/* Warn of what cmd_threads leaves alone, where v has such an option. Called once, before the verb runs. */
void cmd_check_environment(const struct args_verb *v, const struct cmd_common *o);

/* The first of several networks, "A+B", cut off *names, which becomes the rest (NULL: that was the last, and
 * NULL is next); what exists under the whole name is one. */
const char *cmd_next_model(char **names);

/* Open the model of the options at image pixels a side (0: --size, else the file's) and say what is to
 * be said about it. Returns an exit code; *out is NULL unless it is CMD_DONE. */
int cmd_open_model(struct vit_model **out, const struct cmd_common *o, int image, bool trainable);
/* What is to be said about a model that was opened otherwise. */
void cmd_say_notes(const struct vit_model *m, const struct cmd_common *o);

/* --final-norm as struct vit_model_options has it: 1 on, -1 off, 0 the model's own. */
int cmd_final_norm(const struct cmd_common *o);

/* The row --threads of verbs that take one number of them. */
#define CMD_THREADS_OTHERWISE "OMP_NUM_THREADS, else the physical cores this process may use"
#define CMD_THREADS_ROW(help_)                                                                               \
    {                                                                                                        \
        .name = "threads", .letter = 't', .kind = ARGS_INT, .at = offsetof(struct cmd_common, threads),      \
        .low = 1, .high = VIT_MOST_THREADS, .metavar = "N", .otherwise = CMD_THREADS_OTHERWISE,              \
        .help = (help_)                                                                                      \
    }

/* The row --labels of verbs that print names of classes, or write them. */
#define CMD_LABELS_ROW                                                                                       \
    {                                                                                                        \
        .name = "labels", .kind = ARGS_PATH, .at = offsetof(struct cmd_common, labels),                      \
        .metavar = "FILE.txt", .otherwise = "the model's",                                                   \
        .help = "names of the classes, one a line, in the order of the model's outputs"                      \
    }

/* The row --batch of verbs that compute; the target is an int at an offset. */
#define CMD_BATCH_ROW(offset, most, number)                                                                  \
    {                                                                                                        \
        .name = "batch", .letter = 'b', .kind = ARGS_INT, .at = (offset), .low = 1, .high = (most),          \
        .initial = (number), .metavar = "N", .help = "pictures computed together"                            \
    }

/* The row --limit of verbs that read a labelled data set: more than it has is all of it. The target is a
 * uint64_t at an offset; unless: .otherwise = "all" or .initial = "64", what holds when nothing is given. */
#define CMD_LIMIT_ROW(offset, most, unless)                                                                  \
    {                                                                                                        \
        .name = "limit", .kind = ARGS_COUNT, .at = (offset), .low = 1, .high = (most), .metavar = "N",       \
        .help = "pictures, equally many of each class, the same every time", unless                          \
    }

/* The row --max-pixels of verbs that read pictures; the target is a uint64_t at an offset. */
#define CMD_TEXT_OF(x)      #x
#define CMD_TEXT(x)         CMD_TEXT_OF(x)
#define CMD_MAX_PIXELS_TEXT CMD_TEXT(PATCH_MAX_PIXELS)
#define CMD_MAX_PIXELS_HELP                                                                                  \
    "refuse a picture whose header says more pixels than this, before anything of it is decoded"
#define CMD_MAX_PIXELS_MOST ((double)PATCH_MAX_SIDE * PATCH_MAX_SIDE)
#define CMD_MAX_PIXELS_ROW(offset)                                                                           \
    {                                                                                                        \
        .name = "max-pixels", .kind = ARGS_COUNT, .at = (offset), .low = 1, .high = CMD_MAX_PIXELS_MOST,     \
        .initial = CMD_MAX_PIXELS_TEXT, .metavar = "N", .help = CMD_MAX_PIXELS_HELP                          \
    }

/* The row --sandbox of verbs that read pictures; the target is a string at an offset. */
#define CMD_SANDBOX_ROW(offset)                                                                              \
    {                                                                                                        \
        .name = "sandbox", .kind = ARGS_CHOICE, .at = (offset), .choice = cmd_switch_word,                   \
        .initial = "auto", .metavar = "WHEN",                                                                \
        .help = "decode pictures in confined processes, so that one that crashes or holds its decoder "      \
                "fails alone; auto: where this system can"                                                   \
    }
/* The sandbox that when, a word of that row, asks for: NULL for "off", and for "auto" where there can
 * be none, which is said. decoders: pictures decoded at the same time; 0: as many as there are threads.
 * Make it before the session: it forks, and memory of the time before is copied when it is written to. */
enum vit_status cmd_sandbox(struct patch_sandbox **out, const char *when, const struct cmd_common *o,
                            int decoders, uint64_t max_pixels, struct vit_error *err);

/* The row --no-exif of verbs that read pictures; the target is a bool at an offset. more: a clause. */
#define CMD_NO_EXIF_HELP "do not turn pictures as their EXIF orientation says"
#define CMD_NO_EXIF_ROW(offset, more)                                                                        \
    {                                                                                                        \
        .name = "no-exif", .kind = ARGS_FLAG, .at = (offset), .help = CMD_NO_EXIF_HELP more                  \
    }

/* What these two ask of a decoder, whose errors name the first. */
struct patch_decode cmd_decode(uint64_t max_pixels, bool no_exif);

/* The crop of a recipe for pictures, as options --crop-mode and --crop-pct say it. */
#define CMD_CROP_MODE_HELP                                                                                   \
    "resize the short side and cut out the centre, or resize to a square, of which --crop-pct keeps the "    \
    "centre"
#define CMD_CROP_PCT_HELP "the part of the resized side that the crop keeps; of a square all, unless given"
const char *cmd_crop_word(int i);
/* mode NULL, pct 0: not given, and stays. What becomes a square is cut only where it is said how much. */
void cmd_crop(struct patch_recipe *p, const char *mode, float pct);

/* The row --data of verbs that read a labelled data set; the target is a string at an offset. without: what
 * is taken when it is not given, NULL: it must be; more: a clause. */
#define CMD_DATA_HELP                                                                                        \
    "a folder of the files of CIFAR-10 or CIFAR-100 (binary or Python version), a folder with one folder "   \
    "per class (perhaps in train, val, test), or a text of lines file,label (files from where it lies)"
#define CMD_DATA_ROW(offset, without, more)                                                                  \
    {                                                                                                        \
        .name = "data", .letter = 'd', .kind = ARGS_PATH, .at = (offset), .metavar = "PATH",                 \
        .otherwise = (without), .help = CMD_DATA_HELP more                                                   \
    }

/* The row --split of verbs that read a labelled data set; the target is a string at an offset, NULL where it
 * is not given: see eval_data_open. */
#define CMD_SPLIT_ROW(offset)                                                                                \
    {                                                                                                        \
        .name = "split", .kind = ARGS_CHOICE, .at = (offset), .choice = cmd_split_word, .metavar = "SPLIT",  \
        .otherwise = "test, or all of a set without splits", .help = "part of the data set"                  \
    }

/* The row --check; the target is a bool at an offset. */
#define CMD_CHECK_ROW(offset)                                                                                \
    {                                                                                                        \
        .name = "check", .kind = ARGS_FLAG, .at = (offset),                                                  \
        .help =                                                                                              \
            "look for infinities and NaN in the weights, the pixels and after every step; say what made "    \
            "the first"                                                                                      \
    }
/* What --check says of one picture. */
enum vit_status cmd_trouble(const struct vit_trouble *t, const char *file, struct vit_error *err);
/* x (count) is what the network answers for file, where no --check looks on. A NaN would name a
 * class all the same, which is no answer: VIT_ERR_FORMAT. */
enum vit_status cmd_check_answer(const float *x, int count, const char *file, struct vit_error *err);

/* Words for tables of options: NULL past the end. */
const char *cmd_filter_word(int i);
const char *cmd_split_word(int i);
const char *cmd_placement_word(int i); /* "pre", ..., "mix:F" */
const char *cmd_norm_kind_word(int i);
const char *cmd_switch_word(int i); /* auto, on, off */

/* {"file":"a.png","error":{"code":"format","message":"..."}} of one that failed. */
struct json_t *cmd_failure_json(const char *file, const struct vit_error *err);

void cmd_print_verbs(FILE *out);
void cmd_print_version(void);

#endif
