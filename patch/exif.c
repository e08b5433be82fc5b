#include "patch/exif.h"

#include <string.h>

#include "patch/bytes.h"

/* A TIFF structure: its own byte order, offsets from its start. */
struct tiff {
    const unsigned char *bytes;
    size_t size;
    bool big;
};

static uint32_t get16(const struct tiff *t, size_t at)
{
    return t->big ? patch_big16(t->bytes + at) : patch_little16(t->bytes + at);
}

static uint32_t get32(const struct tiff *t, size_t at)
{
    return t->big ? patch_big32(t->bytes + at) : patch_little32(t->bytes + at);
}

/* The number of a directory entry of 12 bytes that lie inside; 0 for types that hold no whole number. */
static uint32_t entry_value(const struct tiff *t, size_t at)
{
    enum { BYTE = 1, SHORT = 3, LONG = 4 };

    switch (get16(t, at + 2)) {
    case BYTE: return t->bytes[at + 8];
    case SHORT: return get16(t, at + 8);
    case LONG: return get32(t, at + 8);
    default: return 0;
    }
}

int patch_exif_tiff(const unsigned char *bytes, size_t size)
{
    enum { ORIENTATION = 0x0112, ENTRY = 12 };
    struct tiff t = { bytes, size, size && bytes[0] == 'M' };
    size_t at, entries;

    if (size < 8 || (memcmp(bytes, "II*\0", 4) && memcmp(bytes, "MM\0*", 4))) return 1;
    at = get32(&t, 4);
    if (at > size - 2) return 1;
    entries = get16(&t, at);
    for (at += 2; entries && at <= size && size - at >= ENTRY; at += ENTRY, entries--) {
        uint32_t value;
        if (get16(&t, at) != ORIENTATION) continue;
        value = entry_value(&t, at);
        return value >= 1 && value <= 8 ? (int)value : 1;
    }
    return 1;
}

/* Walk the segments before the first scan. The first APP1 that says Exif counts, as in Pillow. */
int patch_exif_jpeg(const unsigned char *bytes, size_t size)
{
    enum { START_OF_SCAN = 0xda, END = 0xd9, APP1 = 0xe1, HEAD = 6 };
    size_t at = 2;

    while (at < size && size - at >= 4) {
        const unsigned char *segment = bytes + at;
        size_t length;

        if (segment[0] != 0xff || segment[1] == START_OF_SCAN || segment[1] == END) return 1;
        if (segment[1] == 0xff) { /* fill byte */
            at++;
            continue;
        }
        length = patch_big16(segment + 2); /* counts itself */
        if (length < 2 || length > size - at - 2) return 1;
        if (segment[1] == APP1 && length >= 2 + HEAD && !memcmp(segment + 4, "Exif\0", 5))
            return patch_exif_tiff(segment + 4 + HEAD, length - 2 - HEAD);
        at += 2 + length;
    }
    return 1;
}

int patch_exif_png(const unsigned char *bytes, size_t size)
{
    enum { SIGNATURE = 8, FRAME = 12 }; /* FRAME: length, type and checksum */
    size_t at = SIGNATURE;

    while (at < size && size - at >= FRAME) {
        const size_t length = patch_big32(bytes + at);

        if (length > size - at - FRAME) return 1;
        if (!memcmp(bytes + at + 4, "eXIf", 4)) return patch_exif_tiff(bytes + at + 8, length);
        at += FRAME + length;
    }
    return 1;
}

enum vit_status patch_exif_turn(struct patch_image *image, int orientation, struct vit_error *err)
{
    /* Where the pixel (x, y) of the upright picture lies in the stored one, after exchanging x and y. */
    static const struct {
        bool exchange, from_right, from_bottom;
    } TURNS[9] = {
        [2] = { false, true, false }, [3] = { false, true, true }, [4] = { false, false, true },
        [5] = { true, false, false }, [6] = { true, false, true }, [7] = { true, true, true },
        [8] = { true, true, false },
    };
    const bool exchange = TURNS[orientation].exchange;
    const ptrdiff_t w = image->width, h = image->height;
    const ptrdiff_t step_x = TURNS[orientation].from_right ? -3 : 3;
    const ptrdiff_t step_y = (TURNS[orientation].from_bottom ? -3 : 3) * w;
    const ptrdiff_t right = exchange ? step_y : step_x, down = exchange ? step_x : step_y;
    const unsigned char *corner = image->rgb;
    struct patch_image turned;
    enum vit_status status;

    if (orientation <= 1) return VIT_OK;
    status = patch_image_create(&turned, (int)(exchange ? h : w), (int)(exchange ? w : h), err);
    if (status) return status;
    if (step_x < 0) corner += (w - 1) * 3;
    if (step_y < 0) corner += (h - 1) * w * 3;
    for (int y = 0; y < turned.height; y++) {
        unsigned char *out = turned.rgb + (size_t)y * (size_t)turned.width * 3;
        for (int x = 0; x < turned.width; x++) memcpy(out + (size_t)x * 3, corner + y * down + x * right, 3);
    }
    patch_image_free(image);
    *image = turned;
    return VIT_OK;
}
