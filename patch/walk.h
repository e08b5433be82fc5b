/* walk.h - what folders hold. */
#ifndef PATCH_WALK_H
#define PATCH_WALK_H

#include "patch/names.h"

/* Append the names (not paths) of the folders, or of the other files, in a folder; sorted; hidden ones
 * left out; links followed. A link that leads nowhere is taken for a folder, unless its name is a picture's:
 * looking into it fails. */
enum vit_status patch_list_folders(struct patch_names *out, const char *path, struct vit_error *err);
enum vit_status patch_list_files(struct patch_names *out, const char *path, struct vit_error *err);

/* Append the paths of the pictures below a folder, by their extension, sorted. Each folder is entered
 * once, however many links lead to it. closed: receives the folders that cannot be listed; NULL: such a one
 * is an error. */
enum vit_status patch_list_pictures(struct patch_names *out, struct patch_names *closed, const char *path,
                                    struct vit_error *err);

bool patch_is_folder(const char *path);
bool patch_is_file(const char *path); /* a regular one */
/* "folder/name" is a folder, or a file. What is there and cannot be reached may be either, but no folder by a
 * picture's name. */
bool patch_has_folder(const char *path, const char *name);
bool patch_has_file(const char *path, const char *name);
bool patch_is_picture_name(const char *name);
/* why: a folder has none of them. */
void patch_say_no_pictures(struct vit_error *why, const char *path);
/* name ends in extension (".csv"), in any case of letters. */
bool patch_has_extension(const char *name, const char *extension);

#endif
