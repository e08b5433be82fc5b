/* Folders and files into cells, epochs and blocks. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "tools/report_parts.h"
#include "tools/train.h"
#include "vit/json.h"
#include "vit/source.h"

enum { MAX_BYTES = 1 << 28 };

/* ---- files of lines ---- */

static enum vit_status take_text(struct report *r, report_take *take, const char *where, const char *text,
                                 size_t size, struct vit_error *err)
{
    json_t *line;
    enum vit_status status = vit_json_parse(&line, where, text, size, err);

    if (!status) status = report_keep(r, line, err);
    return status ? status : take(r, line, where, err);
}

static bool is_blank(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (!strchr(" \t\r\n", text[i])) return false;
    return true;
}

/* cut: a last line without an end was cut by a kill, and counts as not written. */
static enum vit_status take_lines(struct report *r, report_take *take, const char *path, const char *text,
                                  size_t size, bool cut, struct vit_error *err)
{
    enum vit_status status = VIT_OK;
    char where[PATH_MAX + 32];

    for (size_t at = 0, number = 1; at < size && !status; number++) {
        const char *end = memchr(text + at, '\n', size - at);
        const size_t length = end ? (size_t)(end - text) - at : size - at;

        if (!end && cut) break;
        snprintf(where, sizeof where, "%s: line %zu", path, number);
        if (!is_blank(text + at, length)) status = take_text(r, take, where, text + at, length, err);
        at += length + 1;
    }
    return status;
}

static enum vit_status read_lines(struct report *r, report_take *take, const char *path,
                                  struct vit_error *err)
{
    unsigned char *text;
    size_t size;
    enum vit_status status = vit_source_read(&text, &size, path, MAX_BYTES, err);

    if (!status) status = take_lines(r, take, path, (char *)text, size, true, err);
    free(text);
    return status;
}

static bool is_file(const char *folder, const char *name)
{
    struct stat info;
    char path[PATH_MAX];

    return !stat(train_path(path, folder, name), &info) && S_ISREG(info.st_mode);
}

/* ---- folders ---- */

static struct report_source *source(struct report *r)
{
    return &r->sources[r->source_count - 1];
}

/* Classes of the network that config.json in folder describes; 0 where there is none. */
static enum vit_status find_classes(struct report *r, const char *folder, struct vit_error *err)
{
    json_t *config;
    char path[PATH_MAX];
    enum vit_status status;

    if (source(r)->classes || !is_file(folder, TRAIN_CONFIG)) return VIT_OK;
    status = vit_json_read(&config, train_path(path, folder, TRAIN_CONFIG), MAX_BYTES, err);
    if (status) return status;
    status = vit_json_int(config, path, "classes", 2, INT_MAX, &source(r)->classes, err);
    json_decref(config);
    return status;
}

/* The grid says it; of an older one any cell that is done does: classes are the data set's. */
static enum vit_status find_sweep_classes(struct report *r, const char *folder, struct vit_error *err)
{
    const json_t *grid = source(r)->about;
    char path[PATH_MAX];
    enum vit_status status = VIT_OK;

    if (grid)
        status = vit_json_int(grid, train_path(path, folder, TRAIN_GRID), "classes", 2, INT_MAX,
                              &source(r)->classes, err);
    for (size_t i = 0; i < r->cell_count && !status && !source(r)->classes; i++) {
        const struct report_cell *c = &r->cells[i];
        if (c->source != (int)r->source_count - 1 || strchr(c->id, '/')) continue;
        if (snprintf(path, sizeof path, "%s/cells/%s", folder, c->id) >= (int)sizeof path - 32) continue;
        status = find_classes(r, path, err);
    }
    return status;
}

static enum vit_status read_sweep(struct report *r, const char *folder, struct vit_error *err)
{
    char path[PATH_MAX];
    json_t *grid = NULL;
    enum vit_status status = VIT_OK;

    if (is_file(folder, TRAIN_GRID)) {
        status = vit_json_read(&grid, train_path(path, folder, TRAIN_GRID), MAX_BYTES, err);
        if (!status) status = report_keep(r, grid, err);
    }
    if (!status) status = report_add_source(r, folder, REPORT_SWEEP, grid, err);
    if (!status && is_file(folder, TRAIN_CELLS))
        status = read_lines(r, report_take_cell, train_path(path, folder, TRAIN_CELLS), err);
    if (!status) status = report_add_planned(r, train_path(path, folder, TRAIN_GRID), err);
    if (!status && is_file(folder, TRAIN_EPOCHS))
        status = read_lines(r, report_take_epoch, train_path(path, folder, TRAIN_EPOCHS), err);
    return status ? status : find_sweep_classes(r, folder, err);
}

/* What a run's state knows: its settings, and whether it is finished. */
static enum vit_status take_saved(struct report *r, const struct train_saved *saved, struct vit_error *err)
{
    struct report_cell *c = &r->cells[r->cell_count - 1];
    json_t *about =
        json_pack("{s:s, s:o}", "data", saved->data.path, "settings", recipe_texts_save(&saved->texts));
    enum vit_status status = report_keep(r, about, err);

    if (status) return status;
    source(r)->about = about;
    c->line = json_object_get(about, "settings");
    if (saved->texts.text[RECIPE_EPOCHS]) c->epochs = atoi(saved->texts.text[RECIPE_EPOCHS]);
    c->val_n = (int)saved->result.val.n;
    c->plateau_step = saved->result.plateau_step < 0 ? NAN
                      : saved->result.plateau_step   ? saved->result.plateau_step
                                                     : INFINITY;
    if (saved->finished && c->end == REPORT_UNFINISHED) c->end = REPORT_DONE;
    return VIT_OK;
}

static enum vit_status read_train(struct report *r, const char *folder, struct vit_error *err)
{
    const size_t before = r->cell_count;
    char path[PATH_MAX];
    struct train_saved saved = { 0 };
    enum vit_status status = report_add_source(r, folder, REPORT_TRAIN, NULL, err);

    if (!status) status = read_lines(r, report_take_log, train_path(path, folder, TRAIN_LOG), err);
    if (!status) status = find_classes(r, folder, err);
    if (status || r->cell_count == before) return status; /* nothing is logged yet */
    r->cells[before].epochs = r->cells[before].epochs_done;
    status = train_saved_read(&saved, folder, err);
    if (!status && saved.exists)
        status = take_saved(r, &saved, err);
    else if (!status && r->cells[before].end == REPORT_UNFINISHED && is_file(folder, TRAIN_MODEL))
        r->cells[before].end = REPORT_DONE;
    train_saved_free(&saved);
    return status;
}

/* ---- files ---- */

/* What an object is a row of, by a key that the others lack; NULL: of nothing that is known. */
static report_take *take_of(const json_t *object)
{
    static const struct {
        const char *key;
        report_take *take;
    } ROWS[] = { { "grad_w2", report_take_block }, { "mcnemar_p", report_take_comparison } };

    for (size_t i = 0; i < VIT_COUNT(ROWS); i++)
        if (json_object_get(object, ROWS[i].key)) return ROWS[i].take;
    return NULL;
}

static enum vit_status take_any(struct report *r, const json_t *object, const char *where,
                                struct vit_error *err)
{
    report_take *take = take_of(object);

    if (take) return take(r, object, where, err);
    return vit_fail(err, VIT_ERR_FORMAT,
                    "%s: expected a row of vit probe --json (grad_w2) or a result of vit compare --json "
                    "(mcnemar_p), found neither",
                    where);
}

/* One value over the whole file: an object, or an array of them. */
static enum vit_status take_document(struct report *r, json_t *document, const char *path,
                                     struct vit_error *err)
{
    enum vit_status status = VIT_OK;
    char where[PATH_MAX + 32];
    const json_t *item;
    size_t i;

    if (!json_is_array(document)) return take_any(r, document, path, err);
    json_array_foreach(document, i, item)
    {
        snprintf(where, sizeof where, "%s: row %zu", path, i + 1);
        if (!status) status = take_any(r, item, where, err);
    }
    return status;
}

/* Blocks from the first on are of the file at path. */
static enum vit_status name_blocks(struct report *r, size_t first, const char *path, struct vit_error *err)
{
    const char *name;
    const enum vit_status status = report_keep_text(&name, r, path, err);

    for (size_t i = first; i < r->block_count && !status; i++) r->blocks[i].file = name;
    return status;
}

static enum vit_status read_file(struct report *r, const char *path, struct vit_error *err)
{
    const size_t blocks = r->block_count;
    unsigned char *bytes;
    size_t size;
    json_t *document = NULL;
    enum vit_status status = vit_source_read(&bytes, &size, path, MAX_BYTES, err);
    const char *text = (char *)bytes;

    if (!status && is_blank(text, size))
        status = vit_fail(err, VIT_ERR_FORMAT,
                          "%s: is empty, expected rows of vit probe --json or a result of vit compare --json",
                          path);
    if (!status && !vit_json_parse(&document, path, text, size, NULL)) {
        status = report_keep(r, document, err);
        if (!status) status = take_document(r, document, path, err);
    } else if (!status) {
        status = take_lines(r, take_any, path, text, size, false, err);
    }
    free(bytes);
    return status ? status : name_blocks(r, blocks, path, err);
}

/* ---- any of them ---- */

/* A search for folders ends so many levels down. */
enum { DEEPEST = 3 };

/* What lies beside runs. */
static enum vit_status read_beside(struct report *r, bool *found, const char *folder, struct vit_error *err)
{
    static const char *const FILES[] = { "probe.jsonl", "probe.json", "compare.jsonl", "compare.json" };
    char path[PATH_MAX];
    enum vit_status status = VIT_OK;

    for (size_t i = 0; i < VIT_COUNT(FILES) && !status; i++) {
        if (!is_file(folder, FILES[i])) continue;
        *found = true;
        status = read_file(r, train_path(path, folder, FILES[i]), err);
    }
    return status;
}

/* Runs, and the folders in it; sets *found when there is anything of ours. */
static enum vit_status read_folder(struct report *r, bool *found, const char *folder, int level,
                                   struct vit_error *err);

static int is_shown(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static enum vit_status read_part(struct report *r, bool *found, const char *parent, const char *name,
                                 int level, struct vit_error *err)
{
    char path[PATH_MAX];
    struct stat info;

    if (strlen(parent) + strlen(name) > PATH_MAX - 64)
        return vit_fail(err, VIT_ERR_ARG, "%.60s.../%.60s: the name is too long", parent, name);
    if (stat(train_path(path, parent, name), &info) || !S_ISDIR(info.st_mode)) return VIT_OK;
    return read_folder(r, found, path, level, err);
}

/* What a sweep keeps of its cells, which it has read. */
static bool is_of_cells(const char *name)
{
    return strcmp(name, "cells") == 0 || strcmp(name, "logits") == 0;
}

/* By name, numbers in their order. */
static enum vit_status read_parts(struct report *r, bool *found, const char *parent, bool sweep, int level,
                                  struct vit_error *err)
{
    struct dirent **entry = NULL;
    const int count = scandir(parent, &entry, is_shown, versionsort);
    enum vit_status status = VIT_OK;

    if (count < 0) return vit_fail(err, VIT_ERR_IO, "%s: cannot be listed: %s", parent, strerror(errno));
    for (int i = 0; i < count; i++) {
        if (!status && !(sweep && is_of_cells(entry[i]->d_name)))
            status = read_part(r, found, parent, entry[i]->d_name, level + 1, err);
        free(entry[i]);
    }
    free(entry);
    return status;
}

static enum vit_status read_folder(struct report *r, bool *found, const char *folder, int level,
                                   struct vit_error *err)
{
    const bool sweep = is_file(folder, TRAIN_CELLS) || is_file(folder, TRAIN_GRID);
    const bool run = !sweep && is_file(folder, TRAIN_LOG);
    enum vit_status status = sweep ? read_sweep(r, folder, err) : run ? read_train(r, folder, err) : VIT_OK;

    *found |= sweep || run;
    if (!status && !run && level < DEEPEST) status = read_parts(r, found, folder, sweep, level, err);
    return status ? status : read_beside(r, found, folder, err);
}

static enum vit_status read_tree(struct report *r, const char *folder, struct vit_error *err)
{
    bool found = false;
    enum vit_status status = read_folder(r, &found, folder, 0, err);

    if (found || status) return status;
    return vit_fail(err, VIT_ERR_ARG,
                    "%s: expected a folder of vit sweep or vit train, or folders of these or probe.jsonl or "
                    "compare.json in it, found none of them",
                    folder);
}

static enum vit_status add_path(struct report *r, const char *path, struct vit_error *err)
{
    const char *name;
    enum vit_status status = report_keep_text(&name, r, path, err);

    if (!status) status = report_grow((void **)&r->paths, r->path_count, sizeof *r->paths, err);
    if (!status) r->paths[r->path_count++] = name;
    return status;
}

enum vit_status report_read(struct report *r, const char *path, struct vit_error *err)
{
    struct stat info;
    enum vit_status status;

    if (strlen(path) > PATH_MAX - 64)
        return vit_fail(err, VIT_ERR_ARG, "%.60s...: the name is too long", path);
    status = add_path(r, path, err);
    if (status) return status;
    if (stat(path, &info))
        return vit_fail(err, VIT_ERR_IO, "%s: cannot be opened: %s", path, strerror(errno));
    return S_ISDIR(info.st_mode) ? read_tree(r, path, err) : read_file(r, path, err);
}
