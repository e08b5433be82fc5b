/* Threads may use all CPUs of the process. */
#include <sched.h>

#include "tests/support/run.h"
#include "tests/support/test.h"
#include "vit/thread.h"

/* CPUs that the calling thread may run on, at most 100. */
static int allowed_cpus(void)
{
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof set, &set)) return 0;
    return CPU_COUNT(&set) < 100 ? CPU_COUNT(&set) : 100;
}

static void *count_cpus(void *count)
{
    *(int *)count = allowed_cpus();
    return NULL;
}

/* Of a thread of this process. */
static int cpus_of_thread(void)
{
    pthread_t thread;
    int count = 0;

    if (vit_thread_start(&thread, count_cpus, &count)) return 0;
    pthread_join(thread, NULL);
    return count;
}

/* libgomp binds before main() begins, so another process is asked: this program with an argument. */
static void threads_are_not_bound_to_the_cpu_of_who_starts_them(void **state)
{
    static const char *const ROWS[][2] = { { "OMP_PROC_BIND", "true" }, { "OMP_PLACES", "threads" } };
    static const char *const AGAIN[] = { "/proc/self/exe", "thread", NULL };
    struct run r;

    (void)state;
    if (getenv("OMP_PROC_BIND") || getenv("OMP_PLACES") || allowed_cpus() < 2) skip();
    assert_int_equal(cpus_of_thread(), allowed_cpus());
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        setenv(ROWS[i][0], ROWS[i][1], 1);
        assert_true(run_program(&r, AGAIN, NULL));
        unsetenv(ROWS[i][0]);
        assert_int_equal(r.code, allowed_cpus());
        run_free(&r);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_are_not_bound_to_the_cpu_of_who_starts_them),
    };

    if (argc == 2 && !strcmp(argv[1], "thread")) return cpus_of_thread();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
