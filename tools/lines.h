/* lines.h - files of JSON lines that are only ever added to. A line that has no end was cut by a kill, and
 * counts as not written; one that has an end and is no object (zeros, as a loss of power may leave) is an
 * error. */
#ifndef TOOLS_LINES_H
#define TOOLS_LINES_H

#include <jansson.h>

#include "vit/base.h"

/* *out = all whole lines, an array of objects (json_decref); NULL on failure. No file: none. */
enum vit_status lines_read(json_t **out, const char *path, struct vit_error *err);
/* Cut off what has no end. */
enum vit_status lines_cut(int file, const char *path, struct vit_error *err);
/* One more, by one write. After a failure the file is as it was before, unless the system refuses that as
 * well: then nothing may be added until it was cut. */
enum vit_status lines_put(int file, const char *path, const json_t *line, struct vit_error *err);
/* The same, on the disk when this returns. *kept = the line as whoever reads the file has it, with the digits
 * that it keeps (json_decref); NULL on failure. */
enum vit_status lines_add(json_t **kept, int file, const char *path, const json_t *line,
                          struct vit_error *err);
/* Rewrite path with the lines of wanted cells only, if there are others. */
enum vit_status lines_keep(const char *path, bool (*wanted)(const void *arg, const char *cell),
                           const void *arg, struct vit_error *err);
/* Add the lines of a run's log, in the same way. */
enum vit_status lines_copy_log(const char *path, const char *log, struct vit_error *err);

#endif
