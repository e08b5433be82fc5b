/* sink.h - files that are there whole or not at all: written beside their own name, synced, renamed, and the
 * folder synced. A crash leaves the old file or the new one.
 *
 * Until then the bytes have no name where the system can give one afterwards (Linux, on most disks), so that
 * what ends the process in the middle, a signal too, leaves nothing; elsewhere it leaves NAME.PID-N.tmp
 * (vit.PID-N.tmp where that is too long).
 *
 * A link keeps pointing, and what it points at is replaced; one to nothing is refused. A file that is
 * replaced keeps its permissions; one that this process may not write, or not replace, is refused. A pipe or
 * a device is written directly. */
#ifndef VIT_SINK_H
#define VIT_SINK_H

#include <stdio.h>

#include "vit/base.h"

struct vit_sink {
    const char *name; /* what the caller called it; outlives the sink */
    char *path;       /* where the bytes belong, links resolved; NULL: a pipe or a device, written directly */
    char *temporary;  /* where they are until renamed; NULL: nowhere that has a name */
    FILE *f;
};

/* The sink is to be closed, on failure too. Opening a pipe waits for its reader. All fail with VIT_ERR_IO. */
enum vit_status vit_sink_open(struct vit_sink *s, const char *path, struct vit_error *err);
enum vit_status vit_sink_put(struct vit_sink *s, const void *bytes, size_t size, struct vit_error *err);
enum vit_status vit_sink_commit(struct vit_sink *s, struct vit_error *err);
/* What is left of a sink that was committed, or given up: then the old file stays as it was. */
void vit_sink_close(struct vit_sink *s);

/* All of a file at once. */
enum vit_status vit_write_file(const char *path, const void *bytes, size_t size, struct vit_error *err);
/* Whether path can be written, asked before the work whose result it is to hold. Nothing is left there; what
 * is no ordinary file is not opened. Fails as vit_write_file would. */
enum vit_status vit_can_write_file(const char *path, struct vit_error *err);

#endif
