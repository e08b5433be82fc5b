/* thread.h - threads beside those of OpenMP, which binds the one that calls where it is told to.
 *
 * With OMP_PROC_BIND or OMP_PLACES libgomp binds the first thread to one of its places before the program
 * begins. What pthread_create() and fork() make then would have that one CPU too. */
#ifndef VIT_THREAD_H
#define VIT_THREAD_H

#include <pthread.h>
#include <stdbool.h>

enum { VIT_CPUS = 4096 };

/* allowed (VIT_CPUS): a flag for each logical CPU of OpenMP's places; false: neither OMP_PLACES nor
 * OMP_PROC_BIND has made any. */
bool vit_thread_places(unsigned char *allowed);
/* The calling thread may run on those CPUs from now on, and so may what it forks; where the system refuses,
 * nothing changes. */
void vit_thread_allow(const unsigned char *allowed);

/* pthread_create() of a thread that may run wherever this process may. */
int vit_thread_start(pthread_t *thread, void *(*work)(void *argument), void *argument);

#endif
