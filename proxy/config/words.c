#include "config/words.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "config/text.h"

#define MAX_EDITS      2u
#define MAX_WORD_BYTES 128u

void words_add(struct words *words, const char *word, size_t len)
{
    for (size_t i = 0; i < words->n_items; i++) {
        if (strlen(words->items[i]) == len && strncmp(words->items[i], word, len) == 0) {
            return;
        }
    }
    words->items = xrealloc(words->items, (words->n_items + 1) * sizeof(*words->items));
    words->items[words->n_items++] = text_copy(word, len);
}

const char *words_text(struct words *words)
{
    char *text = xstrdup(words->n_items > 0 ? words->items[0] : "");

    for (size_t i = 1; i < words->n_items; i++) {
        char *longer = text_format("%s, %s", text, words->items[i]);
        free(text);
        text = longer;
    }
    free(words->text);
    words->text = text;
    return text;
}

static size_t smallest(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

/* Insertions, deletions and replacements from [a] to [b]. Source: Wagner and Fischer, 1974. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t row[MAX_WORD_BYTES + 1];
    size_t len_a = strlen(a);
    size_t len_b = strlen(b);

    if (len_a > MAX_WORD_BYTES || len_b > MAX_WORD_BYTES) {
        return MAX_WORD_BYTES;
    }
    for (size_t j = 0; j <= len_b; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= len_a; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= len_b; j++) {
            size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = smallest(replaced, row[j] + 1, row[j - 1] + 1);
        }
    }
    return row[len_b];
}

const char *words_nearest(const struct words *words, const char *typed)
{
    const char *nearest = NULL;
    size_t fewest = MAX_EDITS + 1;

    for (size_t i = 0; i < words->n_items; i++) {
        size_t edits = edit_distance(typed, words->items[i]);
        /* Two edits turn any short word into any other. */
        if (edits < fewest && edits < strlen(words->items[i])) {
            fewest = edits;
            nearest = words->items[i];
        }
    }
    return nearest;
}

void words_deinit(struct words *words)
{
    for (size_t i = 0; i < words->n_items; i++) {
        free(words->items[i]);
    }
    free(words->items);
    free(words->text);
    *words = (struct words){0};
}
