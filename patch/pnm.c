/* Binary PGM and PPM. Not through stb_image, which ignores the largest value and, on little-endian
 * machines, exchanges the bytes of 16-bit samples. */
#include <math.h>

#include "patch/bytes.h"
#include "patch/decode.h"

/* The header's numbers come one after another, between white space and comments. */
struct scanner {
    const struct patch_input *in;
    size_t at;
};

static bool is_space(unsigned char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static void skip_blank(struct scanner *s)
{
    const struct patch_input *in = s->in;

    while (s->at < in->size && (is_space(in->bytes[s->at]) || in->bytes[s->at] == '#')) {
        if (in->bytes[s->at] == '#')
            while (s->at < in->size && in->bytes[s->at] != '\n' && in->bytes[s->at] != '\r') s->at++;
        else
            s->at++;
    }
}

/* The next number, or 0 (which no field may be) when there is none or it is absurd. */
static uint32_t number(struct scanner *s)
{
    uint32_t value = 0;

    skip_blank(s);
    for (; s->at < s->in->size; s->at++) {
        const unsigned digit = (unsigned)s->in->bytes[s->at] - '0';
        if (digit > 9) break;
        if (value > 100 * 1000 * 1000) return 0;
        value = value * 10 + digit;
    }
    return value;
}

bool patch_pnm_begins(const unsigned char *bytes, size_t size)
{
    const struct patch_input in = { .bytes = bytes, .size = size };
    struct scanner s = { &in, 2 };

    if (size < 3 || (!is_space(bytes[2]) && bytes[2] != '#')) return false;
    return number(&s) && number(&s) && (s.at == size || is_space(bytes[s.at]) || bytes[s.at] == '#');
}

/* count samples as 8 bits, rounded as Pillow does; shift: to 16 bits, of which the lower half is lost. */
static void convert(unsigned char *to, const unsigned char *from, size_t count, uint32_t largest, bool shift)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t v = largest > 255 ? patch_big16(from + 2 * i) : from[i];
        if (v > largest) v = largest;
        if (shift)
            to[i] = (unsigned char)(v * 65535ull / largest >> 8);
        else
            to[i] = (unsigned char)(largest == 255 ? (long)v : lrint((double)v / largest * 255));
    }
}

static void spread_grey(struct patch_image *image)
{
    const size_t count = (size_t)image->width * (size_t)image->height;

    for (size_t i = count; i-- > 0;) { /* from the end: the grey values stand at the beginning */
        const unsigned char grey = image->rgb[i];
        image->rgb[3 * i] = image->rgb[3 * i + 1] = image->rgb[3 * i + 2] = grey;
    }
}

enum vit_status patch_pnm_decode(struct patch_image *out, const struct patch_input *in, struct vit_error *err)
{
    struct scanner s = { in, 2 };
    const size_t channels = in->bytes[1] == '6' ? 3 : 1;
    const uint32_t width = number(&s), height = number(&s), largest = number(&s);
    size_t count, bytes;
    enum vit_status status;

    if (!largest || largest > 65535 || s.at >= in->size || !is_space(in->bytes[s.at]))
        return vit_fail(err, VIT_ERR_FORMAT,
                        "%s: damaged PNM: expected width, height and largest value (to 65535)", in->name);
    s.at++;
    status = patch_check_pixels(in, width, height, err);
    if (status) return status;
    count = (size_t)width * height * channels;
    bytes = count * (largest > 255 ? 2 : 1);
    if (bytes > in->size - s.at)
        return vit_fail(err, VIT_ERR_FORMAT, "%s: truncated PNM: expected %zu bytes of pixels, found %zu",
                        in->name, bytes, in->size - s.at);
    status = patch_picture_create(out, in, (int)width, (int)height, err);
    if (status) return status;
    /* Grey of 16 bits as in PNG: Pillow has no 8-bit picture of it to be equal to. */
    convert(out->rgb, in->bytes + s.at, count, largest, channels == 1 && largest > 255);
    if (channels == 1) spread_grey(out);
    return VIT_OK;
}
