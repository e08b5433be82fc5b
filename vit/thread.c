/* Threads that may use all CPUs of this process, wherever the calling one is bound. */
#include "vit/thread.h"

#include <omp.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

bool vit_thread_places(unsigned char *allowed)
{
    const int places = omp_get_num_places();
    int cpu[VIT_CPUS];

    memset(allowed, 0, VIT_CPUS);
    for (int i = 0; i < places; i++) {
        const int count = omp_get_place_num_procs(i);
        if (count > VIT_CPUS) continue;
        omp_get_place_proc_ids(i, cpu);
        for (int j = 0; j < count; j++)
            if (cpu[j] >= 0 && cpu[j] < VIT_CPUS) allowed[cpu[j]] = 1;
    }
    return places > 0;
}

#ifdef CPU_ALLOC
void vit_thread_allow(const unsigned char *allowed)
{
    const size_t size = CPU_ALLOC_SIZE(VIT_CPUS);
    cpu_set_t *set = CPU_ALLOC(VIT_CPUS);

    if (!set) return;
    CPU_ZERO_S(size, set);
    for (size_t i = 0; i < VIT_CPUS; i++)
        if (allowed[i]) CPU_SET_S(i, size, set);
    (void)sched_setaffinity(0, size, set); /* those CPUs may have been taken away since */
    CPU_FREE(set);
}
#else
/* No Linux: it binds no thread. */
void vit_thread_allow(const unsigned char *allowed)
{
    (void)allowed;
}
#endif

struct start {
    void *(*work)(void *argument);
    void *argument;
    unsigned char allowed[VIT_CPUS];
};

/* The thread itself says where it may run: musl has no attribute for that. */
static void *begin(void *argument)
{
    const struct start start = *(struct start *)argument;

    free(argument);
    vit_thread_allow(start.allowed);
    return start.work(start.argument);
}

int vit_thread_start(pthread_t *thread, void *(*work)(void *argument), void *argument)
{
    struct start *start = malloc(sizeof *start);
    int status;

    if (!start || !vit_thread_places(start->allowed)) {
        free(start);
        return pthread_create(thread, NULL, work, argument);
    }
    start->work = work;
    start->argument = argument;
    status = pthread_create(thread, NULL, begin, start);
    if (status) free(start);
    return status;
}
