/* Lists of pictures: a CSV of file,label, or (first byte odd) a text of one path a line. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "patch/patch.h"
#include "patch/walk.h"
#include "tests/fuzz/fuzz.h"

static void use(struct patch_dataset *d)
{
    struct patch_dataset *held = NULL;
    char name[300];

    for (size_t i = 0; i < patch_dataset_count(d); i++) {
        patch_dataset_name(d, i, name, sizeof name);
        if (patch_dataset_label(d, i) >= 0) patch_dataset_class(d, patch_dataset_label(d, i));
    }
    if (patch_dataset_classes(d) && !patch_dataset_hold_out(d, 0.5f, &held, NULL, NULL))
        patch_dataset_limit(d, 3, NULL);
    patch_dataset_close(held);
    patch_dataset_close(d);
}

/* Whether a line is a folder of the machine, "/" or "..": all that lies below would be listed. */
static bool names_folder(const char *text, size_t size)
{
    char line[PATH_MAX];

    for (size_t at = 0, end; at < size; at = end + 1) {
        for (end = at; end < size && text[end] != '\n' && text[end] != '\r';) end++;
        if (end == at || end - at >= sizeof line) continue;
        memcpy(line, text + at, end - at);
        line[end - at] = '\0';
        if (patch_is_folder(line)) return true;
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct patch_dataset *d;
    char path[300];
    const char *paths[] = { path };
    const bool text = size && data[0] & 1;

    if (!size) return 0;
    if (text && names_folder((const char *)data + 1, size - 1)) return -1; /* not to be built upon */
    fuzz_write(fuzz_folder(), text ? "list.txt" : "list.csv", data + 1, size - 1);
    snprintf(path, sizeof path, "%s/%s", fuzz_folder(), text ? "list.txt" : "list.csv");
    if (text ? !patch_dataset_files(&d, paths, 1, NULL) : !patch_dataset_open(&d, path, PATCH_ALL, NULL))
        use(d);
    return 0;
}
