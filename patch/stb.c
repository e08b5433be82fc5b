/* stb_image and stb_image_write: the only file that sees their code. Few formats, no stdio, a cap on
 * the sides. It reads through callbacks, so that we learn when it wanted more than the file holds:
 * by itself it goes on with zeros. */
#include <limits.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "patch/decode.h"

/* What stb has taken and not given back: 2.27 forgets a picture of 16 bits when there is no memory for its
 * copy of 8. It holds fewer than ten at a time. */
static _Thread_local void *held[16];

/* The entry of p; NULL: a free one. */
static void **entry_of(const void *p)
{
    for (size_t i = 0; i < VIT_COUNT(held); i++)
        if (held[i] == p) return &held[i];
    return NULL;
}

/* The system had no memory. Else stb says "outofmem" of what is too long. */
static _Thread_local bool exhausted;

/* Lengths in stb are int; a longer piece comes only from a PNG made to fill the memory. */
static void *limited_realloc(void *p, size_t size)
{
    void **entry = entry_of(p), *to = size > INT_MAX || !entry ? NULL : realloc(p, size);

    if (to)
        *entry = to;
    else if (size <= INT_MAX)
        exhausted = true;
    return to;
}

static void release(void *p)
{
    void **entry = p ? entry_of(p) : NULL;

    if (entry) *entry = NULL;
    free(p);
}

/* After a picture: all but the picture itself, which is the caller's from now on (NULL: none). */
static void release_all_but(const void *picture)
{
    for (size_t i = 0; i < VIT_COUNT(held); i++) {
        if (held[i] != picture) free(held[i]);
        held[i] = NULL;
    }
}

/* The writer of stb takes many small pieces and does not look whether it got them. So they stand in a list,
 * and a piece that cannot be had leaves it at once, for patch_stb_png, which gives the list back. */
struct piece {
    struct piece *before, *after;
    max_align_t bytes[];
};
static _Thread_local struct {
    struct piece *first;
    jmp_buf leave;
} writer;

static void *writer_realloc(void *p, size_t size)
{
    struct piece *from = p ? (struct piece *)((char *)p - offsetof(struct piece, bytes)) : NULL;
    struct piece *to = size > SIZE_MAX - sizeof *to ? NULL : realloc(from, sizeof *to + size);

    if (!to) longjmp(writer.leave, 1);
    if (!from) *to = (struct piece){ NULL, writer.first };
    if (to->before)
        to->before->after = to;
    else
        writer.first = to;
    if (to->after) to->after->before = to;
    return to->bytes;
}

static void writer_free(void *p)
{
    struct piece *piece = p ? (struct piece *)((char *)p - offsetof(struct piece, bytes)) : NULL;

    if (!piece) return;
    if (piece->before)
        piece->before->after = piece->after;
    else
        writer.first = piece->after;
    if (piece->after) piece->after->before = piece->before;
    free(piece);
}

#define STBI_ONLY_PNG
#if !VIT_JPEG
#define STBI_ONLY_JPEG
#endif
#define STBI_NO_STDIO
#define STBI_NO_HDR
#define STBI_NO_LINEAR
#define STBI_MAX_DIMENSIONS PATCH_MAX_SIDE
#define STBI_MALLOC(n)      limited_realloc(NULL, n)
#define STBI_REALLOC(p, n)  limited_realloc(p, n)
#define STBI_FREE(p)        release(p)
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#define STBI_WRITE_NO_STDIO
#define STBIW_MALLOC(n)     writer_realloc(NULL, n)
#define STBIW_REALLOC(p, n) writer_realloc(p, n)
#define STBIW_FREE(p)       writer_free(p)
#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#pragma GCC diagnostic ignored "-Wunused-function"
#if !defined(__clang__)
/* At -O2 gcc sees the writer's locals between setjmp and longjmp; none is looked at afterwards. */
#pragma GCC diagnostic ignored "-Wclobbered"
#endif
#include <stb_image.h>
#include <stb_image_write.h>

/* What is left to read, one piece after the other. */
struct stream {
    struct patch_piece *piece;
    size_t pieces;
    bool ran_out;
};

static bool is_over(const struct stream *s)
{
    for (size_t i = 0; i < s->pieces; i++)
        if (s->piece[i].size) return false;
    return true;
}

/* The next n bytes, as far as there are, to to; NULL: nowhere. Returns how many. */
static size_t take(struct stream *s, char *to, size_t n)
{
    size_t done = 0;

    for (struct patch_piece *p = s->piece; p < s->piece + s->pieces; p++) {
        const size_t some = n - done < p->size ? n - done : p->size;
        if (!some) continue;
        if (to) memcpy(to + done, p->bytes, some);
        p->bytes += some;
        p->size -= some;
        done += some;
    }
    return done;
}

static int read_some(void *user, char *to, int size)
{
    struct stream *s = user;

    if (size && is_over(s)) s->ran_out = true;
    return (int)take(s, to, (size_t)size);
}

static void skip(void *user, int n)
{
    if (n > 0) take(user, NULL, (size_t)n);
}

/* The reader of JPEG asks. */
static int at_end(void *user)
{
    return is_over(user);
}

/* Say what stb says of its last error: nothing, or what it said of a picture before, where there is no memory
 * to inflate to. */
static enum vit_status blame(const struct patch_input *in, const char *format, struct vit_error *err)
{
    const char *why = stbi_failure_reason();

    if (exhausted) return vit_fail(err, VIT_ERR_NOMEM, "%s: no memory to decode this %s", in->name, format);
    if (why && strcmp(why, "outofmem") == 0)
        return vit_fail(err, VIT_ERR_FORMAT, "%s: damaged %s: it would take more than 2 GiB", in->name,
                        format);
    return vit_fail(err, VIT_ERR_FORMAT, "%s: damaged %s: %s", in->name, format, why ? why : "unreadable");
}

#if !VIT_JPEG
enum vit_status patch_stb_check(const struct patch_input *in, const char *format, struct vit_error *err)
{
    int width = 0, height = 0, channels;

    if (in->size <= INT_MAX && stbi_info_from_memory(in->bytes, (int)in->size, &width, &height, &channels))
        return patch_check_pixels(in, (uint64_t)width, (uint64_t)height, err);
    return vit_fail(err, VIT_ERR_FORMAT, "%s: damaged %s: its header cannot be read", in->name, format);
}
#endif

enum vit_status patch_stb_decode(struct patch_image *out, const struct patch_input *in,
                                 struct patch_piece *pieces, size_t count, const char *format,
                                 struct vit_error *err)
{
    static const stbi_io_callbacks IO = { read_some, skip, at_end };
    struct stream s = { pieces, count, false };
    int channels;

    exhausted = false;
    out->rgb = stbi_load_from_callbacks(&IO, &s, &out->width, &out->height, &channels, STBI_rgb);
    release_all_but(out->rgb);
    if (out->rgb && !s.ran_out) return VIT_OK;
    patch_image_free(out);
    if (s.ran_out)
        return vit_fail(err, VIT_ERR_FORMAT, "%s: truncated %s: the file ends before the picture", in->name,
                        format);
    return blame(in, format, err);
}

int patch_stb_inflate(char *to, int room, const unsigned char *from, int size)
{
    return stbi_zlib_decode_buffer(to, room, (const char *)from, size);
}

unsigned char *patch_stb_png(const unsigned char *rgb, int width, int height, int *size)
{
    unsigned char *volatile png = NULL;

    writer.first = NULL;
    if (!setjmp(writer.leave)) {
        const unsigned char *made = stbi_write_png_to_mem(rgb, width * 3, width, height, 3, size);
        png = made ? malloc((size_t)*size) : NULL;
        if (png) memcpy(png, made, (size_t)*size);
    }
    while (writer.first) writer_free(writer.first->bytes);
    return png;
}
