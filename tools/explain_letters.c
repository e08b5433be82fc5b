#include <string.h>

#include "tools/explain.h"

enum { ROWS = 9, COLUMNS = 5 };

/* What labels of panels are made of. Rows below the line are there where a letter has them. */
static const struct letter {
    char name;
    const char *rows[ROWS];
} LETTERS[] = {
    { 'a', { "     ", "     ", " ### ", "    #", " ####", "#   #", " ####" } },
    { 'b', { "#    ", "#    ", "#### ", "#   #", "#   #", "#   #", "#### " } },
    { 'c', { "     ", "     ", " ### ", "#   #", "#    ", "#   #", " ### " } },
    { 'd', { "    #", "    #", " ####", "#   #", "#   #", "#   #", " ####" } },
    { 'e', { "     ", "     ", " ### ", "#   #", "#####", "#    ", " ### " } },
    { 'h', { "#    ", "#    ", "#### ", "#   #", "#   #", "#   #", "#   #" } },
    { 'i', { "  #  ", "     ", " ##  ", "  #  ", "  #  ", "  #  ", " ### " } },
    { 'k', { "#    ", "#    ", "#  # ", "# #  ", "##   ", "# #  ", "#  # " } },
    { 'l', { " ##  ", "  #  ", "  #  ", "  #  ", "  #  ", "  #  ", " ### " } },
    { 'o', { "     ", "     ", " ### ", "#   #", "#   #", "#   #", " ### " } },
    { 'p', { "     ", "     ", "#### ", "#   #", "#   #", "#   #", "#### ", "#    ", "#    " } },
    { 'r', { "     ", "     ", "# ## ", "##  #", "#    ", "#    ", "#    " } },
    { 't', { " #   ", " #   ", "###  ", " #   ", " #   ", " #  #", "  ## " } },
    { 'u', { "     ", "     ", "#   #", "#   #", "#   #", "#  ##", " ## #" } },
    { 'x', { "     ", "     ", "#   #", " # # ", "  #  ", " # # ", "#   #" } },
    { '0', { " ### ", "#   #", "#  ##", "# # #", "##  #", "#   #", " ### " } },
    { '1', { "  #  ", " ##  ", "  #  ", "  #  ", "  #  ", "  #  ", " ### " } },
    { '2', { " ### ", "#   #", "    #", "   # ", "  #  ", " #   ", "#####" } },
    { '3', { "#####", "   # ", "  #  ", "   # ", "    #", "#   #", " ### " } },
    { '4', { "   # ", "  ## ", " # # ", "#  # ", "#####", "   # ", "   # " } },
    { '5', { "#####", "#    ", "#### ", "    #", "    #", "#   #", " ### " } },
    { '6', { "  ## ", " #   ", "#    ", "#### ", "#   #", "#   #", " ### " } },
    { '7', { "#####", "    #", "   # ", "  #  ", " #   ", " #   ", " #   " } },
    { '8', { " ### ", "#   #", "#   #", " ### ", "#   #", "#   #", " ### " } },
    { '9', { " ### ", "#   #", "#   #", " ####", "    #", "   # ", " ##  " } },
    { '-', { "     ", "     ", "     ", "#####", "     ", "     ", "     " } },
    { '.', { "     ", "     ", "     ", "     ", "     ", " ##  ", " ##  " } },
};

static const struct letter *letter_of(char c)
{
    for (size_t i = 0; i < VIT_COUNT(LETTERS); i++)
        if (LETTERS[i].name == c) return &LETTERS[i];
    return NULL;
}

static void blacken(struct patch_image *image, int x, int y, int side)
{
    for (int row = y; row < y + side && row < image->height; row++)
        for (int column = x; column < x + side && column < image->width; column++)
            if (row >= 0 && column >= 0)
                memset(image->rgb + ((size_t)row * (size_t)image->width + (size_t)column) * 3, 0, 3);
}

void explain_write(struct patch_image *image, const char *text, int x, int y, int dot)
{
    for (; *text; text++, x += EXPLAIN_LETTER_WIDTH * dot) {
        const struct letter *l = letter_of(*text);
        for (int i = 0; l && i < ROWS * COLUMNS && l->rows[i / COLUMNS]; i++)
            if (l->rows[i / COLUMNS][i % COLUMNS] == '#')
                blacken(image, x + i % COLUMNS * dot, y + i / COLUMNS * dot, dot);
    }
}
