/* Lines into cells, epochs and blocks, by tables of their keys. */
#include <math.h>

#include "tools/report_parts.h"

/* ---- cells ---- */

#define CELL(field) offsetof(struct report_cell, field)
static const struct report_field CELL_FIELDS[] = {
    { "cell", REPORT_TEXT, CELL(id), true, 0, 0 },
    { "norm", REPORT_TEXT, CELL(norm), true, 0, 0 },
    { "init", REPORT_TEXT, CELL(init), true, 0, 0 },
    { "depth", REPORT_INT, CELL(depth), true, 1, 1e6 },
    { "lr", REPORT_REAL, CELL(lr), true, 0, 1e30 },
    { "warmup", REPORT_LABEL_TEXT, CELL(warmup), true, 0, 0 },
    { "seed", REPORT_REAL, CELL(seed), true, 0, 0x1p64 },
    { "reason", REPORT_TEXT, CELL(reason), false, 0, 0 },
    { "epochs", REPORT_INT, CELL(epochs), false, 0, 1e9 },
    { "epochs_done", REPORT_INT, CELL(epochs_done), false, 0, 1e9 },
    { "steps", REPORT_INT, CELL(steps), false, 0, 2e9 },
    { "train_loss", REPORT_REAL, CELL(train_loss), false, 0, 0 },
    { "val_loss", REPORT_REAL, CELL(val_loss), false, 0, 0 },
    { "val_top1", REPORT_REAL, CELL(val_top1), false, 0, 1 },
    { "val_n", REPORT_INT, CELL(val_n), false, 0, 2e9 },
    { "test_top1", REPORT_REAL, CELL(test_top1), false, 0, 1 },
    { "test_n", REPORT_INT, CELL(test_n), false, 0, 2e9 },
    { "plateau_step", REPORT_REAL, CELL(plateau_step), false, 0, 2e9 },
    { "images_per_second", REPORT_REAL, CELL(images_per_second), false, 0, 0 },
    { "seconds", REPORT_REAL, CELL(seconds), false, 0, 0 },
};

static enum vit_status find_end(struct report_cell *cell, const json_t *line, const char *where,
                                struct vit_error *err)
{
    const char *word = json_string_value(json_object_get(line, "status"));

    for (int e = 0; word && e < REPORT_UNFINISHED; e++) {
        if (strcmp(word, report_end_name((enum report_end)e)) != 0) continue;
        cell->end = (enum report_end)e;
        return VIT_OK;
    }
    return vit_fail(err, VIT_ERR_FORMAT, "%s: \"status\": expected done, dead or diverged, found %s", where,
                    word ? word : "no text");
}

enum vit_status report_take_cell(struct report *r, const json_t *line, const char *where,
                                 struct vit_error *err)
{
    struct report_cell cell = { .line = line };
    size_t hint = 0;
    enum vit_status status = report_fields(&cell, line, where, CELL_FIELDS, VIT_COUNT(CELL_FIELDS), err);

    if (!status) status = find_end(&cell, line, where, err);
    if (status) return status;
    if (json_is_null(json_object_get(line, "plateau_step"))) cell.plateau_step = INFINITY;
    if (report_find_cell(r, cell.id, &hint))
        return vit_fail(err, VIT_ERR_FORMAT, "%s: a second line of cell \"%.200s\"", where, cell.id);
    return report_add_cell(r, &cell, err);
}

/* ---- epochs ---- */

/* A line of a log: where it belongs, and what it says. */
struct log_line {
    struct report_cell cell; /* its settings */
    struct report_epoch epoch;
    const char *kind;
};

#define LOG(field) offsetof(struct log_line, field)
static const struct report_field LOG_FIELDS[] = {
    { "kind", REPORT_TEXT, LOG(kind), false, 0, 0 },
    { "cell", REPORT_TEXT, LOG(cell.id), false, 0, 0 },
    { "norm", REPORT_TEXT, LOG(cell.norm), true, 0, 0 },
    { "init", REPORT_TEXT, LOG(cell.init), true, 0, 0 },
    { "depth", REPORT_INT, LOG(cell.depth), true, 1, 1e6 },
    { "lr", REPORT_REAL, LOG(cell.lr), true, 0, 1e30 },
    { "warmup", REPORT_LABEL_TEXT, LOG(cell.warmup), true, 0, 0 },
    { "seed", REPORT_REAL, LOG(cell.seed), true, 0, 0x1p64 },
    { "images_per_second", REPORT_REAL, LOG(cell.images_per_second), false, 0, 0 },
    { "epoch", REPORT_INT, LOG(epoch.epoch), true, 0, 1e9 },
    { "step", REPORT_INT, LOG(epoch.step), true, 0, 2e9 },
    { "train_loss", REPORT_REAL, LOG(epoch.train_loss), false, 0, 0 },
    { "train_top1", REPORT_REAL, LOG(epoch.train_top1), false, 0, 1 },
    { "val_loss", REPORT_REAL, LOG(epoch.val_loss), false, 0, 0 },
    { "val_top1", REPORT_REAL, LOG(epoch.val_top1), false, 0, 1 },
    { "grad_norm", REPORT_REAL, LOG(epoch.grad_norm), false, 0, 0 },
    { "lr_now", REPORT_REAL, LOG(epoch.lr_now), false, 0, 0 },
    { "diverged", REPORT_FLAG, LOG(epoch.diverged), false, 0, 0 },
};

static enum vit_status read_log_line(struct log_line *l, const json_t *line, const char *where,
                                     struct vit_error *err)
{
    enum vit_status status = report_fields(l, line, where, LOG_FIELDS, VIT_COUNT(LOG_FIELDS), err);

    if (!status) l->epoch.whole = strcmp(l->kind, "step") != 0;
    return status;
}

static enum vit_status add_epoch(struct report *r, const struct report_epoch *epoch, struct vit_error *err)
{
    enum vit_status status = report_grow((void **)&r->epochs, r->epoch_count, sizeof *epoch, err);

    if (!status) r->epochs[r->epoch_count++] = *epoch;
    return status;
}

/* Of a sweep. A line of no known cell: its cell was killed, and will be written again. */
enum vit_status report_take_epoch(struct report *r, const json_t *line, const char *where,
                                  struct vit_error *err)
{
    struct log_line l = { 0 };
    size_t hint = r->epoch_count ? (size_t)r->epochs[r->epoch_count - 1].cell : 0;
    const struct report_cell *cell;
    enum vit_status status = read_log_line(&l, line, where, err);

    if (status) return status;
    cell = report_find_cell(r, l.cell.id, &hint);
    if (!cell) return VIT_OK;
    l.epoch.cell = (int)(cell - r->cells);
    return add_epoch(r, &l.epoch, err);
}

/* Of a training run: the only cell of the last source, made from its first line. */
enum vit_status report_take_log(struct report *r, const json_t *line, const char *where,
                                struct vit_error *err)
{
    struct log_line l = { 0 };
    struct report_cell *cell;
    enum vit_status status = read_log_line(&l, line, where, err);

    if (status) return status;
    if (!r->cell_count || r->cells[r->cell_count - 1].source != (int)r->source_count - 1) {
        struct report_cell first = l.cell;
        first.id = r->sources[r->source_count - 1].path;
        first.reason = "";
        first.train_loss = first.val_loss = first.val_top1 = first.test_top1 = NAN;
        first.plateau_step = first.seconds = NAN;
        if ((status = report_add_cell(r, &first, err))) return status;
    }
    cell = &r->cells[r->cell_count - 1];
    if (l.epoch.step < cell->steps)
        return vit_fail(err, VIT_ERR_FORMAT, "%s: \"step\": expected at least %d, found %d", where,
                        cell->steps, l.epoch.step);
    cell->steps = l.epoch.step;
    if (l.epoch.whole) {
        cell->epochs_done = l.epoch.epoch;
        cell->train_loss = l.epoch.train_loss;
        cell->images_per_second = l.cell.images_per_second;
        if (isfinite(l.epoch.val_top1)) cell->val_top1 = l.epoch.val_top1, cell->val_loss = l.epoch.val_loss;
    }
    cell->end = l.epoch.diverged ? REPORT_DIVERGED : REPORT_UNFINISHED;
    l.epoch.cell = (int)r->cell_count - 1;
    return add_epoch(r, &l.epoch, err);
}

/* ---- blocks of probe ---- */

#define BLOCK(field) offsetof(struct report_block, field)
static const struct report_field BLOCK_FIELDS[] = {
    { "norm", REPORT_TEXT, BLOCK(norm), true, 0, 0 },
    { "init", REPORT_TEXT, BLOCK(init), false, 0, 0 },
    { "model", REPORT_TEXT, BLOCK(model), false, 0, 0 },
    { "condition", REPORT_TEXT, BLOCK(condition), false, 0, 0 },
    { "depth", REPORT_INT, BLOCK(depth), true, 1, 1e6 },
    { "seed", REPORT_REAL, BLOCK(seed), false, 0, 0x1p64 },
    { "block", REPORT_INT, BLOCK(block), true, 0, 1e6 },
    { "grad_w2", REPORT_REAL, BLOCK(grad_w2), false, 0, 0 },
    { "stream_rms", REPORT_REAL, BLOCK(stream_rms), false, 0, 0 },
    { "branch_share", REPORT_REAL, BLOCK(branch_share), false, 0, 0 },
    { "token_cosine", REPORT_REAL, BLOCK(token_cosine), false, 0, 0 },
    { "step_change", REPORT_REAL, BLOCK(step_change), false, 0, 0 },
    { "entropy", REPORT_REAL, BLOCK(entropy), false, 0, 0 },
};

enum vit_status report_take_block(struct report *r, const json_t *line, const char *where,
                                  struct vit_error *err)
{
    struct report_block block = { 0 };
    enum vit_status status = report_fields(&block, line, where, BLOCK_FIELDS, VIT_COUNT(BLOCK_FIELDS), err);

    block.line = line;
    if (!status) block.group = *block.model ? block.model : *block.condition ? block.condition : block.init;
    if (!status) status = report_grow((void **)&r->blocks, r->block_count, sizeof block, err);
    if (!status) r->blocks[r->block_count++] = block;
    return status;
}

/* A result of compare: the keys that its words are made of are looked at where they are used. */
enum vit_status report_take_comparison(struct report *r, const json_t *object, const char *where,
                                       struct vit_error *err)
{
    return report_add_source(r, where, REPORT_COMPARE, object, err);
}
