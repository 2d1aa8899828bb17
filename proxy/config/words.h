/*
 * A list of words for messages: "a, b, c", and which of them a mistyped one was meant to be.
 */
#ifndef RINGWAY_CONFIG_WORDS_H
#define RINGWAY_CONFIG_WORDS_H

#include <stddef.h>

struct words {
    char **items;
    size_t n_items;
    char *text; /* what words_text() returned */
};

/** Add the first [len] bytes of [word] unless it is there. */
void words_add(struct words *words, const char *word, size_t len);

/** All words with commas between; valid until words_deinit(). */
const char *words_text(struct words *words);

/** The word that differs from [typed] by the fewest edits, 2 at most; NULL when none does. */
const char *words_nearest(const struct words *words, const char *typed);

void words_deinit(struct words *words);

#endif
