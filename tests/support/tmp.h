/* tmp.h - a folder for one test, removed afterwards. */
#ifndef TESTS_SUPPORT_TMP_H
#define TESTS_SUPPORT_TMP_H

#include <stdbool.h>
#include <stddef.h>

enum { TMP_PATH = 256 }; /* room for the path of a folder */

/* Make a fresh folder; its path in text. Fails the test when it cannot. What a test that failed leaves of it
 * is removed as the program ends. */
void tmp_create(char *text, size_t size);
/* Remove a folder and all it holds. */
void tmp_remove(const char *path);
/* Not to be removed as the program ends. */
void tmp_keep(const char *path);
/* Write bytes to dir/name (folders in name are made); the whole path in text (may be NULL). */
void tmp_write(const char *dir, const char *name, const void *bytes, size_t size, char *text,
               size_t text_size);
/* Read a whole file; the caller frees. Fails the test when it cannot. */
unsigned char *tmp_read(const char *path, size_t *size);

/* The same of dir/name, as a text. */
char *tmp_text(const char *dir, const char *name);
int tmp_lines(const char *dir, const char *name); /* ends of lines in it; 0: no such file */
bool tmp_has(const char *dir, const char *name);
/* Fails the test when the file of that name differs between the two folders. */
void tmp_assert_same(const char *a, const char *b, const char *name);

/* cmocka's setup and teardown of a test or a group. *state becomes a fixture of size bytes, zeroed, whose
 * first member is char [TMP_PATH]: the path of a fresh folder. The teardown removes it and frees the
 * fixture. */
void *tmp_fixture(void **state, size_t size);
int tmp_teardown(void **state);
/* Where the folder is all. */
int tmp_setup(void **state);

/* Entries of a folder, but for . and .. */
int tmp_count(const char *dir);

#endif
