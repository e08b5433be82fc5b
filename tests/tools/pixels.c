/* pixels VIT FOLDER: decoding and resizing against Pillow, byte for byte.
 *
 * FOLDER/manifest.json lists pictures with the exact result of a transform (run through vit preprocess) and
 * pictures in many encodings with the RGB they decode to (read by the library). A GIF may be refused. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "patch/patch.h"
#include "tests/support/run.h"
#include "tests/support/tmp.h"

static const struct transform {
    const char *name, *size, *mode, *crop, *filter;
} TRANSFORMS[] = {
    { "timm-bicubic-crop0.9", "224", "center", "0.9", "bicubic" },
    { "timm-bicubic-crop1.0", "224", "center", "1.0", "bicubic" },
    { "torchvision-bilinear-256-224", "224", "center", "0.875", "bilinear" }, /* 224 / 256 */
    { "hf-bilinear-squash224", "224", "squash", "1", "bilinear" },
    { "cifar-bicubic-squash32", "32", "squash", "1", "bicubic" },
    { "lanczos-squash64", "64", "squash", "1", "lanczos" },
};

struct check {
    const char *vit, *folder;
    char out[TMP_PATH + 16]; /* a file of our own, .png */
    int done, failed;
};

static const char *path_of(const struct check *c, const char *name, char *text, size_t size)
{
    snprintf(text, size, "%s/%s", c->folder, name);
    return text;
}

static void verdict(struct check *c, const char *name, const char *trouble)
{
    c->done++;
    if (trouble) c->failed++;
    if (trouble) printf("FAILED %s: %s\n", name, trouble);
}

/* What is wrong between two pictures in trouble, or NULL. */
static const char *differ(const char *got_path, const char *want_path, char *trouble, size_t size)
{
    struct patch_image got = { 0 }, want = { 0 };
    struct vit_error err;
    size_t wrong = 0;
    int most = 0;

    trouble[0] = '\0';
    if (patch_image_read(&got, got_path, NULL, &err) || patch_image_read(&want, want_path, NULL, &err)) {
        snprintf(trouble, size, "%s", err.text);
    } else if (got.width != want.width || got.height != want.height) {
        snprintf(trouble, size, "%d x %d, expected %d x %d", got.width, got.height, want.width, want.height);
    } else {
        for (size_t i = 0; i < (size_t)3 * want.width * want.height; i++) {
            int d = abs(got.rgb[i] - want.rgb[i]);
            wrong += d != 0;
            if (d > most) most = d;
        }
        if (wrong) snprintf(trouble, size, "%zu bytes differ, by %d at most", wrong, most);
    }
    patch_image_free(&got);
    patch_image_free(&want);
    return trouble[0] ? trouble : NULL;
}

static void check_resize(struct check *c, const char *input, const char *transform, const char *expect)
{
    char in[4096], want[4096], trouble[1200];
    struct run r = { 0 };

    for (size_t i = 0; i < VIT_COUNT(TRANSFORMS); i++) {
        const struct transform *t = &TRANSFORMS[i];
        if (strcmp(t->name, transform) != 0) continue;
        bool ran =
            run_program(&r,
                        (const char *const[]){ c->vit, "preprocess", path_of(c, input, in, sizeof in), "-o",
                                               c->out, "--size", t->size, "--crop-mode", t->mode,
                                               "--crop-pct", t->crop, "--interpolation", t->filter, NULL },
                        NULL);
        if (ran && !r.code)
            verdict(c, expect,
                    differ(c->out, path_of(c, expect, want, sizeof want), trouble, sizeof trouble));
        else
            verdict(c, expect, ran ? r.err : "the program cannot be started");
        run_free(&r);
        return;
    }
    verdict(c, expect, "a transform this check does not know");
}

static void check_decode(struct check *c, const char *input, const char *expect)
{
    char in[4096], want[4096], trouble[1200];
    const char *wrong;

    path_of(c, input, in, sizeof in);
    wrong = differ(in, path_of(c, expect, want, sizeof want), trouble, sizeof trouble);
    if (wrong && strstr(input, ".gif")) {
        printf("       %s: refused: %s\n", input, wrong);
        wrong = strstr(wrong, "differ") ? wrong : NULL;
    }
    verdict(c, input, wrong);
}

static const char *text_of(const json_t *row, const char *key)
{
    const char *text = json_string_value(json_object_get(row, key));

    return text ? text : "";
}

static void check_manifest(struct check *c, const json_t *manifest)
{
    const json_t *row;
    size_t i;

    json_array_foreach(json_object_get(manifest, "resize"), i, row)
        check_resize(c, text_of(row, "input"), text_of(row, "transform"), text_of(row, "expect"));
    json_array_foreach(json_object_get(manifest, "decode"), i, row)
        check_decode(c, text_of(row, "input"), text_of(row, "expect"));
}

int main(int argc, char **argv)
{
    struct check c = { .vit = argc > 1 ? argv[1] : "", .folder = argc > 2 ? argv[2] : "" };
    char path[4096], dir[TMP_PATH];
    json_t *manifest =
        argc == 3 ? json_load_file(path_of(&c, "manifest.json", path, sizeof path), 0, NULL) : NULL;

    if (!manifest) {
        fprintf(stderr, "usage: pixels VIT FOLDER-WITH-manifest.json\n");
        return 2;
    }
    tmp_create(dir, sizeof dir);
    snprintf(c.out, sizeof c.out, "%s/out.png", dir);
    check_manifest(&c, manifest);
    json_decref(manifest);
    tmp_remove(dir);
    printf("%d of %d pictures failed\n", c.failed, c.done);
    return c.failed || !c.done ? 1 : 0;
}
