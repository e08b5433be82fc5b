#include "patch/exif.h"

#include <stdlib.h>
#include <string.h>

#include "patch/bytes.h"
#include "patch/decode.h"

#define EXIF_HEAD "Exif\0" /* and a byte that is zero, too */
enum { HEAD = sizeof EXIF_HEAD };

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
    const size_t head = size >= HEAD && !memcmp(bytes, EXIF_HEAD, HEAD) ? HEAD : 0;
    struct tiff t = { bytes += head, size -= head, size && bytes[0] == 'M' };
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
    enum { START_OF_SCAN = 0xda, END = 0xd9, APP1 = 0xe1 };
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
        if (segment[1] == APP1 && length >= 2 + HEAD && !memcmp(segment + 4, EXIF_HEAD, 5))
            return patch_exif_tiff(segment + 4 + HEAD, length - 2 - HEAD);
        at += 2 + length;
    }
    return 1;
}

static int digit_of(unsigned char c)
{
    static const char DIGITS[] = "0123456789abcdef0123456789ABCDEF";
    const char *found = c ? strchr(DIGITS, c) : NULL;

    return found ? (int)(found - DIGITS) % 16 : -1;
}

/* An empty line, a name, a length; then the bytes, two digits each, which are put in their place. */
static int profile_orientation(unsigned char *text, size_t size)
{
    size_t at = 0, count = 0;
    int high = -1;

    for (int line = 0; line < 3; line++) {
        const unsigned char *end = memchr(text + at, '\n', size - at);
        if (!end) return 1;
        at = (size_t)(end - text) + 1;
    }
    for (; at < size; at++) {
        const int digit = digit_of(text[at]);
        if (digit < 0 && text[at] != '\n') break;
        if (digit < 0) continue;
        if (high >= 0) text[count++] = (unsigned char)(high << 4 | digit);
        high = high < 0 ? digit : -1;
    }
    return patch_exif_tiff(text, count);
}

/* The text of a tEXt chunk, or the method and the packed text of a zTXt chunk. */
static int text_orientation(const unsigned char *from, size_t size, bool packed)
{
    enum { MOST = 1 << 20 }; /* as much as Pillow takes of a text */
    unsigned char *text = size && size <= MOST ? malloc(MOST) : NULL;
    int found = 1, length = (int)size;

    if (!text) return !size || size > MOST;
    if (packed)
        length = patch_stb_inflate((char *)text, MOST, from + 1, (int)(size - 1));
    else
        memcpy(text, from, size);
    if (length > 0) found = profile_orientation(text, (size_t)length);
    free(text);
    return found;
}

/* eXIf counts before the text that ImageMagick writes, as in Pillow. */
int patch_exif_png(const unsigned char *bytes, size_t size)
{
    enum { SIGNATURE = 8, FRAME = 12 }; /* FRAME: length, type and checksum */
    static const char KEY[] = "Raw profile type exif";
    const unsigned char *text = NULL;
    size_t at = SIGNATURE, text_size = 0;

    while (at < size && size - at >= FRAME) {
        const size_t length = patch_big32(bytes + at);
        const unsigned char *type = bytes + at + 4, *data = bytes + at + 8;

        if (length > size - at - FRAME) break;
        if (!memcmp(type, "eXIf", 4)) return patch_exif_tiff(data, length);
        if (!text && (!memcmp(type, "tEXt", 4) || !memcmp(type, "zTXt", 4)) && length >= sizeof KEY &&
            !memcmp(data, KEY, sizeof KEY))
            text = data, text_size = length;
        at += FRAME + length;
    }
    if (!text) return 1;
    return text_orientation(text + sizeof KEY, text_size - sizeof KEY, text[-4] == 'z');
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
