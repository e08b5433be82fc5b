/* A CSV of file,label (RFC 4180: quotes, doubled quotes inside them, either kind of line end). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "patch/dataset.h"
#include "patch/file.h"
#include "patch/walk.h"
#include "vit/arena.h"

#define MAX_CSV_BYTES ((size_t)1 << 30)

struct csv {
    const char *path;
    char *at, *end; /* what is left of the text; fields are unquoted in place */
    size_t line;    /* of at, from 1 */
    bool begun;     /* a line was not blank */
};

enum stop { STOP_COMMA, STOP_LINE, STOP_END, STOP_BAD };

/* What ends the field that stands before c->at, which moves behind it. */
static enum stop take_stop(struct csv *c)
{
    if (c->at == c->end) return STOP_END;
    if (*c->at == ',') return c->at++, STOP_COMMA;
    if (*c->at == '\r' && c->at + 1 < c->end && c->at[1] == '\n') c->at++;
    if (*c->at != '\n' && *c->at != '\r') return STOP_BAD;
    c->at++;
    c->line++;
    return STOP_LINE;
}

/* A quoted field, unquoted in place; false: the quotes never end. */
static bool take_quoted(struct csv *c, char **to)
{
    for (c->at++; c->at < c->end; *(*to)++ = *c->at++) {
        if (*c->at == '\n') c->line++;
        if (*c->at != '"') continue;
        if (c->at + 1 == c->end || c->at[1] != '"') return c->at++, true;
        c->at++;
    }
    return false;
}

/* The next field, ended by a zero byte. */
static enum stop take_field(struct csv *c, char **field)
{
    char *to = c->at;
    enum stop stop;

    *field = to;
    if (c->at < c->end && *c->at == '"') {
        if (!take_quoted(c, &to)) return STOP_BAD;
    } else {
        to += strcspn(to, ",\r\n");
        c->at = to;
    }
    stop = take_stop(c); /* before the zero byte takes its place */
    if (stop != STOP_BAD) *to = '\0';
    return stop;
}

static bool is_blank(const char *field)
{
    return !field[strspn(field, " \t")];
}

static bool is_one_of(const char *text, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!strcasecmp(text, names[i])) return true;
    return false;
}

static bool is_header(const char *file, const char *label)
{
    static const char *const FILES[] = { "file",      "filename", "file_name",  "path",       "filepath",
                                         "file_path", "image",    "image_name", "image_path", "image_id",
                                         "img",       "img_path", "id" };
    static const char *const LABELS[] = { "label",      "labels",   "label_name", "class",
                                          "class_name", "category", "target" };

    return is_one_of(file, FILES, VIT_COUNT(FILES)) && is_one_of(label, LABELS, VIT_COUNT(LABELS));
}

/* The lines as pairs of fields: (file, label) pointing into the text. */
struct pairs {
    struct pair {
        const char *file, *label;
    } * item;
    size_t count;
    bool headed; /* a header stood before them */
};

static enum vit_status add_pair(struct pairs *p, const char *file, const char *label, struct vit_error *err)
{
    if (!vit_grow((void **)&p->item, p->count, sizeof *p->item))
        return vit_fail(err, VIT_ERR_NOMEM, "no memory for more than %zu lines of a CSV", p->count);
    p->item[p->count++] = (struct pair){ file, label };
    return VIT_OK;
}

/* One line; a blank one adds nothing. */
static enum vit_status take_line(struct pairs *p, struct csv *c, struct vit_error *err)
{
    const size_t line = c->line;
    const bool first = !c->begun;
    char *file, *label = NULL;
    enum stop stop = take_field(c, &file);

    if ((stop == STOP_LINE || stop == STOP_END) && is_blank(file)) return VIT_OK;
    c->begun = true;
    if (stop == STOP_COMMA) stop = take_field(c, &label);
    if (stop == STOP_BAD)
        return vit_fail(err, VIT_ERR_FORMAT, "%s: line %zu: a quoted field does not end, or more follows it",
                        c->path, line);
    if (!label || stop == STOP_COMMA)
        return vit_fail(err, VIT_ERR_FORMAT, "%s: line %zu: expected two fields, file,label, found %s",
                        c->path, line, label ? "more" : "one");
    if (!*file || !*label)
        return vit_fail(err, VIT_ERR_FORMAT, "%s: line %zu: the name of its %s is empty", c->path, line,
                        *file ? "label" : "file");
    p->headed |= first && is_header(file, label);
    if (first && p->headed) return VIT_OK;
    return add_pair(p, file, label, err);
}

static enum vit_status parse(struct pairs *p, const char *path, char *text, size_t size,
                             struct vit_error *err)
{
    struct csv c = { .path = path, .at = text, .end = text + size, .line = 1 };
    enum vit_status status = VIT_OK;

    if (memchr(text, 0, size)) return vit_fail(err, VIT_ERR_FORMAT, "%s: not a CSV: holds a zero byte", path);
    c.at += vit_utf8_mark(text, size);
    while (c.at < c.end && !status) status = take_line(p, &c, err);
    return status;
}

static const struct patch_kind headed; /* a kind for its name: opened as the other */

/* Whether a picture may be meant: by its extension, or because there is such a file. */
static enum vit_status is_picture(bool *out, const char *folder, const char *file, struct vit_error *err)
{
    struct patch_names path = { 0 };
    enum vit_status status = patch_names_join(&path, folder, file, err);

    *out = !status && (patch_is_picture_name(file) || patch_is_file(path.item[0]));
    patch_names_free(&path);
    return status;
}

/* Whether the first line's label is of its own: a class of one picture, or the name of the labels. */
static bool first_label_is_alone(const struct pairs *p)
{
    for (size_t i = 1; i < p->count; i++)
        if (!strcmp(p->item[0].label, p->item[i].label)) return false;
    return true;
}

/* Headers have any names: what is no picture is one, where the next line's is and no line has its label. A
 * picture that is missing must stay to be reported. */
static enum vit_status drop_header(struct patch_dataset *d, struct pairs *p, const char *folder,
                                   struct vit_error *err)
{
    bool first = true, second = false;
    enum vit_status status = VIT_OK;

    if (p->headed || p->count < 2 || !first_label_is_alone(p)) return VIT_OK;
    status = is_picture(&first, folder, p->item[0].file, err);
    if (!status) status = is_picture(&second, folder, p->item[1].file, err);
    if (status || first || !second) return status;
    memmove(p->item, p->item + 1, --p->count * sizeof *p->item);
    d->store->kind = &headed;
    return VIT_OK;
}

/* Classes are the labels that occur; files are relative to the CSV. */
static enum vit_status fill(struct patch_dataset *d, const struct pairs *p, const char *folder,
                            struct vit_error *err)
{
    enum vit_status status = VIT_OK;

    for (size_t i = 0; i < p->count && !status; i++) {
        const char *label = p->item[i].label;
        /* Lists are often grouped: a repetition need not be sorted away. */
        if (!i || strcmp(label, p->item[i - 1].label))
            status = patch_names_add(&d->classes, label, strlen(label), err);
    }
    patch_names_sort(&d->classes, 0);
    patch_names_unique(&d->classes);
    for (size_t i = 0; i < p->count && !status; i++) {
        status = patch_names_join(&d->store->files, folder, p->item[i].file, err);
        if (!status)
            status = patch_dataset_add(d, i, (int)patch_names_search(&d->classes, p->item[i].label), err);
    }
    return status;
}

static enum vit_status open_csv(struct patch_dataset *d, const char *path, enum patch_split split,
                                struct vit_error *err)
{
    const char *slash = strrchr(path, '/');
    struct patch_names folder = { 0 };
    struct pairs pairs = { 0 };
    unsigned char *text;
    size_t size;
    enum vit_status status = patch_file_read(&text, &size, path, MAX_CSV_BYTES, err);

    (void)split;
    if (status) return status;
    status = parse(&pairs, path, (char *)text, size, err);
    if (!status) status = patch_names_add(&folder, path, slash ? (size_t)(slash - path) + 1 : 0, err);
    if (!status) status = drop_header(d, &pairs, folder.item[0], err);
    if (!status) status = fill(d, &pairs, folder.item[0], err);
    patch_names_free(&folder);
    free(pairs.item);
    free(text);
    return status;
}

/* Whether the first line that is not blank has two fields. */
static bool begins_with_pair(struct csv *c)
{
    enum stop stop;
    char *field;

    do stop = take_field(c, &field);
    while (stop == STOP_LINE && is_blank(field));
    if (stop != STOP_COMMA || !*field) return false;
    stop = take_field(c, &field);
    return *field && (stop == STOP_LINE || stop == STOP_END);
}

/* A text that begins as a CSV does is one, whatever its name. Of a longer first line the label is cut. */
static bool looks_like_csv(const char *path)
{
    char text[8192];
    FILE *f = fopen(path, "rb");
    const size_t size = f ? fread(text, 1, sizeof text - 1, f) : 0;
    struct csv c = { .path = path, .at = text, .end = text + size, .line = 1 };

    if (f) fclose(f);
    text[size] = '\0';
    if (!size || memchr(text, 0, size)) return false;
    c.at += vit_utf8_mark(text, size);
    return begins_with_pair(&c);
}

static bool found(const struct patch_kind *kind, const char *path)
{
    (void)kind;
    return patch_is_file(path) && (patch_has_extension(path, ".csv") || looks_like_csv(path));
}

static enum vit_status splits(unsigned *out, const struct patch_kind *kind, const char *path,
                              struct vit_error *err)
{
    (void)kind;
    (void)path;
    (void)err;
    *out = 0;
    return VIT_OK;
}

#define KIND(called)                                                                                         \
    {                                                                                                        \
        .name = called, .found = found, .splits = splits, .open = open_csv,                                  \
        .read = patch_file_of_store_read, .describe = patch_file_of_store_name,                              \
    }
const struct patch_kind patch_kind_csv = KIND("CSV");
static const struct patch_kind headed = KIND("CSV, whose first line is taken for a header");
