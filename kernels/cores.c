/* cores.c - how many physical cores this process may use. */
#include <ctype.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernels/cpu.h"
#include "vit/thread.h"

enum { LINE = 512, CPUS = VIT_CPUS, DEPTH = 32 };

/* First line of root/path, without its newline; false when it cannot be read. */
static bool read_line(const char *root, const char *path, char *line, size_t size)
{
    char name[2 * LINE];
    FILE *f;
    bool got;

    snprintf(name, sizeof name, "%s%s", root, path);
    f = fopen(name, "r");
    if (!f) return false;
    got = fgets(line, (int)size, f) != NULL;
    fclose(f);
    if (got) line[strcspn(line, "\n")] = '\0';
    return got;
}

/* The lowest logical CPU of cpu's core ("0,64" or "0-1" gives 0); cpu itself when the system does not say. */
static int first_sibling(const char *root, int cpu)
{
    char path[LINE], line[LINE];

    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu);
    if (!read_line(root, path, line, sizeof line) || !isdigit((unsigned char)*line)) return cpu;
    return atoi(line);
}

int kern_cpu_distinct_cores(const char *root, const unsigned char *allowed, int count)
{
    unsigned char seen[CPUS] = { 0 };
    int cores = 0;

    for (int i = 0; i < count && i < CPUS; i++) {
        int first = allowed[i] ? first_sibling(root, i) : -1;

        if (first < 0 || first >= CPUS || seen[first]) continue;
        seen[first] = 1;
        cores++;
    }
    return cores ? cores : 1;
}

static int cpus_of(double quota, double period)
{
    double cpus = period > 0 ? quota / period : 0;

    if (quota <= 0 || period <= 0 || cpus >= INT_MAX) return INT_MAX;
    return cpus < 1 ? 1 : (int)cpus;
}

/* cgroup v2: "max 100000" or "150000 100000" in cpu.max. */
static int quota_v2(const char *root, const char *group)
{
    char path[2 * LINE], line[LINE];
    double quota, period;

    snprintf(path, sizeof path, "/sys/fs/cgroup%s/cpu.max", group);
    if (!read_line(root, path, line, sizeof line)) return INT_MAX;
    return sscanf(line, "%lf %lf", &quota, &period) == 2 ? cpus_of(quota, period) : INT_MAX;
}

/* cgroup v1: microseconds in two files; a quota of -1 is no limit. */
static int quota_v1(const char *root, const char *group)
{
    char path[2 * LINE], quota[LINE], period[LINE];

    snprintf(path, sizeof path, "/sys/fs/cgroup/cpu%s/cpu.cfs_quota_us", group);
    if (!read_line(root, path, quota, sizeof quota)) return INT_MAX;
    snprintf(path, sizeof path, "/sys/fs/cgroup/cpu%s/cpu.cfs_period_us", group);
    if (!read_line(root, path, period, sizeof period)) return INT_MAX;
    return cpus_of(atof(quota), atof(period));
}

/* The tightest quota of a group and those above it. A container may see its own group as the root. */
static int quota_upwards(const char *root, char *group, int (*quota)(const char *, const char *))
{
    int least = INT_MAX;

    for (int i = 0; i < DEPTH; i++) {
        char *slash = strrchr(group, '/');
        int q = quota(root, group[0] == '/' && !group[1] ? "" : group);

        if (q < least) least = q;
        if (!slash) break;
        *slash = '\0';
    }
    return least;
}

/* A line of /proc/self/cgroup is "id:controllers:path"; version 2 has id 0 and no controllers. */
static int quota_of_line(const char *root, char *line)
{
    char *controllers = strchr(line, ':');
    char *group = controllers ? strchr(controllers + 1, ':') : NULL;

    if (!group) return INT_MAX;
    *controllers++ = '\0';
    *group++ = '\0';
    group[strcspn(group, "\n")] = '\0';
    if (!*controllers) return quota_upwards(root, group, quota_v2);
    for (char *save, *c = strtok_r(controllers, ",", &save); c; c = strtok_r(NULL, ",", &save))
        if (!strcmp(c, "cpu")) return quota_upwards(root, group, quota_v1);
    return INT_MAX;
}

int kern_cpu_quota(const char *root)
{
    char name[LINE], line[LINE];
    int least = INT_MAX;
    FILE *f;

    snprintf(name, sizeof name, "%s/proc/self/cgroup", root);
    f = fopen(name, "r");
    if (!f) return INT_MAX;
    while (fgets(line, sizeof line, f)) {
        int q = quota_of_line(root, line);
        if (q < least) least = q;
    }
    fclose(f);
    return least;
}

#ifdef CPU_ALLOC
/* allowed (CPUS): a flag for each logical CPU; false: the system does not say. */
static bool list_allowed(unsigned char *allowed)
{
    const size_t size = CPU_ALLOC_SIZE(CPUS);
    cpu_set_t *set = CPU_ALLOC(CPUS);
    bool said;

    if (!set) return false;
    CPU_ZERO_S(size, set);
    said = !sched_getaffinity(0, size, set);
    for (int i = 0; i < CPUS; i++) allowed[i] = said && CPU_ISSET_S(i, size, set);
    CPU_FREE(set);
    return said;
}
#else
/* No Linux: it binds no process to some CPUs. */
static bool list_allowed(unsigned char *allowed)
{
    (void)allowed;
    return false;
}
#endif

int kern_cpu_cores(void)
{
    unsigned char allowed[CPUS];
    const int quota = kern_cpu_quota("");
    int cores;

    /* Places first: where there are some, libgomp has bound the first thread to one of them. */
    if (vit_thread_places(allowed) || list_allowed(allowed))
        cores = kern_cpu_distinct_cores("", allowed, CPUS);
    else
        cores = (int)sysconf(_SC_NPROCESSORS_ONLN);
    if (cores < 1) cores = 1; /* sysconf: unknown */
    return cores < quota ? cores : quota;
}
