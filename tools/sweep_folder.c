/* The folder of a sweep: the lock, the grid, the cells that have ended. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/lines.h"
#include "tools/out.h"
#include "tools/sweep.h"
#include "vit/json.h"
#include "vit/sink.h"
#include "vit/text.h"

static const char FORMAT[] = "vit-sweep-1";

const char *sweep_folder_cell(char *text, const struct sweep *s, const struct sweep_cell *cell)
{
    snprintf(text, PATH_MAX, "%s/cells/%s", s->options->out, cell->id);
    return text;
}

/* ---- sweep.json ---- */

static enum vit_status keep_text(char **out, const json_t *object, const char *key, const char *path,
                                 struct vit_error *err)
{
    const char *text = NULL;
    enum vit_status status = vit_json_string(object, path, key, &text, err);

    if (status) return status;
    if (!text)
        return vit_fail(err, VIT_ERR_FORMAT, "%s: is not the grid of a sweep: no \"%s\" in it", path, key);
    *out = strdup(text);
    return *out ? VIT_OK : vit_fail(err, VIT_ERR_NOMEM, "%s: no memory", path);
}

/* A grid of trained networks that names no preset is older than the one which is meant for them. */
static enum vit_status name_old_preset(struct recipe_lists *l, struct vit_error *err)
{
    if (!l->of[RECIPE_FROM].count || l->of[RECIPE_PRESET].count) return VIT_OK;
    return recipe_lists_add(l, RECIPE_PRESET, recipe_row(RECIPE_PRESET)->initial, err);
}

/* *grid NULL: there is none. */
static enum vit_status read_grid(json_t **grid, const char *folder, struct vit_error *err)
{
    enum { MAX_BYTES = 1 << 26 };
    char path[PATH_MAX];

    *grid = NULL;
    if (!train_folder_has(folder, TRAIN_GRID)) return VIT_OK;
    return vit_json_read(grid, train_path(path, folder, TRAIN_GRID), MAX_BYTES, err);
}

enum vit_status sweep_saved_read(struct sweep_saved *saved, const char *folder, struct vit_error *err)
{
    char path[PATH_MAX], *format = NULL;
    const json_t *object;
    enum vit_status status;

    *saved = (struct sweep_saved){ 0 };
    train_path(path, folder, TRAIN_GRID);
    status = train_folder_check(folder, err);
    if (!status) status = read_grid(&saved->grid, folder, err);
    object = saved->grid;
    if (status || !object) return status;
    status = keep_text(&format, object, "format", path, err);
    if (!status && strcmp(format, FORMAT) != 0)
        status =
            vit_fail(err, VIT_ERR_FORMAT, "%s: format: expected \"%s\", found \"%s\"", path, FORMAT, format);
    if (!status) status = keep_text(&saved->data.path, object, "data", path, err);
    if (!status && json_object_get(object, "digest"))
        status = keep_text(&saved->data.digest, object, "digest", path, err);
    if (!status) saved->teachers = json_object_get(object, "teachers");
    if (!status) status = keep_text(&saved->kernels, object, "kernels", path, err);
    if (!status) status = keep_text(&saved->dead_after, object, "dead_after", path, err);
    if (!status) status = vit_json_bool(object, path, "test", &saved->test, err);
    if (!status) status = vit_json_int(object, path, "pictures", 1, INT_MAX, &saved->pictures, err);
    if (!status) status = recipe_lists_saved(&saved->lists, json_object_get(object, "settings"), path, err);
    if (!status) status = name_old_preset(&saved->lists, err);
    saved->exists = !status;
    free(format);
    return status;
}

void sweep_saved_free(struct sweep_saved *saved)
{
    recipe_lists_free(&saved->lists);
    free(saved->data.path);
    free(saved->data.digest);
    free(saved->kernels);
    free(saved->dead_after);
    json_decref(saved->grid);
}

/* A cell as the grid lists it: its name, what it has of its own, and, whoever named them, the placement and
 * the rate, which a report asks of every run. */
static json_t *planned(const struct sweep *s, const struct sweep_cell *c)
{
    char norm[32];
    json_t *cell =
        json_pack("{s:s, s:s, s:o}", "cell", c->id, "norm",
                  vit_placement_text(&c->config.norm, norm, sizeof norm), "lr", out_float(c->recipe.lr));

    for (int i = 0; i < s->axis_count; i++) {
        const char *key = recipe_key(s->axes[i]);
        if (!json_object_get(cell, key)) vit_json_put(&cell, key, recipe_value(&c->recipe, s->axes[i]));
    }
    return cell;
}

static json_t *teachers(const struct sweep *s)
{
    json_t *list = json_array();

    for (int i = 0; i < s->teacher_count; i++) {
        const struct sweep_teacher *t = &s->teachers[i];
        vit_json_append(&list, json_pack("{s:o, s:i, s:s}", "teacher", out_text(t->names), "image",
                                         s->sources[t->source].image, "digest", t->digest));
    }
    return list;
}

static enum vit_status write_grid(const struct sweep *s, struct vit_error *err)
{
    char path[PATH_MAX], *real = realpath(s->data, NULL), *text;
    struct kern kernels;
    json_t *object, *cells = json_array();
    enum vit_status status = kern_select(&kernels, s->common.kernels, err);

    for (int i = 0; i < s->count; i++) vit_json_append(&cells, planned(s, &s->cells[i]));
    object = status
                 ? NULL
                 : json_pack("{s:s, s:o, s:i, s:i, s:s, s:s, s:s, s:b, s:o, s:O}", "format", FORMAT, "data",
                             out_text(real ? real : s->data), "classes", s->classes, "pictures", s->pictures,
                             "digest", s->digest, "kernels", kernels.name, "dead_after", s->dead_after,
                             "test", (int)s->test, "settings", recipe_lists_save(&s->lists), "cells", cells);
    if (s->teacher_count) vit_json_put(&object, "teachers", teachers(s));
    text = vit_json_text(object, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
    train_path(path, s->options->out, TRAIN_GRID);
    if (!status)
        status = text ? vit_write_file(path, text, strlen(text), err)
                      : vit_fail(err, VIT_ERR_NOMEM, "%s: no memory to write it", path);
    free(text);
    free(real);
    json_decref(object);
    json_decref(cells);
    return status;
}

/* ---- what a kill left ---- */

static bool is_of_sweep(const void *unused, const char *name)
{
    static const char *const FILES[] = { TRAIN_GRID, TRAIN_CELLS, TRAIN_EPOCHS };

    (void)unused;
    return vit_index_of(FILES, VIT_COUNT(FILES), name) >= 0;
}

static bool is_logits(const void *sweep, const char *name)
{
    const struct sweep *s = sweep;

    for (int i = 0; i < s->count; i++) {
        const size_t length = strlen(s->cells[i].id);
        if (strncmp(name, s->cells[i].id, length) == 0 && strcmp(name + length, ".safetensors") == 0)
            return true;
    }
    return false;
}

/* A cell that has ended needs no state to go on from; --keep none leaves its log and what network it
 * was. */
static void clear_cell(const struct sweep *s, const struct sweep_cell *c)
{
    char folder[PATH_MAX], path[PATH_MAX + 32];

    sweep_folder_cell(folder, s, c);
    snprintf(path, sizeof path, "%s/" TRAIN_STATE, folder);
    unlink(path);
    if (strcmp(s->options->keep, "none") != 0) return;
    snprintf(path, sizeof path, "%s/" TRAIN_MODEL, folder);
    unlink(path);
}

/* ---- opening ---- */

/* A folder of something else is left alone. cells.jsonl without a grid: killed before that was written. */
static enum vit_status check_folder(const char *folder, struct vit_error *err)
{
    struct stat file;
    char path[PATH_MAX];

    if (train_folder_empty(folder) || train_folder_has(folder, TRAIN_GRID)) return VIT_OK;
    if (!stat(train_path(path, folder, TRAIN_CELLS), &file) && !file.st_size) return VIT_OK;
    return vit_fail(err, VIT_ERR_ARG, "%s: is not empty, and holds no sweep", folder);
}

/* What is asked for was compared with the grid before the folder was locked. */
static enum vit_status check_grid(const struct sweep *s, struct vit_error *err)
{
    json_t *grid;
    enum vit_status status = read_grid(&grid, s->options->out, err);
    const bool same = grid ? json_equal(grid, s->begun_grid) : !s->begun_grid;

    json_decref(grid);
    if (status || same) return status;
    return vit_fail(err, VIT_ERR_IO, "%s: another sweep has changed its grid meanwhile", s->options->out);
}

static struct sweep_cell *find_cell(struct sweep *s, const char *id)
{
    for (int i = 0; i < s->count; i++)
        if (strcmp(s->cells[i].id, id) == 0) return &s->cells[i];
    return NULL;
}

static enum vit_status take_lines(struct sweep *s, struct vit_error *err)
{
    char path[PATH_MAX];
    struct sweep_cell *cell;
    json_t *line;
    size_t i;
    enum vit_status status = lines_read(&s->lines, train_path(path, s->options->out, TRAIN_CELLS), err);

    if (status) return status;
    json_array_foreach(s->lines, i, line)
    {
        const char *id = json_string_value(json_object_get(line, "cell"));
        cell = id ? find_cell(s, id) : NULL;
        if (!cell || cell->line)
            return vit_fail(err, VIT_ERR_FORMAT,
                            "%s: line %zu: \"%s\" is no cell of this grid, or a second one", path, i + 1,
                            id ? id : "");
        cell->line = line;
    }
    return VIT_OK;
}

enum vit_status sweep_folder_look(struct sweep *s, struct vit_error *err)
{
    if (!s->options->out || !train_folder_has(s->options->out, TRAIN_CELLS)) return VIT_OK;
    return take_lines(s, err);
}

static bool has_ended(const void *sweep, const char *id)
{
    const struct sweep *s = sweep;

    for (int i = 0; i < s->count; i++)
        if (s->cells[i].line && strcmp(s->cells[i].id, id) == 0) return true;
    return false;
}

enum vit_status sweep_folder_open(struct sweep *s, struct vit_error *err)
{
    const char *out = s->options->out;
    char path[PATH_MAX];
    enum vit_status status = check_folder(out, err);

    if (!status) status = train_folder_make(out, err);
    /* Its file comes first: by it check_folder knows a sweep again. */
    if (!status) status = train_folder_lock(&s->file, out, TRAIN_CELLS, "sweep", err);
    if (!status) status = check_grid(s, err);
    if (!status) status = train_folder_make(train_path(path, out, "cells"), err);
    if (!status && s->test) status = train_folder_make(train_path(path, out, "logits"), err);
    if (status) return status;
    train_folder_tidy_files(out, is_of_sweep, NULL);
    train_folder_tidy_files(train_path(path, out, "logits"), is_logits, s);
    status = lines_cut(s->file, train_path(path, out, TRAIN_CELLS), err);
    if (!status) status = take_lines(s, err);
    if (!status) status = write_grid(s, err);
    if (!status) status = lines_keep(train_path(path, out, TRAIN_EPOCHS), has_ended, s, err);
    for (int i = 0; i < s->count && !status; i++)
        if (s->cells[i].line) clear_cell(s, &s->cells[i]);
    return status;
}

enum vit_status sweep_folder_kept(const struct sweep *s, struct vit_error *err)
{
    return train_folder_kept(s->options->out, TRAIN_CELLS, s->file, "sweep", err);
}

/* Epochs first: without the cell's own line they are cut off again. */
enum vit_status sweep_folder_add(struct sweep *s, struct sweep_cell *cell, json_t *line,
                                 struct vit_error *err)
{
    char path[PATH_MAX], folder[PATH_MAX], log[PATH_MAX];
    json_t *kept = NULL;
    enum vit_status status;

    sweep_folder_cell(folder, s, cell);
    train_path(path, s->options->out, TRAIN_EPOCHS);
    status = sweep_folder_kept(s, err);
    if (!status) status = lines_copy_log(path, train_path(log, folder, TRAIN_LOG), err);
    if (!status)
        status = lines_add(&kept, s->file, train_path(path, s->options->out, TRAIN_CELLS), line, err);
    json_decref(line);
    if (status) return status;
    if (json_array_append_new(s->lines, kept))
        return vit_fail(err, VIT_ERR_NOMEM, "%s: no memory for a line", cell->id);
    cell->line = kept;
    clear_cell(s, cell);
    return VIT_OK;
}

void sweep_folder_close(struct sweep *s)
{
    if (s->file >= 0) close(s->file);
    s->file = -1;
    json_decref(s->lines);
    s->lines = NULL;
}
