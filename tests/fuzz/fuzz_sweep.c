/* What a sweep reads of its own folder before it goes on: the grid, and behind a byte 0 the lines of the
 * cells that have ended. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"
#include "tools/lines.h"
#include "tools/sweep.h"

static bool wanted(const void *arg, const char *cell)
{
    (void)arg;
    return cell[0] != 'x';
}

/* Cut, filtered and added to, lines are whole. */
static void use_lines(const char *path)
{
    struct vit_error err;
    json_t *lines;
    int file = open(path, O_RDWR | O_CREAT | O_APPEND, 0666);

    if (file < 0) return;
    lines_cut(file, path, &err);
    lines_keep(path, wanted, NULL, &err);
    if (!lines_read(&lines, path, &err)) json_decref(lines);
    close(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size ? memchr(data, 0, size) : NULL;
    const size_t length = end ? (size_t)(end - data) : size;
    struct sweep_saved saved;
    struct vit_error err;
    char path[400];

    fuzz_write(fuzz_folder(), "sweep.json", data, length);
    fuzz_write(fuzz_folder(), "cells.jsonl", end ? end + 1 : data, end ? size - length - 1 : 0);
    sweep_saved_read(&saved, fuzz_folder(), &err);
    sweep_saved_free(&saved);
    snprintf(path, sizeof path, "%s/cells.jsonl", fuzz_folder());
    use_lines(path);
    return 0;
}
