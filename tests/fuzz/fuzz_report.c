/* What vit report makes of folders of sweeps and runs and of the files beside them, to the page and the
 * tables. The first byte says which folder; its files follow, with a byte 0 between them; an empty one is not
 * there. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"
#include "tools/report.h"

enum { FOLDERS = 3, FILES = 5 };
static const char *const NAMES[FOLDERS][FILES] = {
    { "sweep.json", "cells.jsonl", "epochs.jsonl", "compare.json" },
    { "log.jsonl", "config.json", "probe.jsonl" },
    { "probe.json", "compare.jsonl" },
};

/* No text of a file may begin an element of the page: a dictionary's word looks for a way. */
static void check_page(const char *page)
{
    if (strstr(page, "<fuzz")) fuzz_stop("an element of a file's in the page");
}

static void write_page(const struct report *r)
{
    char *page = NULL;
    size_t size;
    FILE *out = open_memstream(&page, &size);

    if (!out) return;
    report_page(out, r, NULL);
    if (!fclose(out)) check_page(page);
    free(page);
}

/* Whatever the texts are, the rows of a table have the same bars. */
static void check_table(const char *text)
{
    int first = 0;

    while (*text) {
        const size_t length = strcspn(text, "\n");
        int bars = 0;

        for (size_t i = 0; i < length; i++) bars += text[i] == '|';
        if (*text != '|') bars = 0;
        if (first && bars && bars != first) fuzz_stop("a row of a table with other bars");
        first = bars;
        text += length + (text[length] == '\n');
    }
}

static void write_table(const struct report *r, const char *name)
{
    struct vit_error err;
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (!out) return;
    report_table(out, r, name, &err);
    if (!fclose(out)) check_table(text);
    free(text);
}

/* As many of the folder's files as the input has, the others removed. */
static void fill(const char *folder, const char *const *names, const uint8_t *data, size_t size)
{
    char path[400];

    for (int i = 0; i < FILES && names[i]; i++) {
        const uint8_t *end = size ? memchr(data, 0, size) : NULL;
        const size_t length = end ? (size_t)(end - data) : size;

        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        if (length)
            fuzz_write(folder, names[i], data, length);
        else
            unlink(path);
        data += length + (end != NULL);
        size -= length + (end != NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct report r = { 0 };
    struct vit_error err;
    char folder[300];
    int which;

    if (!size) return 0;
    which = data[0] % FOLDERS;
    snprintf(folder, sizeof folder, "%s/%d", fuzz_folder(), which);
    fill(folder, NAMES[which], data + 1, size - 1);
    if (!report_read(&r, folder, &err) && !report_arrange(&r, &err)) {
        write_page(&r);
        for (size_t i = 0; report_table_name(i); i++) write_table(&r, report_table_name(i));
    }
    report_free(&r);
    return 0;
}
