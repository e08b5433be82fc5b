/* fixtures.h - the pictures of tests/data/preprocess, or of the folder that VIT_PREPROCESS names. */
#ifndef TESTS_PATCH_FIXTURES_H
#define TESTS_PATCH_FIXTURES_H

#include "patch/patch.h"
#include "tests/support/test.h"
#include "tests/support/tmp.h"
#include "vit/json.h"
#include "vit/random.h"

/* libjpeg gives Pillow's pixels; stb's transform and colour conversion may differ by this much. */
#define JPEG_LEVELS (VIT_JPEG ? 0 : 3)

static inline const char *fixture_folder(void)
{
    const char *folder = getenv("VIT_PREPROCESS");

    return folder && *folder ? folder : "tests/data/preprocess";
}

static inline const char *fixture_path(char *text, size_t size, const char *name)
{
    snprintf(text, size, "%s/%s", fixture_folder(), name);
    return text;
}

static inline struct patch_image fixture_image(const char *name)
{
    struct vit_error err = { 0 };
    struct patch_image image;
    char path[1024];

    assert_ok(patch_image_read(&image, fixture_path(path, sizeof path, name), NULL, &err), &err);
    return image;
}

/* manifest.json, to be given back by json_decref. */
static inline json_t *fixture_manifest(void)
{
    struct vit_error err = { 0 };
    char path[1024];
    json_t *manifest;

    assert_ok(vit_json_read(&manifest, fixture_path(path, sizeof path, "manifest.json"), 1 << 20, &err),
              &err);
    return manifest;
}

static inline const char *fixture_text(const json_t *entry, const char *key)
{
    const char *text = json_string_value(json_object_get(entry, key));

    assert_non_null(text);
    return text;
}

/* Every byte of the pictures (height, width, 3) differs by at most levels. */
static inline void assert_pixels(const char *name, const unsigned char *a, const unsigned char *b, int width,
                                 int height, int levels)
{
    for (size_t i = 0; i < (size_t)width * (size_t)height * 3; i++)
        if (abs(a[i] - b[i]) > levels)
            fail_msg("%s: pixel (%zu, %zu) colour %zu is %d, expected %d within %d", name,
                     i / 3 % (size_t)width, i / 3 / (size_t)width, i % 3, a[i], b[i], levels);
}

/* A picture of random bytes. */
static inline struct patch_image fixture_noise(int width, int height, uint64_t seed)
{
    struct vit_error err = { 0 };
    struct patch_image image;

    assert_ok(patch_image_create(&image, width, height, &err), &err);
    for (size_t i = 0; i < (size_t)width * (size_t)height * 3; i++)
        image.rgb[i] = (unsigned char)vit_random_u64(seed, i);
    return image;
}

#endif
