/* Threads that may use all CPUs of this process, wherever the calling one is bound. */
#include "vit/thread.h"

#include <omp.h>
#include <sched.h>
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
static void allow(pthread_attr_t *thread, const unsigned char *allowed)
{
    const size_t size = CPU_ALLOC_SIZE(VIT_CPUS);
    cpu_set_t *set = CPU_ALLOC(VIT_CPUS);

    if (!set) return;
    CPU_ZERO_S(size, set);
    for (size_t i = 0; i < VIT_CPUS; i++)
        if (allowed[i]) CPU_SET_S(i, size, set);
    pthread_attr_setaffinity_np(thread, size, set);
    CPU_FREE(set);
}
#else
/* No Linux: it binds no thread. */
static void allow(pthread_attr_t *thread, const unsigned char *allowed)
{
    (void)thread;
    (void)allowed;
}
#endif

int vit_thread_start(pthread_t *thread, void *(*work)(void *argument), void *argument)
{
    unsigned char allowed[VIT_CPUS];
    pthread_attr_t attributes;
    int status;

    if (!vit_thread_places(allowed) || pthread_attr_init(&attributes))
        return pthread_create(thread, NULL, work, argument);
    allow(&attributes, allowed);
    status = pthread_create(thread, &attributes, work, argument);
    pthread_attr_destroy(&attributes);
    /* Those CPUs may have been taken away since. */
    return status ? pthread_create(thread, NULL, work, argument) : 0;
}
