/* A sandbox as the program sees it: cells, each with a decoder, one picture at a time. */
#include "patch/sandbox_cell.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vit/arena.h"
#include "vit/thread.h"

#ifdef __linux__

/* Shared pages that a picture has used are kept for the next, up to this. */
#define KEEP_BYTES ((size_t)32 << 20)

/* ---- a picture ---- */

static struct patch_cell *take(struct patch_sandbox *s)
{
    struct patch_cell *c = NULL;

    pthread_mutex_lock(&s->lock);
    for (;;) {
        for (int i = 0; !c && i < s->plan.cells.count; i++)
            if (!s->cell[i].busy) c = &s->cell[i];
        if (c) break;
        pthread_cond_wait(&s->freed, &s->lock);
    }
    c->busy = true;
    pthread_mutex_unlock(&s->lock);
    return c;
}

/* A free cell with a decoder, or the first cell. One whose first decoder the system refuses stays taken, and
 * those that have one take turns. */
static struct patch_cell *take_served(struct patch_sandbox *s)
{
    struct patch_cell *c = take(s);

    while (c != s->cell && !c->pid && patch_cell_renew(c, NULL, NULL)) c = take(s);
    return c;
}

/* Pages of a large picture are not kept. */
static void give_back(void *cell)
{
    struct patch_cell *c = cell;
    struct patch_sandbox *s = c->sandbox;
    const struct patch_cells *at = &s->plan.cells;

    if (c->file > KEEP_BYTES) (void)madvise(c->bytes + at->file_at, at->file_room, MADV_REMOVE);
    if (c->pixels > KEEP_BYTES) (void)madvise(c->bytes + at->pixels_at, at->pixels_room, MADV_REMOVE);
    c->file = c->pixels = 0;
    pthread_mutex_lock(&s->lock);
    c->busy = false;
    pthread_cond_signal(&s->freed);
    pthread_mutex_unlock(&s->lock);
}

/* The decoder ended, or has to: say so, and get another. */
static enum vit_status bury(struct patch_cell *c, enum patch_ending end, const char *name,
                            struct vit_error *err)
{
    int died = 0, number;

    /* Without another the cell stays empty, and the next picture tries again. */
    (void)patch_cell_renew(c, &died, NULL);
    if (end == PATCH_LATE)
        return vit_fail(err, VIT_ERR_FORMAT, "%s: its decoder was stopped, it had no answer after %g seconds",
                        name, c->sandbox->seconds);
    if (end == PATCH_SENSELESS)
        return vit_fail(err, VIT_ERR_FORMAT, "%s: its decoder gave an answer that makes no sense", name);
    number = WIFSIGNALED(died) ? WTERMSIG(died) : 0;
    if (number == SIGSYS)
        return vit_fail(err, VIT_ERR_FORMAT,
                        "%s: its decoder was stopped, it asked the system for what no decoder needs", name);
    return vit_fail(err, VIT_ERR_FORMAT, "%s: its decoder crashed: %s", name,
                    number ? strsignal(number) : "it ended without an answer");
}

/* A picture within the limits, or a failure. */
static bool makes_sense(const struct patch_exchange *x, const struct patch_sandbox *s)
{
    if (x->status != VIT_OK) return x->status > VIT_OK && x->status < VIT_STATUS_COUNT;
    return x->width >= 1 && x->height >= 1 && x->width <= PATCH_MAX_SIDE && x->height <= PATCH_MAX_SIDE &&
           (uint64_t)x->width * (uint64_t)x->height <= s->max_pixels;
}

/* x: an answer that makes sense. */
static enum vit_status take_answer(struct patch_cell *c, struct patch_image *out,
                                   const struct patch_exchange *x, bool borrow, struct vit_error *err)
{
    unsigned char *rgb = c->bytes + c->sandbox->plan.cells.pixels_at;
    enum vit_status status;

    if (x->status) return vit_fail(err, (enum vit_status)x->status, "%s", x->text);
    c->pixels = (size_t)3 * (size_t)x->width * (size_t)x->height;
    if (borrow) {
        *out = (struct patch_image){ x->width, x->height, rgb, give_back, c };
        return VIT_OK;
    }
    status = patch_image_create(out, x->width, x->height, err);
    if (!status) memcpy(out->rgb, rgb, c->pixels);
    return status;
}

/* Whether there is a decoder that says nothing unasked. One that was taken over may: what it sends ahead
 * would pass for the answers to the next pictures. */
static bool is_silent(const struct patch_cell *c)
{
    char word;

    return c->fd >= 0 && recv(c->fd, &word, 1, MSG_DONTWAIT) < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

/* Without waiting: the questions before are still there if the decoder answers without reading them. */
static bool send_question(const struct patch_cell *c)
{
    const char word = 0;

    return send(c->fd, &word, 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1;
}

/* The question is in the cell: have it answered, by another decoder if this one ended or is none any more. */
static enum patch_ending ask(struct patch_cell *c, struct vit_error *err)
{
    enum vit_status status = VIT_OK;
    char word;

    if (!is_silent(c) || !send_question(c)) {
        status = patch_cell_renew(c, NULL, err);
        if (!status && !send_question(c)) status = vit_fail(err, VIT_ERR_IO, "%s", strerror(errno));
    }
    return status ? PATCH_NOBODY : patch_cell_wait(c, &word, 1);
}

/* What the decoder says is copied before it is looked at, and believed in nothing. */
static enum vit_status decode_in(struct patch_cell *c, struct patch_image *out, const char *name, bool borrow,
                                 struct vit_error *err)
{
    struct vit_error why = { 0 };
    struct patch_exchange x;
    enum patch_ending end = ask(c, &why);

    if (end == PATCH_NOBODY)
        return vit_fail(err, why.status, "%s: no process to decode it in: %s", name, why.text);
    memcpy(&x, c->bytes, sizeof x);
    x.text[sizeof x.text - 1] = '\0';
    if (end == PATCH_ANSWERED && !makes_sense(&x, c->sandbox)) end = PATCH_SENSELESS;
    return end == PATCH_ANSWERED ? take_answer(c, out, &x, borrow, err) : bury(c, end, name, err);
}

enum vit_status patch_sandbox_decode(struct patch_sandbox *s, struct patch_image *out,
                                     const unsigned char *bytes, size_t size, const char *name,
                                     const struct patch_decode *options, struct vit_error *err)
{
    const struct patch_decode o = options ? *options : (struct patch_decode){ 0 };
    const size_t pixels = o.max_pixels ? o.max_pixels : PATCH_MAX_PIXELS;
    struct patch_exchange *x;
    struct patch_cell *c;
    struct vit_error shown = { 0 };
    enum vit_status status;

    *out = (struct patch_image){ 0 };
    if (size > s->plan.cells.file_room)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s: %zu bytes, more than the %zu that are decoded", name,
                        size, s->plan.cells.file_room);
    c = take_served(s);
    x = (struct patch_exchange *)c->bytes;
    x->size = c->file = size;
    x->max_pixels = pixels < s->max_pixels ? pixels : s->max_pixels;
    snprintf(x->max_pixels_name, sizeof x->max_pixels_name, "%s", o.max_pixels_name ? o.max_pixels_name : "");
    x->ignore_exif = o.ignore_exif;
    vit_fail(&shown, VIT_OK, "%s", name);
    memcpy(x->name, shown.text, sizeof x->name);
    memcpy(c->bytes + s->plan.cells.file_at, bytes, size);
    status = decode_in(c, out, name, o.borrow, err);
    if (!out->give_back) give_back(c);
    return status;
}

/* ---- creating and closing ---- */

/* The places in a cell, each on a page of its own. */
static bool measure(struct patch_cells *c, int count, size_t max_pixels)
{
    enum { SLACK = 1 << 20 }; /* with a 64th of the pixels: filter bytes, heads of chunks, profiles */
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t file = 8, pixels = 3, all; /* bytes a pixel: four channels of 16 bits have no more */

    if (!vit_size_mul(&file, max_pixels) || !vit_size_mul(&pixels, max_pixels)) return false;
    if (file > SIZE_MAX / 4 || pixels > SIZE_MAX / 4) return false;
    file += file / 64 + SLACK;
    if (file < PATCH_SANDBOX_BYTES) file = PATCH_SANDBOX_BYTES;
    c->count = count;
    c->file_at = (sizeof(struct patch_exchange) + page - 1) / page * page;
    c->file_room = (file + page - 1) / page * page;
    c->pixels_at = c->file_at + c->file_room;
    c->pixels_room = (pixels + page - 1) / page * page;
    c->bytes = c->pixels_at + c->pixels_room;
    all = c->bytes;
    return vit_size_mul(&all, (size_t)count);
}

/* Addresses only: pages are there from the moment they are used. */
static enum vit_status map_cells(struct patch_cells *c, struct vit_error *err)
{
    const size_t all = c->bytes * (size_t)c->count;
    void *area = mmap(NULL, all, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (area == MAP_FAILED)
        return vit_fail(err, VIT_ERR_NOMEM, "no %zu bytes of addresses to share with decoders", all);
    c->area = area;
    return VIT_OK;
}

/* The keeper, and every decoder that it forks, may run wherever this process may. */
static enum vit_status start_keeper(struct patch_sandbox *s, struct vit_error *err)
{
    unsigned char allowed[VIT_CPUS];
    const bool bound = vit_thread_places(allowed);
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
        return vit_fail(err, VIT_ERR_IO, "no socket to a decoder: %s", strerror(errno));
    s->keeper = fork();
    if (s->keeper == 0) {
        if (bound) vit_thread_allow(allowed);
        patch_keeper_run(ends[1], &s->plan);
    }
    close(ends[1]);
    s->control = ends[0];
    if (s->keeper > 0) return VIT_OK;
    return vit_fail(err, VIT_ERR_NOMEM, "the system refused a process to decode in: %s", strerror(errno));
}

/* With one decoder, which tells whether there can be any; the others begin when a cell is first taken. */
static enum vit_status start(struct patch_sandbox *s, int decoders, struct vit_error *err)
{
    struct patch_cells *c = &s->plan.cells;
    enum vit_status status;

    if (!measure(c, decoders, s->max_pixels))
        return vit_fail(err, VIT_ERR_NOMEM, "%zu pixels of %d decoders are more than can be addressed",
                        s->max_pixels, decoders);
    s->cell = calloc((size_t)decoders, sizeof *s->cell);
    if (!s->cell) return vit_fail(err, VIT_ERR_NOMEM, "no memory for %d decoders", decoders);
    for (int i = 0; i < decoders; i++) s->cell[i] = (struct patch_cell){ .sandbox = s, .fd = -1 };
    status = map_cells(c, err);
    for (int i = 0; !status && i < decoders; i++) s->cell[i].bytes = c->area + (size_t)i * c->bytes;
    if (!status) status = start_keeper(s, err);
    return status ? status : patch_cell_renew(s->cell, NULL, err);
}

enum vit_status patch_sandbox_create_with(struct patch_sandbox **out, const struct patch_sandbox_options *o,
                                          patch_decoder_fn *decode, struct vit_error *err)
{
    enum { MAX_DECODERS = 1024 };
    const int decoders = o->decoders ? o->decoders : 1;
    struct patch_sandbox *s;
    enum vit_status status;

    *out = NULL;
    if (decoders < 1 || decoders > MAX_DECODERS)
        return vit_fail(err, VIT_ERR_ARG, "decoders must be 0 to %d, found %d", MAX_DECODERS, decoders);
    if (!(o->seconds >= 0))
        return vit_fail(err, VIT_ERR_ARG, "seconds must be 0 or more, found %g", o->seconds);
    s = calloc(1, sizeof *s);
    if (!s) return vit_fail(err, VIT_ERR_NOMEM, "no memory for a sandbox");
    s->max_pixels = o->max_pixels ? o->max_pixels : PATCH_MAX_PIXELS;
    s->seconds = o->seconds > 0 ? o->seconds : PATCH_SANDBOX_SECONDS;
    s->plan.decode = decode;
    s->plan.memory = PATCH_SANDBOX_PIXEL_BYTES;
    if (!vit_size_mul(&s->plan.memory, s->max_pixels) || s->plan.memory > SIZE_MAX / 2)
        s->plan.memory = SIZE_MAX / 2;
    s->plan.memory += PATCH_SANDBOX_BYTES;
    s->control = -1;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->freed, NULL);
    pthread_mutex_init(&s->asking, NULL);
    status = start(s, decoders, err);
    if (status) {
        patch_sandbox_close(s);
        return status;
    }
    *out = s;
    return VIT_OK;
}

void patch_sandbox_close(struct patch_sandbox *s)
{
    if (!s) return;
    if (s->control >= 0) {
        shutdown(s->control, SHUT_RDWR); /* not close alone: another child may hold a copy */
        close(s->control);
    }
    if (s->keeper > 0)
        while (waitpid(s->keeper, NULL, 0) < 0 && errno == EINTR) continue;
    for (int i = 0; s->cell && i < s->plan.cells.count; i++)
        if (s->cell[i].fd >= 0) close(s->cell[i].fd);
    if (s->plan.cells.area) munmap(s->plan.cells.area, s->plan.cells.bytes * (size_t)s->plan.cells.count);
    pthread_mutex_destroy(&s->asking);
    pthread_cond_destroy(&s->freed);
    pthread_mutex_destroy(&s->lock);
    free(s->cell);
    free(s);
}

#else

enum vit_status patch_sandbox_create_with(struct patch_sandbox **out, const struct patch_sandbox_options *o,
                                          patch_decoder_fn *decode, struct vit_error *err)
{
    (void)o, (void)decode;
    *out = NULL;
    return vit_fail(err, VIT_ERR_UNSUPPORTED, "a process cannot be confined on this system");
}

enum vit_status patch_sandbox_decode(struct patch_sandbox *s, struct patch_image *out,
                                     const unsigned char *bytes, size_t size, const char *name,
                                     const struct patch_decode *options, struct vit_error *err)
{
    (void)s, (void)bytes, (void)size, (void)options;
    *out = (struct patch_image){ 0 };
    return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s: there is no sandbox on this system", name);
}

void patch_sandbox_close(struct patch_sandbox *s)
{
    (void)s;
}

#endif

enum vit_status patch_sandbox_create(struct patch_sandbox **out, const struct patch_sandbox_options *o,
                                     struct vit_error *err)
{
    return patch_sandbox_create_with(out, o, patch_decode_into, err);
}
