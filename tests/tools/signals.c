/* signals VIT N [SEED]: a training run is struck by N signals at random moments, and goes on with --resume
 * every time. Whatever the moment, each run that comes to its end must have the bits of one that was never
 * disturbed. SEED draws signals and moments (default: the time); it is printed, and so is the folder that a
 * failure leaves.
 *
 * SIGKILL leaves what is on the disk; SIGINT and SIGTERM let the run save its state (exit code 130) once it
 * has begun, and end it by default before. */
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/patch/noise.h"
#include "vit/random.h"

enum { CLASSES = 4, PICTURES = 100, INTERRUPTED = 130 };

struct disturber {
    const char *vit;
    char dir[256], data[300], whole[300], broken[300];
    double seconds;              /* of an undisturbed run */
    int struck, early, finished; /* signals; early: the run was over before it */
    uint64_t key, draws;
};

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static const char *left; /* the folder of the runs */

static void stop(const char *what, int number)
{
    printf("FAILED: %s (%d); what there was is in %s\n", what, number, left);
    exit(1);
}

/* Everything random is in the recipe: averaging, mixing, dropped paths and probabilities. */
static void become(const struct disturber *d, const char *out)
{
    int null = open("/dev/null", O_RDWR);

    dup2(null, 0);
    dup2(null, 1);
    dup2(null, 2);
    execl(d->vit, d->vit, "train", "--data", d->data, "--resume", out, "--width", "16", "--depth", "2",
          "--heads", "2", "--patch", "8", "--batch", "8", "--epochs", "6", "--val", "0.2", "--ema", "0.9",
          "--drop-path", "0.2", "--cutmix", "1", "--mixup", "0.5", "--augment", "autoaugment", "--attn-drop",
          "0.1", "--log-every", "1", "--checkpoint-every", "5", "-t", "1", "-q", NULL);
    _exit(127);
}

static pid_t start(const struct disturber *d, const char *out)
{
    pid_t child = fork();

    if (!child) become(d, out);
    if (child < 0) stop("cannot start", 0);
    return child;
}

static int end(pid_t child)
{
    int status = 0;

    if (waitpid(child, &status, 0) != child) stop("cannot wait", 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static bool same(const struct disturber *d, const char *name)
{
    char path[400];
    size_t a, b;
    unsigned char *x, *y;
    bool equal;

    snprintf(path, sizeof path, "%s/%s", d->whole, name);
    x = tmp_read(path, &a);
    snprintf(path, sizeof path, "%s/%s", d->broken, name);
    y = tmp_read(path, &b);
    equal = a == b && memcmp(x, y, a) == 0;
    free(x);
    free(y);
    return equal;
}

/* The next one begins in an empty folder. */
static void compare(struct disturber *d)
{
    static const char *const NAMES[] = { "model.safetensors", "config.json" };

    for (size_t i = 0; i < VIT_COUNT(NAMES); i++)
        if (!same(d, NAMES[i])) stop(NAMES[i], d->struck);
    if (tmp_count(d->broken) != 4) stop("something is left in the folder", d->struck);
    d->finished++;
    tmp_remove(d->broken);
}

static void disturb(struct disturber *d)
{
    static const int SIGNALS[] = { SIGKILL, SIGKILL, SIGINT, SIGTERM };
    const int number = SIGNALS[vit_random_below(d->key, d->draws++, VIT_COUNT(SIGNALS))];
    /* Anywhere in the run: its start, the reading of the state, steps, validation, the last files. */
    const double wait = d->seconds * 1.1 * (double)vit_random_below(d->key, d->draws++, 10000) / 10000;
    const struct timespec nap = { (time_t)wait, (long)((wait - (double)(time_t)wait) * 1e9) };
    pid_t child = start(d, d->broken);
    int code;

    nanosleep(&nap, NULL);
    kill(child, number);
    code = end(child);
    if (code == 0) {
        d->early++;
        compare(d);
    } else if (code != 128 + number && !(number != SIGKILL && code == INTERRUPTED)) {
        stop("exit code", code);
    } else {
        d->struck++;
    }
}

/* What is under way comes to its end. */
static void finish(struct disturber *d)
{
    const int code = end(start(d, d->broken));

    if (code) stop("exit code of the last continuation", code);
    compare(d);
}

int main(int argc, char **argv)
{
    const uint64_t seed = argc == 4 ? strtoull(argv[3], NULL, 10) : (uint64_t)time(NULL);
    struct disturber d = { .vit = argc >= 3 ? argv[1] : "", .key = vit_key(1, seed) };
    const int wanted = argc == 3 || argc == 4 ? atoi(argv[2]) : 0;
    double begun;

    if (wanted < 1) {
        fprintf(stderr, "usage: signals VIT N [SEED]\n");
        return 2;
    }
    printf("seed %llu\n", (unsigned long long)seed);
    setenv("OMP_WAIT_POLICY", "passive", 1);
    tmp_create(d.dir, sizeof d.dir);
    tmp_keep(left = d.dir);
    snprintf(d.data, sizeof d.data, "%s/data", d.dir);
    snprintf(d.whole, sizeof d.whole, "%s/whole", d.dir);
    snprintf(d.broken, sizeof d.broken, "%s/broken", d.dir);
    noise_write(d.data, PICTURES, CLASSES, 40, 1, 0);
    begun = now();
    if (end(start(&d, d.whole))) stop("the undisturbed run", 0);
    d.seconds = now() - begun;
    while (d.struck < wanted) disturb(&d);
    finish(&d);
    tmp_remove(d.dir);
    printf(
        "%d signals, %d more came after the end; %d runs finished, each with the bits of an undisturbed one "
        "(%.1f s)\n",
        d.struck, d.early, d.finished, d.seconds);
    return 0;
}
