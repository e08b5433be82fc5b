/* corpus FOLDER: every file of a tree is decoded, or refused with one sentence that names it.
 *
 * Each is read by a child of its own, which is watched: one that dies, takes longer than LIMIT_SECONDS or has
 * held more than LIMIT_MEBIBYTES is a failure, as is an error without a sentence. Built with sanitizers, so
 * that reading out of bounds and leaks end the child.
 *
 * Where the folder brings pixels to compare with, they are compared:
 *   x.jpg beside x.ppm, x.png   what another decoder made of it;
 *   ref_results.csv             stb_image's own regression list: size and hash of the decoded components;
 *   NAME_0.jpg ... NAME_8.jpg   one picture in the eight EXIF orientations: upright all look like NAME_1. */
#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "patch/exif.h"

/* The largest file of the public suites takes 0.2 s and 60 MiB under sanitizers. */
enum { LIMIT_SECONDS = 10, LIMIT_MEBIBYTES = 512 };

/* Other decoders round the transform and the colours in their own way, and spread colour otherwise: 2.3 is
 * the most found. Wrong colours or places are off by tens of levels in the mean. */
static const double MEAN_LEVELS = 3;

#if defined __SANITIZE_ADDRESS__
/* Freed memory is kept to catch its use; 256 MiB of it, the default, would hide what a file needs. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "quarantine_size_mb=16:detect_leaks=1";
}
#endif

/* What a child says before it ends. */
struct report {
    enum vit_status status;
    int width, height;
    enum { NOTHING, EQUAL, CLOSE, DIFFERENT } compared;
    double mean; /* levels, of CLOSE and DIFFERENT */
    char text[sizeof((struct vit_error *)0)->text];
};

struct tally {
    int files, decoded, refused, failed, compared, equal;
    double seconds, mebibytes, mean; /* the largest */
    char slowest[4096], largest[4096];
};

/* ---- references ---- */

static const char *extension(const char *path)
{
    const char *dot = strrchr(path, '.'), *slash = strrchr(path, '/');

    return dot && (!slash || dot > slash) ? dot : path + strlen(path);
}

/* Mean difference in levels; 255 for pictures of two sizes. */
static double difference(const struct patch_image *a, const struct patch_image *b)
{
    const size_t count = (size_t)3 * (size_t)a->width * (size_t)a->height;
    double sum = 0;

    if (a->width != b->width || a->height != b->height) return 255;
    for (size_t i = 0; i < count; i++) sum += abs(a->rgb[i] - b->rgb[i]);
    return sum / (double)count;
}

static void compare_with(struct report *r, const struct patch_image *got, const char *path)
{
    struct patch_image want;

    if (r->compared || access(path, R_OK) || patch_image_read(&want, path, NULL, NULL)) return;
    r->mean = difference(got, &want);
    r->compared = r->mean > MEAN_LEVELS ? DIFFERENT : r->mean > 0 ? CLOSE : EQUAL;
    patch_image_free(&want);
}

/* The pictures of such a set have their number drawn into them, so no bound is given: however else the
 * picture is turned, it must be farther from the upright one. */
static void compare_turned(struct report *r, const struct patch_image *got, const char *path)
{
    enum { TURNS = 8 };
    struct patch_image want, other;

    if (access(path, R_OK) || patch_image_read(&want, path, NULL, NULL)) return;
    r->mean = difference(got, &want);
    r->compared = r->mean > 0 ? CLOSE : EQUAL;
    for (int turn = 2; turn <= TURNS; turn++) {
        if (patch_image_create(&other, got->width, got->height, NULL)) continue;
        memcpy(other.rgb, got->rgb, (size_t)3 * (size_t)got->width * (size_t)got->height);
        if (!patch_exif_turn(&other, turn, NULL) && difference(&other, &want) <= r->mean)
            r->compared = DIFFERENT;
        patch_image_free(&other);
    }
    patch_image_free(&want);
}

/* FNV-1a over the components the file has; alpha is not ours to compare. */
static uint32_t hash_of(const struct patch_image *image, int components)
{
    const size_t count = (size_t)3 * (size_t)image->width * (size_t)image->height;
    uint32_t hash = 0x811c9dc5;

    for (size_t i = 0; i < count; i += components == 1 ? 3 : 1) hash = (hash ^ image->rgb[i]) * 0x01000193;
    return hash;
}

/* The line of FOLDER/../ref_results.csv that ends with the last two parts of path. */
static void compare_list(struct report *r, const struct patch_image *got, const char *path)
{
    char list[4096], line[512], name[256];
    const char *file = strrchr(path, '/');
    int width, height, components;
    unsigned hash;
    FILE *f;

    while (file && file > path && file[-1] != '/') file--; /* the folder's name begins here */
    if (!file || snprintf(list, sizeof list, "%.*s/../ref_results.csv", (int)(strrchr(path, '/') - path),
                          path) >= (int)sizeof list)
        return;
    f = fopen(list, "r");
    while (f && fgets(line, sizeof line, f)) {
        const char *tail;
        if (sscanf(line, "%255[^,],%d,%d,%d,,%x", name, &width, &height, &components, &hash) != 5) continue;
        tail = strchr(name, '/');
        if (!tail || strcmp(tail + 1, file) != 0 || (components != 1 && components != 3)) continue;
        r->compared = got->width == width && got->height == height && hash_of(got, components) == hash
                          ? EQUAL
                          : DIFFERENT;
    }
    if (f) fclose(f);
}

static void compare(struct report *r, const struct patch_image *got, const char *path)
{
    static const char *const BESIDE[] = { ".ppm", ".png" };
    const char *dot = extension(path);
    const int stem = (int)(dot - path);
    char other[4096];

    if (strcmp(dot, ".png") == 0) compare_list(r, got, path);
    if (strcmp(dot, ".jpg") != 0 && strcmp(dot, ".jpeg") != 0) return;
    for (size_t i = 0; i < VIT_COUNT(BESIDE); i++) {
        snprintf(other, sizeof other, "%.*s%s", stem, path, BESIDE[i]);
        compare_with(r, got, other);
    }
    if (r->compared || stem < 2 || path[stem - 2] != '_' || !strchr("012345678", path[stem - 1])) return;
    snprintf(other, sizeof other, "%.*s_1%s", stem - 2, path, dot);
    compare_turned(r, got, other);
}

/* ---- the child ---- */

static void read_one(const char *path, int to)
{
    struct report r = { 0 };
    struct patch_image image;
    struct vit_error err = { 0 };

    r.status = patch_image_read(&image, path, NULL, &err);
    memcpy(r.text, err.text, sizeof r.text);
    r.width = image.width;
    r.height = image.height;
    if (!r.status) compare(&r, &image, path);
    patch_image_free(&image);
    if (write(to, &r, sizeof r) != sizeof r) _exit(99);
    close(to);
    exit(0); /* not _exit: leaks are looked for */
}

/* ---- the parent ---- */

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Wait for the child, or kill it. NULL: it ended by itself, with code 0. */
static const char *watch(pid_t child, double *seconds, double *mebibytes)
{
    static char text[64];
    const double start = now();
    const struct timespec nap = { 0, 1000 * 1000 };
    struct rusage used;
    int status = 0;
    bool late = false;

    while (wait4(child, &status, WNOHANG, &used) == 0) {
        if (!late && now() - start > LIMIT_SECONDS) {
            late = true;
            kill(child, SIGKILL);
        }
        nanosleep(&nap, NULL);
    }
    *seconds = now() - start;
    *mebibytes = (double)used.ru_maxrss / 1024; /* kibibytes on Linux */
    if (late) return "took too long";
    if (*mebibytes > LIMIT_MEBIBYTES) return "took too much memory";
    if (WIFSIGNALED(status))
        snprintf(text, sizeof text, "died of signal %d", WTERMSIG(status));
    else
        snprintf(text, sizeof text, "ended with code %d", WEXITSTATUS(status));
    return WIFEXITED(status) && !WEXITSTATUS(status) ? NULL : text;
}

/* An error must be a sentence that begins with the file. */
static const char *judge(const struct report *r, const char *path)
{
    const size_t length = strlen(path);

    if (!r->status) return r->compared == DIFFERENT ? "differs from the suite's pixels" : NULL;
    if (strncmp(r->text, path, length) != 0 || strlen(r->text) < length + 10) return "no sentence";
    return strchr(r->text, '\n') ? "a sentence of several lines" : NULL;
}

static void count(struct tally *t, const struct report *r, const char *path, double seconds, double mebibytes)
{
    if (r->status)
        t->refused++;
    else
        t->decoded++;
    t->compared += r->compared != NOTHING;
    t->equal += r->compared == EQUAL;
    if (r->mean > t->mean) t->mean = r->mean;
    if (seconds > t->seconds) {
        t->seconds = seconds;
        snprintf(t->slowest, sizeof t->slowest, "%s", path);
    }
    if (mebibytes > t->mebibytes) {
        t->mebibytes = mebibytes;
        snprintf(t->largest, sizeof t->largest, "%s", path);
    }
}

static struct tally tally; /* nftw hands no argument over */

static int visit(const char *path, const struct stat *s, int type, struct FTW *f)
{
    struct report r = { 0 };
    double seconds = 0, mebibytes = 0;
    const char *wrong;
    int ends[2];
    pid_t child;

    (void)s, (void)f;
    if (type != FTW_F) return 0;
    fflush(NULL);
    if (pipe(ends) || (child = fork()) < 0) return -1;
    if (!child) read_one(path, ends[1]);
    close(ends[1]);
    wrong = watch(child, &seconds, &mebibytes); /* a report fits the pipe: the child never waits for us */
    if (read(ends[0], &r, sizeof r) != sizeof r && !wrong) wrong = "said nothing";
    close(ends[0]);
    if (!wrong) wrong = judge(&r, path);
    tally.files++;
    if (wrong) {
        tally.failed++;
        printf("FAILED %s: %s (%.1f s, %.0f MiB)\n", path, wrong, seconds, mebibytes);
        if (r.compared == DIFFERENT) printf("       mean difference %.2f levels\n", r.mean);
        return 0;
    }
    count(&tally, &r, path, seconds, mebibytes);
    if (r.status) printf("refused %s\n", r.text);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: corpus FOLDER\n");
        return 2;
    }
    if (nftw(argv[1], visit, 16, FTW_PHYS)) {
        fprintf(stderr, "corpus: %s: %s\n", argv[1], strerror(errno));
        return 2;
    }
    printf("longest %.2f s (%s), most %.0f MiB (%s)\n", tally.seconds, tally.slowest, tally.mebibytes,
           tally.largest);
    printf("%d compared: %d equal, the others within a mean of %.2f levels\n", tally.compared, tally.equal,
           tally.mean);
    printf("%d files: %d decoded, %d refused, %d failed\n", tally.files, tally.decoded, tally.refused,
           tally.failed);
    return tally.failed || !tally.files;
}
