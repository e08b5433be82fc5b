/* The answers of a decoder that a picture has taken over. It writes the input over the head of its cell; the
 * first byte says what it sends and whether the pixels are borrowed. The program is what is fuzzed. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "patch/sandbox.h"
#include "tests/fuzz/fuzz.h"

enum { MAX_PIXELS = 1 << 14, NAME = offsetof(struct patch_exchange, name) };

/* Of the first byte: whether the pixels are borrowed; bytes of the message, nearly always one, since another
 * decoder costs as much as a hundred answers. */
enum { BORROW = 0x80, MESSAGE = 0x1f, NOTHING = 0x1e, TOO_MUCH = 0x1f };

static size_t message_of(int choice)
{
    return (choice & MESSAGE) == NOTHING ? 0 : (choice & MESSAGE) == TOO_MUCH ? 3 : 1;
}

/* Confined, and ours for good. */
static enum vit_status take_over(struct patch_image *out, const unsigned char *bytes, size_t size,
                                 const char *name, const struct patch_decode *options,
                                 const struct patch_space *space, struct vit_error *err)
{
    struct patch_exchange *x = (struct patch_exchange *)(void *)((char *)name - NAME);
    char words[4] = { 0 };

    (void)out, (void)options, (void)space, (void)err;
    for (;;) {
        const size_t rest = size - 1 < sizeof *x ? size - 1 : sizeof *x;
        const size_t message = message_of(bytes[0]);

        memcpy(x, bytes + 1, rest);
        if (write(0, words, message) != (ssize_t)message || read(0, words, 1) != 1)
            syscall(SYS_exit_group, 0);
        size = x->size; /* of the next question */
    }
    return VIT_OK; /* which a compiler may want: no way leads here */
}

static struct patch_sandbox *sandbox;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    const struct patch_sandbox_options o = { .decoders = 1, .max_pixels = MAX_PIXELS, .seconds = 5 };
    struct vit_error err;

    (void)argc, (void)argv;
    if (!patch_sandbox_create_with(&sandbox, &o, take_over, &err)) return 0;
    fuzz_stop(err.text);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static unsigned char sum;
    const struct patch_decode o = { .borrow = size && data[0] & BORROW };
    struct patch_image image;
    struct vit_error err = { 0 };

    if (!size) return 0;
    if (patch_sandbox_decode(sandbox, &image, data, size, "fuzz", &o, &err)) {
        if (image.rgb || !err.status || !memchr(err.text, 0, sizeof err.text))
            fuzz_stop("a failure that is none");
        for (const char *c = err.text; *c; c += vit_printable(c))
            if (!vit_printable(c)) fuzz_stop("a sentence for no terminal");
        return 0;
    }
    if (image.width < 1 || image.height < 1 || image.width * image.height > MAX_PIXELS)
        fuzz_stop("a false size");
    for (int i = 0; i < 3 * image.width * image.height; i++) sum = (unsigned char)(sum + image.rgb[i]);
    patch_image_free(&image);
    return 0;
}
