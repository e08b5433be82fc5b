/* What holds for every file that a verb writes. */
#include <libgen.h>
#include <string.h>
#include <sys/stat.h>

#include "patch/walk.h"
#include "tools/cmd.h"
#include "vit/place.h"
#include "vit/sink.h"

/* ---- files that are one ---- */

/* Neither is there yet: of one name in one folder. */
static bool same_place(const char *a, const char *b)
{
    char x[VIT_PLACE_BYTES], y[VIT_PLACE_BYTES];
    struct stat s, t;

    if (snprintf(x, sizeof x, "%s", a) >= (int)sizeof x || snprintf(y, sizeof y, "%s", b) >= (int)sizeof y)
        return false;
    if (strcmp(basename(x), basename(y)) != 0) return false;
    return !stat(dirname(x), &s) && !stat(dirname(y), &t) && s.st_dev == t.st_dev && s.st_ino == t.st_ino;
}

/* What is no ordinary file may be written twice: nothing of it is replaced. */
static bool same_file(const char *a, const char *b)
{
    struct stat s, t;
    const bool there = !stat(a, &s);

    if (there != !stat(b, &t)) return false;
    if (!there) return same_place(a, b);
    return S_ISREG(s.st_mode) && s.st_dev == t.st_dev && s.st_ino == t.st_ino;
}

/* A model may be named by its folder. */
static bool is_model(const char *path, const char *model)
{
    struct vit_place place;

    return !vit_place_find(&place, model, NULL) && same_file(path, place.weights);
}

/* ---- the rule ---- */

/* The endings of other formats, beside those of pictures. */
static bool names_another_format(const struct cmd_output *file)
{
    static const char *const KNOWN[] = { ".safetensors", ".npy",   ".npz",  ".pth", ".pt",
                                         ".bin",         ".onnx",  ".gguf", ".csv", ".tsv",
                                         ".json",        ".jsonl", ".html", ".svg", ".md" };

    if (!file->end || patch_has_extension(file->path, file->end)) return false;
    for (size_t i = 0; i < VIT_COUNT(KNOWN); i++)
        if (patch_has_extension(file->path, KNOWN[i])) return true;
    return patch_is_picture_name(file->path) || (!file->text && patch_has_extension(file->path, ".txt"));
}

static int check_input(const struct cmd_output *file, bool same)
{
    if (!same) return CMD_DONE;
    return cmd_usage("%s: expected another file than the one that is read, found %s", file->option,
                     file->path);
}

static int check_other(const struct cmd_output *file, const struct cmd_output *other)
{
    if (!other->path || !same_file(file->path, other->path)) return CMD_DONE;
    return cmd_usage("%s, %s: expected two files, found %s for both", other->option, file->option,
                     file->path);
}

/* Where a program reads what is written, and gets both as one. A terminal shows them to people, and /dev/null
 * keeps neither. */
static bool is_pipe(const struct stat *s)
{
    return S_ISFIFO(s->st_mode) || S_ISSOCK(s->st_mode);
}

/* What a verb prints would go to the file that is replaced, and be lost; in a pipe its results would be mixed
 * with what is written. */
static int check_streams(const struct cmd_output *file)
{
    struct stat at, stream;
    int last;

    if (stat(file->path, &at)) return CMD_DONE;
    last = S_ISREG(at.st_mode) ? 2 : file->beside && is_pipe(&at) ? 1 : 0;
    for (int fd = 1; fd <= last; fd++)
        if (!fstat(fd, &stream) && stream.st_dev == at.st_dev && stream.st_ino == at.st_ino)
            return cmd_usage("%s: expected another file than the one that standard %s goes to, found %s",
                             file->option, fd == 1 ? "output" : "error", file->path);
    return CMD_DONE;
}

static int check_name(const struct cmd_output *file)
{
    if (strcmp(file->path, "-") == 0)
        return cmd_usage("%s: expected a file, found \"-\"; ./- is a file of that name", file->option);
    if (names_another_format(file))
        return cmd_usage("%s: expected a name for a %s file, which is written, found %s", file->option,
                         file->end + 1, file->path);
    return CMD_DONE;
}

int cmd_check_outputs(const struct cmd_output *files, int n, const char *model, int count,
                      const char *const *read)
{
    for (int i = 0; i < n; i++) {
        const struct cmd_output *file = &files[i];
        int code;

        if (!file->path) continue;
        code = check_name(file);
        if (!code) code = check_streams(file);
        if (!code && model) code = check_input(file, is_model(file->path, model));
        for (int k = 0; !code && k < count; k++)
            code = check_input(file, read[k] && same_file(file->path, read[k]));
        for (int k = 0; !code && k < i; k++) code = check_other(file, &files[k]);
        if (code) return code;
    }
    return CMD_DONE;
}

int cmd_check_listed(const struct cmd_output *files, int n, const struct patch_dataset *d)
{
    int code = CMD_DONE;

    for (int i = 0; i < n && !code; i++)
        if (files[i].path) code = check_input(&files[i], patch_dataset_reads(d, files[i].path));
    return code;
}

int cmd_can_write(const char *path)
{
    struct vit_error err;

    if (!path || !vit_can_write_file(path, &err)) return CMD_DONE;
    return cmd_error("%s", err.text), CMD_SOME_FAILED;
}
