/* patch.h - from files to pictures to normalised planes; data sets; batches.
 *
 *     #include <patch/patch.h>
 *
 *     // pixels (size, size, 3) as Pillow and timm would have them, and planes (3, size, size) of them.
 *     enum vit_status look(unsigned char *pixels, float *planes, const char *path, int size,
 *                          struct vit_error *err)
 *     {
 *         const struct patch_recipe recipe = patch_recipe_default(size);
 *         struct patch_image im;
 *         enum vit_status status = patch_image_read(&im, path, NULL, err);
 *
 *         if (!status) status = patch_prepare(pixels, &im, &recipe, err);
 *         if (!status) patch_normalise(planes, pixels, &recipe);
 *         patch_image_free(&im);
 *         return status;
 *     }
 *
 * Everything that is decoded becomes 8-bit RGB: grey is repeated, palettes are looked up, alpha is
 * dropped, 16 bits are shifted right by 8 (colours of a PPM rounded), CMYK and YCCK are converted as Pillow
 * does.
 *
 * These functions are in libvit.a; libvit.so exports vit_* alone (vit/vit.h). */
#ifndef VIT_PATCH_PATCH_H
#define VIT_PATCH_PATCH_H

#include "../vit/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- pictures ---- */

struct patch_image {
    int width, height;
    unsigned char *rgb; /* (height, width, 3); owned, freed by patch_image_free */
    /* Not NULL: rgb is lent, and patch_image_free calls this with owner. */
    void (*give_back)(void *owner);
    void *owner;
};

struct patch_sandbox;

struct patch_decode {
    size_t max_pixels;           /* refused before decoding when larger; 0: PATCH_MAX_PIXELS */
    const char *max_pixels_name; /* what the user sets it by, for the error: "--max-pixels"; NULL: unsaid */
    size_t max_bytes;            /* of a file; 0: PATCH_MAX_BYTES */
    bool ignore_exif; /* do not turn the picture as its EXIF orientation (XMP's is not read) says */
    struct patch_sandbox *sandbox; /* decode in its processes; NULL: in this one */
    /* From a sandbox: leave the pixels where the decoder wrote them. It has no other picture until
     * patch_image_free, which comes before the thread's next picture and before the sandbox closes. */
    bool borrow;
};
/* Where Pillow refuses: twice its MAX_IMAGE_PIXELS, from which on it warns; half a GiB at three bytes a
 * pixel. A number alone, for help texts. */
#define PATCH_MAX_PIXELS 178956970
#define PATCH_MAX_BYTES  ((size_t)1 << 30)
/* Longest side of a picture. JPEG ends at 65,535; the cap keeps every product of a side in 32 bits. */
#define PATCH_MAX_SIDE 65536

/* Decode a file, or bytes already read (name is for the error). options may be NULL. *out is
 * zeroed on failure. JPEG through libjpeg-turbo where built with it, else through stb_image, as PNG; BMP and
 * binary PGM and PPM by readers of our own. A truncated or damaged file is an error, never a half-grey
 * picture. */
enum vit_status patch_image_read(struct patch_image *out, const char *path,
                                 const struct patch_decode *options, struct vit_error *err);
enum vit_status patch_image_decode(struct patch_image *out, const unsigned char *bytes, size_t size,
                                   const char *name, const struct patch_decode *options,
                                   struct vit_error *err);
/* Whether bytes begin as a picture does, also of a kind that is refused by name, and as no list of paths. */
bool patch_is_picture(const unsigned char *bytes, size_t size);
enum vit_status patch_image_create(struct patch_image *out, int width, int height, struct vit_error *err);
void patch_image_free(struct patch_image *image); /* accepts a zeroed image */

/* Write (height, width, 3) bytes as PNG, whole or not at all (vit/sink.h). */
enum vit_status patch_png_write(const char *path, const unsigned char *rgb, int width, int height,
                                struct vit_error *err);

/* "libjpeg-turbo 2.1.5, stb_image 2.27, BMP and PNM of our own": what this build decodes with. */
const char *patch_decoders(void);

/* ---- decoding in processes of their own ---- */

struct patch_sandbox_options {
    int decoders;      /* processes at most, so pictures decoded at the same time; 0: one */
    size_t max_pixels; /* no picture may have more; 0: PATCH_MAX_PIXELS */
    double seconds;    /* of a processor, for one picture; 0: PATCH_SANDBOX_SECONDS */
};
/* A hundred times what the slowest file of the public suites of hostile pictures takes. */
#define PATCH_SANDBOX_SECONDS 20
/* Memory of a decoder, in bytes for each pixel of max_pixels, and what any picture may take. PNG of 16 bits
 * and four channels takes most: file, what it inflates to and the copy without filters have 8 bytes each. */
#define PATCH_SANDBOX_PIXEL_BYTES 32
#define PATCH_SANDBOX_BYTES       ((size_t)64 << 20)

/* Processes that may compute, take a limited memory and answer, and nothing else: no file, no socket, no
 * program (Linux: seccomp and rlimits). A picture that crashes its decoder, holds it longer than seconds or
 * makes it answer what makes no sense fails with VIT_ERR_FORMAT and a sentence that says so; another decoder
 * takes its place. File and pixels go through memory that both sides share. VIT_ERR_UNSUPPORTED where the
 * system has no such thing.
 *
 * Any number of threads may decode in a sandbox; those that find no free decoder wait. It forks: one child,
 * in the call of create, which forks the decoders, each when it is first needed, and buries them. So a
 * program with threads may use it; one that waits for any child may see that one end; a child that the
 * program forks may not use the sandbox of its parent. Without a sandbox nothing here forks. A decoder serves
 * one picture after another: one that was taken over can falsify the answers to the next, and put into them
 * what memory held at the call of create, but reach nothing else. */
enum vit_status patch_sandbox_create(struct patch_sandbox **out, const struct patch_sandbox_options *o,
                                     struct vit_error *err);
void patch_sandbox_close(struct patch_sandbox *s); /* accepts NULL; no thread decodes in it any more */

/* ---- resizing ---- */

enum patch_filter { PATCH_BOX, PATCH_BILINEAR, PATCH_BICUBIC, PATCH_LANCZOS, PATCH_FILTERS };
const char *patch_filter_name(enum patch_filter filter);
int patch_filter_from_name(const char *name); /* -1: unknown */
/* Pillow's number of a filter, which Hugging Face's files have, and the filter of a number; -1: none of
 * these. */
int patch_filter_number(enum patch_filter filter);
int patch_filter_from_number(int number);

/* *out (width, height) = in resized, byte-equal to Image.resize of Pillow up to 12.1: two passes in fixed
 * point, the horizontal one first, with 8-bit values in between, antialiased. */
enum vit_status patch_resize(struct patch_image *out, const struct patch_image *in, int width, int height,
                             enum patch_filter filter, struct vit_error *err);

/* ---- the recipe: what a model expects ---- */

enum { PATCH_MOST_SIZE = 8192 }; /* largest size of a recipe, and so image of a model */

struct patch_recipe {
    int size;       /* pixels a side of what the model sees */
    bool squash;    /* resize to a square, aspect ignored; else the short side. Then the crop */
    float crop_pct; /* resize to floor(size / crop_pct), then the centre size x size */
    bool crop_down; /* an odd margin: its half is rounded down; else to even */
    enum patch_filter filter;
    float mean[3], std[3]; /* of values in [0, 1] */
};

/* Defaults of timm's ViTs: size as given, crop_pct 0.9, bicubic, mean and std 0.5. */
struct patch_recipe patch_recipe_default(int size);
enum vit_status patch_recipe_check(const struct patch_recipe *r, const char *where, struct vit_error *err);
/* Pixels of the side that is resized to, before the crop. */
int patch_recipe_side(const struct patch_recipe *r);

/* Mean and deviation over all pixels of the training pictures of a data set, as everybody uses them
 * (CIFAR-100's differ among sources in the fourth digit). */
enum patch_statistics { PATCH_CIFAR10, PATCH_CIFAR100, PATCH_IMAGENET, PATCH_STATISTICS };
void patch_recipe_set_statistics(struct patch_recipe *r, enum patch_statistics of);
/* "CIFAR-10": the data set whose mean and deviation are those of r, to the bit; NULL: none. */
const char *patch_recipe_statistics_name(const struct patch_recipe *r);

/* pixels (size, size, 3) = resized and cropped as the recipe says (timm's and torchvision's integer
 * rules: long side truncated, crop offset rounded half to even, a short picture padded with zeros;
 * Hugging Face's round it down). */
enum vit_status patch_prepare(unsigned char *pixels, const struct patch_image *image,
                              const struct patch_recipe *r, struct vit_error *err);
/* planes (3, size, size) = (pixels / 255 - mean) / std, in float as torchvision does. */
void patch_normalise(float *planes, const unsigned char *pixels, const struct patch_recipe *r);

/* ---- data sets ---- */

enum patch_split { PATCH_TRAIN, PATCH_VAL, PATCH_TEST, PATCH_ALL, PATCH_SPLITS };
const char *patch_split_name(enum patch_split split);
int patch_split_from_name(const char *name); /* -1: unknown */

struct patch_dataset;

/* Open by looking: a folder of the files of CIFAR-10 or CIFAR-100, of the binary version or of that for
 * Python (whose pickles are read, not executed); a folder with one folder per class, or train/, val/, test/
 * of such (or Training/ and the like); a CSV of file,label, which may have any name where its first line has
 * these two fields (files are relative to the CSV; a header line is recognised, by usual names or because it
 * names no picture, the next line does and none has its label). Beside splits there are no other folders with
 * pictures right in them: whether they are classes, and train/ a class too, cannot be told.
 * Classes are sorted as torchvision sorts them (bytewise). Pictures are not read yet. A missing split is an
 * error that names those that exist. CIFAR's files may also lie in the folder that the archive makes in path;
 * those of CIFAR-100 are known by the file of its class names beside them; in the binary version by their
 * sizes, too, and the file is asked for. A record of them without a valid label fails when it is read, as
 * does one that is cut in a binary file; a pickle that is cut is an error. A class's folder without pictures
 * counts as one of them, whose reading says so. A folder that cannot be listed is an error, as is a link that
 * leads nowhere where a folder may be meant. */
enum vit_status patch_dataset_open(struct patch_dataset **out, const char *path, enum patch_split split,
                                   struct vit_error *err);
/* The splits path has, as bits 1 << PATCH_TRAIN and so on. 0: it is one set (a folder of classes without
 * train/, val/ and test/, a CSV), which is opened whole whatever split is asked for. Whether a train/ that
 * cannot be listed is one nobody knows: VIT_ERR_IO. */
enum vit_status patch_dataset_splits(unsigned *out, const char *path, struct vit_error *err);
/* Unlabelled pictures: files, folders (their pictures, recursively, sorted) and .txt lists of both, one path
 * a line, relative to the working directory. What is not there, a folder that cannot be listed or has no
 * pictures and a list that cannot be used count as one picture each, whose reading says what is wrong. */
enum vit_status patch_dataset_files(struct patch_dataset **out, const char *const *paths, size_t count,
                                    struct vit_error *err);
void patch_dataset_close(struct patch_dataset *d); /* accepts NULL */

size_t patch_dataset_count(const struct patch_dataset *d);
int patch_dataset_classes(const struct patch_dataset *d);              /* 0: unlabelled */
const char *patch_dataset_class(const struct patch_dataset *d, int i); /* "airplane" */
int patch_dataset_label(const struct patch_dataset *d, size_t i);      /* -1: none */
/* The file, whole, or "test_batch.bin[17]"; valid until the next call with the same buffer, and no longer
 * than the data set. */
const char *patch_dataset_name(const struct patch_dataset *d, size_t i, char *text, size_t size);
/* "folder of classes", "CIFAR-10 binary", "CSV", "files": how it was recognised, and what was guessed. */
const char *patch_dataset_kind(const struct patch_dataset *d);
/* A number of what the data set lists, in order: its classes, its files by size and name below root (the path
 * it was opened at), and the label of each picture. Equal for a copy elsewhere; opens no file, so what is in
 * them may differ. */
uint64_t patch_dataset_digest(const struct patch_dataset *d, const char *root);
/* Whether path is one of the files that d reads, by whatever name: of pictures, of records, and of CIFAR's
 * class names. Each of them is looked up where there is a file at path, and none where there is not. */
bool patch_dataset_reads(const struct patch_dataset *d, const char *path);
/* Decode picture i. Safe to call from several threads. */
enum vit_status patch_dataset_read(const struct patch_dataset *d, size_t i,
                                   const struct patch_decode *options, struct patch_image *out,
                                   struct vit_error *err);
/* Renumber the labels to the order of names (count), by name. Classes of the data that are not among them are
 * an error, which names what is not matched on both sides as far as there is room. whose: the names are, "the
 * model". */
enum vit_status patch_dataset_match(struct patch_dataset *d, const char *const *names, int count,
                                    const char *whose, struct vit_error *err);
/* Keep n pictures, equally many of each class (as far as there are), the same for every call. Those without a
 * label count as one more class, the last. */
enum vit_status patch_dataset_limit(struct patch_dataset *d, size_t n, struct vit_error *err);
/* Move a fraction of each class, rounded, into *held (closed by the caller), the same pictures for every
 * call; of every class that has two at least one, and not all. A file that a list or links name more than
 * once is one of its first label's class: all of it moves, or nothing. *repeats (may be NULL): how often d
 * named a file again. */
enum vit_status patch_dataset_hold_out(struct patch_dataset *d, float fraction, struct patch_dataset **held,
                                       size_t *repeats, struct vit_error *err);

/* ---- batches: decoding and preparing ahead of the arithmetic ---- */

struct patch_loader;

struct patch_item {
    size_t index;           /* in the data set */
    int label;              /* -1: unlabelled */
    enum vit_status status; /* VIT_OK, or why this picture is missing from the planes */
    struct vit_error error;
    int row; /* its row in the planes; -1 when it failed */
    double decode_seconds, prepare_seconds;
};
struct patch_batch {
    int count;                      /* items, failed ones too */
    int rows;                       /* pictures in planes */
    const struct patch_item *items; /* (count) */
    const float *planes;            /* (rows, 3, size, size) */
    const int *labels;              /* (rows); -1: unlabelled */
};

struct patch_loader_options {
    int batch;
    int workers; /* threads that decode ahead; 0: one; no more are started than there are pictures, or 256 */
    struct patch_decode decode;
    const size_t *order; /* (order_count) indices to visit; NULL: all, in order; copied */
    size_t order_count;
};
enum vit_status patch_loader_create(struct patch_loader **out, const struct patch_dataset *d,
                                    const struct patch_recipe *r, const struct patch_loader_options *options,
                                    struct vit_error *err);
/* The next batch, valid until the next call; NULL at the end. The loader keeps reading ahead. */
const struct patch_batch *patch_loader_next(struct patch_loader *l);
void patch_loader_close(struct patch_loader *l); /* accepts NULL; stops the workers */

#ifdef __cplusplus
}
#endif
#endif
