/* Decoding in processes of their own: the same pictures and sentences, and a decoder that goes wrong costs
 * one picture. What a decoder can do wrong is done by one of ours, for files that begin with a word. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "patch/sandbox_cell.h"
#include "tests/patch/fixtures.h"
#include "tests/support/run.h"

/* A second, so that decoders of a busy machine are not taken for dead: 20 looks without a run of theirs. */
#define SECONDS 1.0
enum { FEW_PIXELS = 400000 };

/* ---- a decoder that does what it must not ---- */

typedef enum vit_status misdeed(struct vit_error *err);

static enum vit_status crash(struct vit_error *err)
{
    char *volatile nowhere = (char *)16; /* not NULL, which sanitizers catch */

    (void)err;
    return (enum vit_status) * nowhere;
}

static enum vit_status compute_for_ever(struct vit_error *err)
{
    volatile bool done = false;

    while (!done) continue;
    return vit_fail(err, VIT_ERR_FORMAT, "it was done");
}

static enum vit_status wait_for_ever(struct vit_error *err)
{
    char word;

    while (read(0, &word, 1) == 1) continue;
    return vit_fail(err, VIT_ERR_FORMAT, "nobody asked");
}

static enum vit_status take_memory(struct vit_error *err)
{
    const size_t piece = (size_t)1 << 20;
    void *volatile taken; /* or clang takes none */
    size_t pieces = 0;

    while ((taken = malloc(piece))) pieces++;
    return vit_fail(err, VIT_ERR_NOMEM, "%s after %zu MiB", strerror(errno), pieces);
}

static enum vit_status open_file(struct vit_error *err)
{
    const int fd = open("/etc/passwd", O_RDONLY);

    return fd >= 0 ? VIT_OK : vit_fail(err, VIT_ERR_IO, "a file: %s", strerror(errno));
}

static enum vit_status open_socket(struct vit_error *err)
{
    (void)err;
    return socket(AF_INET, SOCK_STREAM, 0) >= 0 ? VIT_OK : VIT_ERR_IO;
}

static enum vit_status start_process(struct vit_error *err)
{
    (void)err;
    return syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) >= 0 ? VIT_OK : VIT_ERR_IO;
}

static enum vit_status signal_the_program(struct vit_error *err)
{
    (void)err;
    return kill(1, 0) ? VIT_ERR_IO : VIT_OK;
}

static enum vit_status make_code(struct vit_error *err)
{
    (void)err;
    return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED
               ? VIT_ERR_IO
               : VIT_OK;
}

static enum vit_status make_data_code(struct vit_error *err)
{
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    (void)err;
    return mprotect(page, 4096, PROT_READ | PROT_EXEC) ? VIT_ERR_IO : VIT_OK;
}

static enum vit_status end_itself(struct vit_error *err)
{
    (void)err;
    return (enum vit_status)syscall(SYS_exit_group, 0);
}

/* Status and sizes are what the decoder says: see decode_or_misbehave. */
static enum vit_status lie(struct vit_error *err)
{
    (void)err;
    return VIT_OK;
}

static enum vit_status invent_a_status(struct vit_error *err)
{
    (void)err;
    return (enum vit_status)1000;
}

/* Sanitizers end the process when there is no memory, unless they are told otherwise. */
static const struct {
    const char *word;
    misdeed *run;
    enum vit_status status;
    const char *says;
} MISDEEDS[] = {
    { "CRASH", crash, VIT_ERR_FORMAT, "its decoder crashed: Segmentation fault" },
    { "COMPUTE", compute_for_ever, VIT_ERR_FORMAT, "no answer after 1 seconds" },
    { "WAIT", wait_for_ever, VIT_ERR_FORMAT, "no answer after 1 seconds" },
    { "MEMORY", take_memory, VIT_ERR_NOMEM, " MiB" },
    { "FILE", open_file, VIT_ERR_IO, "a file: Permission denied" },
    { "SOCKET", open_socket, VIT_ERR_FORMAT, "asked the system for what no decoder needs" },
    { "PROCESS", start_process, VIT_ERR_FORMAT, "asked the system for what no decoder needs" },
    { "SIGNAL", signal_the_program, VIT_ERR_FORMAT, "asked the system for what no decoder needs" },
    { "CODE", make_code, VIT_ERR_FORMAT, "asked the system for what no decoder needs" },
    { "DATA", make_data_code, VIT_ERR_FORMAT, "asked the system for what no decoder needs" },
    { "END", end_itself, VIT_ERR_FORMAT, "ended without an answer" },
    { "LIE", lie, VIT_ERR_FORMAT, "an answer that makes no sense" },
    { "STATUS", invent_a_status, VIT_ERR_FORMAT, "an answer that makes no sense" },
};
enum { COUNT = VIT_COUNT(MISDEEDS) };

#if defined __SANITIZE_ADDRESS__
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}
#elif defined __SANITIZE_THREAD__
const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    return "allocator_may_return_null=1";
}
#endif

static enum vit_status decode_or_misbehave(struct patch_image *out, const unsigned char *bytes, size_t size,
                                           const char *name, const struct patch_decode *options,
                                           const struct patch_space *space, struct vit_error *err)
{
    for (size_t i = 0; i < COUNT; i++)
        if (size >= strlen(MISDEEDS[i].word) && !memcmp(bytes, MISDEEDS[i].word, strlen(MISDEEDS[i].word))) {
            *out = (struct patch_image){ .width = PATCH_MAX_SIDE, .height = PATCH_MAX_SIDE };
            return MISDEEDS[i].run(err);
        }
    return patch_decode_into(out, bytes, size, name, options, space, err);
}

/* ---- with and without ---- */

/* Where there can be no sandbox there is nothing to test. */
static struct patch_sandbox *created(int decoders, patch_decoder_fn *decode)
{
    const struct patch_sandbox_options o = { .decoders = decoders,
                                             .max_pixels = FEW_PIXELS,
                                             .seconds = SECONDS };
    struct vit_error err = { 0 };
    struct patch_sandbox *s;
    const enum vit_status status = patch_sandbox_create_with(&s, &o, decode, &err);

    if (status == VIT_ERR_UNSUPPORTED) {
        print_message("%s\n", err.text);
        skip();
    }
    assert_ok(status, &err);
    return s;
}

static void assert_same(const char *path, const struct patch_decode *inside,
                        const struct patch_decode *outside)
{
    struct vit_error got_err = { 0 }, want_err = { 0 };
    struct patch_image got, want;
    const enum vit_status want_status = patch_image_read(&want, path, outside, &want_err);
    const enum vit_status status = patch_image_read(&got, path, inside, &got_err);

    if (status != want_status || strcmp(got_err.text, want_err.text) != 0)
        fail_msg("%s: \"%s\" in the sandbox, \"%s\" outside", path, got_err.text, want_err.text);
    if (!status) {
        assert_int_equal(got.width, want.width);
        assert_int_equal(got.height, want.height);
        assert_memory_equal(got.rgb, want.rgb, (size_t)3 * (size_t)got.width * (size_t)got.height);
    }
    patch_image_free(&got);
    patch_image_free(&want);
}

/* Every picture that the tests have, in every way to read it, and cut in the middle. */
static void pictures_and_sentences_are_the_same(void **state)
{
    struct patch_sandbox *s = created(1, patch_decode_into);
    const struct patch_decode ways[] = { { .max_pixels = FEW_PIXELS },
                                         { .max_pixels = FEW_PIXELS, .ignore_exif = true },
                                         { .max_pixels = 1000 },
                                         { .max_pixels = 1000, .max_pixels_name = "limit" } };
    DIR *folder = opendir(fixture_folder());
    char dir[256], path[1024], cut[600];
    int pictures = 0;

    (void)state;
    tmp_create(dir, sizeof dir);
    for (struct dirent *e; (e = readdir(folder));) {
        unsigned char *bytes;
        size_t size;
        if (!strstr(e->d_name, ".jpg") && !strstr(e->d_name, ".png") && !strstr(e->d_name, ".bmp")) continue;
        bytes = tmp_read(fixture_path(path, sizeof path, e->d_name), &size);
        tmp_write(dir, e->d_name, bytes, size / 2, cut, sizeof cut);
        free(bytes);
        for (size_t i = 0; i < 2 * VIT_COUNT(ways); i++) {
            struct patch_decode inside = ways[i / 2];
            inside.sandbox = s;
            inside.borrow = i % 2;
            assert_same(path, &inside, &ways[i / 2]);
            assert_same(cut, &inside, &ways[i / 2]);
        }
        pictures++;
    }
    assert_true(pictures > 10);
    closedir(folder);
    patch_sandbox_close(s);
    tmp_remove(dir);
}

/* Larger than what is kept, and than the sandbox has room for. */
static void a_large_file_is_decoded_and_a_larger_one_refused(void **state)
{
    enum { LARGE = 40 << 20, LARGER = 65 << 20 };
    struct patch_sandbox *s = created(1, patch_decode_into);
    const struct patch_decode inside = { .max_pixels = FEW_PIXELS, .sandbox = s };
    unsigned char *bytes = calloc(1, LARGER);
    struct vit_error err = { 0 };
    struct patch_image image;

    (void)state;
    memcpy(bytes, "P5 1 1 255\n\x07", 12);
    for (int i = 0; i < 2; i++) {
        assert_ok(patch_image_decode(&image, bytes, LARGE, "large", &inside, &err), &err);
        assert_int_equal(image.rgb[2], 7);
        patch_image_free(&image);
    }
    assert_refused(patch_image_decode(&image, bytes, LARGER, "larger", &inside, &err), VIT_ERR_UNSUPPORTED,
                   "larger: 68157440 bytes", &err);
    free(bytes);
    patch_sandbox_close(s);
}

/* ---- misdeeds ---- */

/* Files of a folder in order: a good one before each that is not. */
static void write_folder(const char *dir)
{
    char name[64], path[1024];
    size_t size;
    unsigned char *bytes = tmp_read(fixture_path(path, sizeof path, "fmt-420.jpg"), &size);

    for (int i = 0; i < COUNT; i++) {
        snprintf(name, sizeof name, "%02d-0-good.jpg", i);
        tmp_write(dir, name, bytes, size, NULL, 0);
        snprintf(name, sizeof name, "%02d-1-%s.jpg", i, MISDEEDS[i].word);
        tmp_write(dir, name, MISDEEDS[i].word, strlen(MISDEEDS[i].word), NULL, 0);
    }
    free(bytes);
}

static void check_batch(const struct patch_batch *b, const float *want, size_t floats)
{
    for (int i = 0; i < b->count; i++) {
        const struct patch_item *item = &b->items[i];
        const size_t deed = item->index / 2;

        if (item->index % 2 == 0) {
            if (item->status) fail_msg("picture %zu: %s", item->index, item->error.text);
            assert_memory_equal(b->planes + (size_t)item->row * floats, want, floats * sizeof *want);
            continue;
        }
        if (item->status != MISDEEDS[deed].status || !strstr(item->error.text, MISDEEDS[deed].says))
            fail_msg("%s: status %s, \"%s\"", MISDEEDS[deed].word, vit_status_name(item->status),
                     item->error.text);
    }
}

static void each_misdeed_costs_one_picture(void **state)
{
    enum { SIZE = 16, FLOATS = 3 * SIZE * SIZE };
    const struct patch_recipe recipe = patch_recipe_default(SIZE);
    unsigned char pixels[FLOATS];
    struct patch_image image = fixture_image("fmt-420.jpg");
    struct vit_error err = { 0 };
    struct patch_dataset *d;
    float want[FLOATS];
    char dir[256];
    const char *const paths[] = { dir };

    (void)state;
    assert_ok(patch_prepare(pixels, &image, &recipe, &err), &err);
    patch_normalise(want, pixels, &recipe);
    patch_image_free(&image);
    tmp_create(dir, sizeof dir);
    write_folder(dir);
    assert_ok(patch_dataset_files(&d, paths, 1, &err), &err);
    for (int workers = 1; workers <= 3; workers += 2) {
        struct patch_loader_options o = { .batch = 4, .workers = workers };
        const struct patch_batch *b;
        struct patch_loader *l;
        int seen = 0;

        o.decode.sandbox = created(workers, decode_or_misbehave);
        assert_ok(patch_loader_create(&l, d, &recipe, &o, &err), &err);
        for (; (b = patch_loader_next(l)); seen += b->count) check_batch(b, want, FLOATS);
        assert_int_equal(seen, 2 * COUNT);
        patch_loader_close(l);
        patch_sandbox_close(o.decode.sandbox);
    }
    patch_dataset_close(d);
    tmp_remove(dir);
}

/* 64 MiB and 32 bytes a pixel; free memory that the process had before comes first. */
static void memory_ends_where_it_was_said_to(void **state)
{
    struct patch_sandbox *s = created(1, decode_or_misbehave);
    const struct patch_decode inside = { .sandbox = s };
    const int limit = (int)((PATCH_SANDBOX_BYTES + (size_t)PATCH_SANDBOX_PIXEL_BYTES * FEW_PIXELS) >> 20);
    struct vit_error err = { 0 };
    struct patch_image image;
    int taken = -1;

    (void)state;
    assert_refused(patch_image_decode(&image, (const unsigned char *)"MEMORY", 6, "m", &inside, &err),
                   VIT_ERR_NOMEM, "Cannot allocate memory after ", &err);
    assert_int_equal(sscanf(err.text, "Cannot allocate memory after %d MiB", &taken), 1);
    if (taken > 2 * limit || taken < limit / 2) fail_msg("%d MiB were taken, %d may be", taken, limit);
    patch_sandbox_close(s);
}

/* ---- processes ---- */

/* The children of a process, at most 8; skips where the kernel does not say. */
static int children(pid_t *child, pid_t of)
{
    char path[64];
    int count = 0, pid;
    FILE *f;

    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)of, (int)of);
    f = fopen(path, "r");
    if (!f) skip();
    while (count < 8 && fscanf(f, "%d", &pid) == 1) child[count++] = pid;
    fclose(f);
    return count;
}

/* Wait until a process is in one of the states, and has at most threads; or is gone. */
static void await_state(pid_t pid, const char *states, int most_threads)
{
    char path[64], state = ' ';
    int threads = 0;

    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    while (!strchr(states, state) || threads > most_threads) {
        FILE *f = fopen(path, "r");
        if (!f) return;
        if (fscanf(f,
                   "%*d (%*[^)]) %c"
                   "%*s%*s%*s%*s%*s%*s%*s%*s%*s%*s%*s%*s%*s%*s%*s%*s%d",
                   &state, &threads) != 2)
            state = ' ';
        fclose(f);
    }
}

/* Kill, and wait until it is dead though not buried. A sanitizer may have a thread of its own, which ends
 * after the first and holds the files. */
static void kill_fully(pid_t pid)
{
    kill(pid, SIGKILL);
    await_state(pid, "ZX", 1);
}

/* The decoders of the only sandbox. */
static int decoders(pid_t *decoder)
{
    pid_t keeper[8];

    assert_int_equal(children(keeper, getpid()), 1);
    return children(decoder, keeper[0]);
}

static pid_t only_decoder(void)
{
    pid_t decoder[8];

    assert_int_equal(decoders(decoder), 1);
    return decoder[0];
}

/* A picture of one pixel that stays with its decoder until it is freed. */
static struct patch_image held(struct patch_sandbox *s)
{
    const struct patch_decode how = { .sandbox = s, .borrow = true };
    struct vit_error err = { 0 };
    struct patch_image image;

    assert_ok(patch_image_decode(&image, (const unsigned char *)"P5 1 1 255\n\x07", 12, "held", &how, &err),
              &err);
    return image;
}

static void decoders_begin_when_they_are_needed(void **state)
{
    struct patch_sandbox *s = created(3, patch_decode_into);
    struct patch_image image[2];
    pid_t decoder[8];

    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(decoders(decoder), 1);
        image[0] = held(s);
        patch_image_free(&image[0]);
    }
    for (int i = 0; i < 2; i++) image[i] = held(s);
    assert_int_equal(decoders(decoder), 2);
    for (int i = 0; i < 2; i++) patch_image_free(&image[i]);
    patch_sandbox_close(s);
}

static void a_decoder_that_died_before_costs_nothing(void **state)
{
    struct patch_sandbox *s = created(3, patch_decode_into);
    const struct patch_decode inside = { .sandbox = s };
    struct patch_image image[3];
    pid_t decoder[8];
    char path[1024];

    (void)state;
    for (int i = 0; i < 3; i++) image[i] = held(s);
    for (int i = 0; i < 3; i++) patch_image_free(&image[i]);
    assert_int_equal(decoders(decoder), 3);
    for (int i = 0; i < 3; i++) kill_fully(decoder[i]);
    assert_same(fixture_path(path, sizeof path, "fmt-420.jpg"), &inside, NULL);
    patch_sandbox_close(s);
    assert_int_equal(waitpid(-1, NULL, 0), -1); /* nobody is left */
    assert_int_equal(errno, ECHILD);
}

static void without_its_keeper_a_sandbox_says_so(void **state)
{
    struct patch_sandbox *s = created(1, patch_decode_into);
    const struct patch_decode inside = { .sandbox = s };
    struct vit_error err = { 0 };
    struct patch_image image;
    pid_t keeper[8], decoder[8];

    (void)state;
    assert_int_equal(children(keeper, getpid()), 1);
    assert_int_equal(children(decoder, keeper[0]), 1);
    kill_fully(keeper[0]);
    kill_fully(decoder[0]);
    for (int i = 0; i < 2; i++)
        assert_refused(patch_image_decode(&image, (const unsigned char *)"x", 1, "x.jpg", &inside, &err),
                       VIT_ERR_IO, "x.jpg: no process to decode it in: the process that keeps", &err);
    patch_sandbox_close(s);
}

/* CPUs that a process may run on, at most 100. */
static int cpus_of(pid_t pid)
{
    cpu_set_t set;

    if (sched_getaffinity(pid, sizeof set, &set)) return 0;
    return CPU_COUNT(&set) < 100 ? CPU_COUNT(&set) : 100;
}

/* Of a decoder of this process; 0: there can be none. */
static int cpus_of_decoder(void)
{
    struct patch_sandbox *s;
    int count;

    if (patch_sandbox_create(&s, &(struct patch_sandbox_options){ 0 }, NULL)) return 0;
    count = cpus_of(s->cell->pid);
    patch_sandbox_close(s);
    return count;
}

/* libgomp binds before main() begins, so another process is asked: this program with an argument. */
static void decoders_are_not_bound_to_the_cpu_of_who_starts_them(void **state)
{
    static const char *const ROWS[][2] = { { "OMP_PROC_BIND", "true" }, { "OMP_PLACES", "threads" } };
    static const char *const AGAIN[] = { "/proc/self/exe", "decoder", NULL };
    struct run r;

    (void)state;
    if (getenv("OMP_PROC_BIND") || getenv("OMP_PLACES") || cpus_of(0) < 2) skip();
    patch_sandbox_close(created(1, patch_decode_into)); /* or skip */
    assert_int_equal(cpus_of_decoder(), cpus_of(0));
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        setenv(ROWS[i][0], ROWS[i][1], 1);
        assert_true(run_program(&r, AGAIN, NULL));
        unsetenv(ROWS[i][0]);
        assert_int_equal(r.code, cpus_of(0));
        run_free(&r);
    }
}

/* No file is opened any more, as with ulimit -n. Returns what was allowed. */
static rlim_t forbid_files(void)
{
    struct rlimit files;
    rlim_t before;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
    before = files.rlim_cur;
    files.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
    return before;
}

static void allow_files(rlim_t most)
{
    struct rlimit files;

    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = most;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
}

static void a_decoder_that_cannot_be_reached_is_said_to_be_refused(void **state)
{
    struct patch_sandbox *s = created(1, patch_decode_into);
    const struct patch_decode inside = { .sandbox = s };
    struct vit_error err = { 0 };
    struct patch_image image;
    enum vit_status status;
    rlim_t before;

    (void)state;
    kill_fully(only_decoder());
    before = forbid_files();
    status = patch_image_decode(&image, (const unsigned char *)"x", 1, "x.jpg", &inside, &err);
    allow_files(before);
    assert_refused(
        status, VIT_ERR_NOMEM,
        "x.jpg: no process to decode it in: the system refused a process to decode in: Too many open "
        "files",
        &err);
    patch_sandbox_close(s);
}

static void *hold_and_free(void *sandbox)
{
    struct patch_image image = held(sandbox);

    patch_image_free(&image);
    return NULL;
}

static void a_second_decoder_that_is_refused_fails_no_picture(void **state)
{
    struct patch_sandbox *s = created(2, patch_decode_into);
    struct patch_image image = held(s);
    const rlim_t before = forbid_files();
    pthread_t thread;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, hold_and_free, s), 0);
    nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL); /* time to ask for another */
    patch_image_free(&image);
    pthread_join(thread, NULL);
    allow_files(before);
    patch_sandbox_close(s);
}

/* A program that is killed leaves nobody behind: what it left comes to us, and ends. */
static void no_process_outlives_a_killed_program(void **state)
{
    int ends[2], buried = 0;
    char word;
    pid_t child;

    (void)state;
    patch_sandbox_close(created(1, patch_decode_into)); /* or skip */
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    assert_int_equal(pipe(ends), 0);
    child = fork();
    if (child == 0) {
        struct patch_sandbox_options o = { .decoders = 2 };
        struct patch_sandbox *s;
        if (patch_sandbox_create(&s, &o, NULL) || write(ends[1], "x", 1) != 1) _exit(1);
        for (;;) pause();
    }
    close(ends[1]);
    assert_int_equal(read(ends[0], &word, 1), 1);
    close(ends[0]);
    kill(child, SIGKILL);
    while (waitpid(-1, NULL, 0) > 0) buried++;
    assert_true(buried >= 2); /* the program and the keeper; decoders are buried by it */
    assert_int_equal(errno, ECHILD);
    prctl(PR_SET_CHILD_SUBREAPER, 0);
}

/* ---- decoders that were taken over ---- */

/* The head of the cell, where the name of the picture lies. */
static struct patch_exchange *head_of(const char *name)
{
    return (struct patch_exchange *)(void *)((char *)name - offsetof(struct patch_exchange, name));
}

static void say_one_pixel(struct patch_exchange *x)
{
    x->width = x->height = 1;
    x->status = VIT_OK;
}

/* One answer after the other, to whatever is asked. */
static enum vit_status flood(struct patch_image *out, const unsigned char *bytes, size_t size,
                             const char *name, const struct patch_decode *options,
                             const struct patch_space *space, struct vit_error *err)
{
    (void)out, (void)bytes, (void)size, (void)options, (void)space;
    say_one_pixel(head_of(name));
    while (write(0, "x", 1) == 1) continue;
    return vit_fail(err, VIT_ERR_FORMAT, "nobody listens");
}

/* An answer to each question, which it sees in the cell; the socket is never read again. Some time later,
 * since the program asks when the question is there. */
static enum vit_status answer_unread(struct patch_image *out, const unsigned char *bytes, size_t size,
                                     const char *name, const struct patch_decode *options,
                                     const struct patch_space *space, struct vit_error *err)
{
    struct patch_exchange *x = head_of(name);
    volatile size_t *asked = &x->size;

    (void)out, (void)bytes, (void)size, (void)options, (void)space;
    say_one_pixel(x);
    do {
        for (int i = 0; i < 1000; i++) syscall(SYS_sched_yield);
        *asked = 0;
        if (write(0, "x", 1) != 1) break;
        while (!*asked) syscall(SYS_sched_yield);
    } while (true);
    return vit_fail(err, VIT_ERR_FORMAT, "nobody listens");
}

static void a_decoder_whose_answer_makes_no_sense_is_replaced(void **state)
{
    struct patch_sandbox *s = created(1, decode_or_misbehave);
    const struct patch_decode inside = { .sandbox = s };
    const pid_t before = only_decoder();
    struct vit_error err = { 0 };
    struct patch_image image;

    (void)state;
    assert_refused(patch_image_decode(&image, (const unsigned char *)"LIE", 3, "lie", &inside, &err),
                   VIT_ERR_FORMAT, "lie: its decoder gave an answer that makes no sense", &err);
    assert_int_not_equal(only_decoder(), before);
    patch_sandbox_close(s);
}

static void a_decoder_that_answers_unasked_is_replaced(void **state)
{
    struct patch_sandbox *s = created(1, flood);
    const struct patch_decode inside = { .sandbox = s };
    struct vit_error err = { 0 };
    struct patch_image image;
    pid_t before = only_decoder();

    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_ok(patch_image_decode(&image, (const unsigned char *)"x", 1, "x", &inside, &err), &err);
        patch_image_free(&image);
        if (i) assert_int_not_equal(only_decoder(), before);
        before = only_decoder();
        await_state(before, "S", INT_MAX); /* nothing more fits into the socket */
    }
    patch_sandbox_close(s);
}

/* As many questions as the socket has room for, and one more. */
static void a_decoder_that_reads_no_question_is_replaced(void **state)
{
    enum { MOST = 100000 };
    struct patch_sandbox *s = created(1, answer_unread);
    const struct patch_decode inside = { .sandbox = s };
    const pid_t before = only_decoder();
    struct vit_error err = { 0 };
    struct patch_image image;
    int asked = 0;

    (void)state;
    for (; asked < MOST && only_decoder() == before; asked++) {
        assert_ok(patch_image_decode(&image, (const unsigned char *)"x", 1, "x", &inside, &err), &err);
        patch_image_free(&image);
    }
    if (asked < 2 || asked == MOST) fail_msg("it was replaced after %d questions", asked);
    patch_sandbox_close(s);
}

/* ---- threads ---- */

struct reader {
    pthread_t thread;
    const struct patch_decode *how;
    int read;
};

static void *read_many(void *argument)
{
    struct reader *r = argument;
    struct patch_image image;
    char path[1024];

    fixture_path(path, sizeof path, "fmt-420.jpg");
    for (int i = 0; i < 10; i++) {
        r->read += !patch_image_read(&image, path, r->how, NULL);
        patch_image_free(&image);
    }
    return NULL;
}

static void more_threads_than_decoders_take_turns(void **state)
{
    enum { THREADS = 5 };
    struct patch_sandbox *s = created(2, patch_decode_into);
    struct reader reader[THREADS];

    (void)state;
    for (int borrow = 0; borrow < 2; borrow++) {
        const struct patch_decode how = { .sandbox = s, .borrow = borrow };
        for (int i = 0; i < THREADS; i++) {
            reader[i] = (struct reader){ .how = &how };
            assert_int_equal(pthread_create(&reader[i].thread, NULL, read_many, &reader[i]), 0);
        }
        for (int i = 0; i < THREADS; i++) {
            pthread_join(reader[i].thread, NULL);
            assert_int_equal(reader[i].read, 10);
        }
    }
    patch_sandbox_close(s);
}

static void impossible_options_are_refused(void **state)
{
    static const struct {
        struct patch_sandbox_options o;
        enum vit_status status;
        const char *says;
    } ROWS[] = {
        { { .decoders = -1 }, VIT_ERR_ARG, "decoders must be 0 to 1024, found -1" },
        { { .decoders = 1025 }, VIT_ERR_ARG, "found 1025" },
        { { .seconds = -1 }, VIT_ERR_ARG, "seconds" },
        { { .seconds = (double)NAN }, VIT_ERR_ARG, "seconds" },
        { { .max_pixels = SIZE_MAX }, VIT_ERR_NOMEM, "more than can be addressed" },
        { { .max_pixels = SIZE_MAX / 64 }, VIT_ERR_NOMEM, "addresses" },
    };
    struct vit_error err;

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        struct patch_sandbox *s = (struct patch_sandbox *)&err;
        const enum vit_status status = patch_sandbox_create(&s, &ROWS[i].o, &err);
        assert_null(s);
        assert_refused(status, ROWS[i].status, ROWS[i].says, &err);
    }
    patch_sandbox_close(NULL);
}

/* What is around the pixels of the longest file there may be: filter bytes, heads of chunks, profiles. */
static void a_file_may_be_longer_than_its_pixels(void **state)
{
    enum { PIXELS = 9000 * 1000, BYTES = 8 * PIXELS + (1 << 20) };
    const struct patch_sandbox_options o = { .max_pixels = PIXELS };
    unsigned char *bytes = calloc(1, BYTES);
    struct vit_error err = { 0 };
    struct patch_decode inside;
    struct patch_sandbox *s;
    struct patch_image image;
    enum vit_status status;

    (void)state;
    assert_non_null(bytes);
    status = patch_sandbox_create(&s, &o, &err);
    if (status == VIT_ERR_UNSUPPORTED) {
        free(bytes);
        skip();
    }
    assert_ok(status, &err);
    inside = (struct patch_decode){ .sandbox = s };
    assert_refused(patch_image_decode(&image, bytes, BYTES, "long", &inside, &err), VIT_ERR_FORMAT,
                   "long: not a picture", &err);
    patch_sandbox_close(s);
    free(bytes);
}

static void a_long_name_is_shortened_as_without_a_sandbox(void **state)
{
    struct patch_sandbox *s = created(1, patch_decode_into);
    const struct patch_decode inside = { .sandbox = s };
    struct vit_error got, want;
    struct patch_image image;
    char name[3001];

    (void)state;
    for (int i = 0; i < 3000; i++) name[i] = (char)('a' + i % 26);
    name[3000] = '\0';
    assert_refused(patch_image_decode(&image, (const unsigned char *)"none", 4, name, NULL, &want),
                   VIT_ERR_FORMAT, ": not a picture: expected JPEG, PNG, BMP or PNM", &want);
    assert_refused(patch_image_decode(&image, (const unsigned char *)"none", 4, name, &inside, &got),
                   VIT_ERR_FORMAT, "not a picture", &got);
    assert_string_equal(got.text, want.text);
    patch_sandbox_close(s);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_may_be_longer_than_its_pixels),
        cmocka_unit_test(a_long_name_is_shortened_as_without_a_sandbox),
        cmocka_unit_test(pictures_and_sentences_are_the_same),
        cmocka_unit_test(a_large_file_is_decoded_and_a_larger_one_refused),
        cmocka_unit_test(each_misdeed_costs_one_picture),
        cmocka_unit_test(memory_ends_where_it_was_said_to),
        cmocka_unit_test(decoders_begin_when_they_are_needed),
        cmocka_unit_test(decoders_are_not_bound_to_the_cpu_of_who_starts_them),
        cmocka_unit_test(a_decoder_that_died_before_costs_nothing),
        cmocka_unit_test(without_its_keeper_a_sandbox_says_so),
        cmocka_unit_test(a_decoder_that_cannot_be_reached_is_said_to_be_refused),
        cmocka_unit_test(a_second_decoder_that_is_refused_fails_no_picture),
        cmocka_unit_test(no_process_outlives_a_killed_program),
        cmocka_unit_test(a_decoder_whose_answer_makes_no_sense_is_replaced),
        cmocka_unit_test(a_decoder_that_answers_unasked_is_replaced),
        cmocka_unit_test(a_decoder_that_reads_no_question_is_replaced),
        cmocka_unit_test(more_threads_than_decoders_take_turns),
        cmocka_unit_test(impossible_options_are_refused),
    };

    if (argc == 2 && !strcmp(argv[1], "decoder")) return cpus_of_decoder();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
