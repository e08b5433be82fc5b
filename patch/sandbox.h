/* sandbox.h - the inside of a sandbox: what its processes share.
 *
 *     program: a question, one cell a picture       -> decoder 0, 1, ...: confined, each sees its own cell
 *     program: "another decoder for cell i"         -> keeper: forks decoders and buries them
 *
 * The keeper is forked once, when the sandbox is made, so that a decoder that died can be replaced without
 * forking a program that has threads by then. */
#ifndef PATCH_SANDBOX_H
#define PATCH_SANDBOX_H

#include <sys/types.h>

#include "patch/decode.h"

/* patch_decode_into, but in tests. */
typedef enum vit_status patch_decoder_fn(struct patch_image *out, const unsigned char *bytes, size_t size,
                                         const char *name, const struct patch_decode *options,
                                         const struct patch_space *space, struct vit_error *err);

/* The head of a cell: question and answer. The program believes nothing of an answer: a picture may have
 * taken the decoder over, and it may go on writing. */
struct patch_exchange {
    size_t size, max_pixels;
    char max_pixels_name[32]; /* "": unsaid; a longer one is cut */
    bool ignore_exif;
    char name[sizeof((struct vit_error *)0)->text]; /* a longer one as a sentence shortens it */

    int status, width, height;
    char text[sizeof((struct vit_error *)0)->text];
};

/* One mapping, shared with the decoders: for each cell its head, then the file, then the pixels. */
struct patch_cells {
    unsigned char *area;
    int count;
    size_t bytes;     /* of a cell */
    size_t file_at;   /* in the cell */
    size_t file_room; /* bytes */
    size_t pixels_at;
    size_t pixels_room; /* bytes: 3 max_pixels */
};

/* What the keeper needs to know; a copy of it is in every process. */
struct patch_sandbox_plan {
    struct patch_cells cells;
    size_t memory; /* bytes that a decoder may take */
    patch_decoder_fn *decode;
};

/* The keeper's answer to the number of a cell, an int. The other end of the decoder's socket comes with it,
 * unless error says why there is no decoder. */
struct patch_keeper_answer {
    pid_t pid;
    int died; /* how the decoder before ended, as waitpid says; 0: there was none */
    int error;
};

/* The keeper, in the process that was forked for it, until control is closed. Does not return. */
_Noreturn void patch_keeper_run(int control, const struct patch_sandbox_plan *plan);

/* ---- confine.c ---- */

/* All file descriptors but fd, which becomes 0. */
void patch_confine_files(int fd);
/* This process, for good: at most memory bytes more than it has, no core, and of the system only what memory
 * and file descriptor 0 need. Returns an errno, ENOSYS where the system has no such thing. */
int patch_confine(size_t memory);

/* ---- sandbox.c ---- */

/* patch_sandbox_create with another decoder. */
enum vit_status patch_sandbox_create_with(struct patch_sandbox **out, const struct patch_sandbox_options *o,
                                          patch_decoder_fn *decode, struct vit_error *err);
/* patch_image_decode in a process of the sandbox; options may be NULL. */
enum vit_status patch_sandbox_decode(struct patch_sandbox *s, struct patch_image *out,
                                     const unsigned char *bytes, size_t size, const char *name,
                                     const struct patch_decode *options, struct vit_error *err);

#endif
