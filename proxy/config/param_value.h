/*
 * One value of an option on its way from the tree to the field of a struct: what the functions work
 * on that read a kind of value (param_kinds.c, param_http.c).
 */
#ifndef RINGWAY_CONFIG_PARAM_VALUE_H
#define RINGWAY_CONFIG_PARAM_VALUE_H

#include "config/params.h"

struct param_value {
    struct reader *reader;
    const struct param *param;
    const struct tree_node *node;
    const char *text; /* of the node; NULL when it is no scalar. param_kind_read() sets it */
    void *base;       /* the scope's struct */
    void *field;      /* in it. param_kind_read() sets it */
    const enum config_protocol *protocol; /* as in params_read() */
};

/** Read the value into its struct. Its node is nothing only if the kind takes that. */
void param_kind_read(struct param_value *value);

/** Is nothing (~) a value of this kind, other than its default? */
bool param_kind_takes_null(enum param_kind kind);

/** Is the default set by somebody else, because it depends on other options? */
bool param_kind_keeps_default(enum param_kind kind);

/* --- For the functions that read one kind --- */

/** Report the value as one that is not accepted, with a reason. */
void param_value_reject(const struct param_value *value);
void param_value_reject_because(const struct param_value *value, const char *reason);

/** Is [number] in the range of the option? */
bool param_value_in_range(const struct param_value *value, uint64_t number);

/** Set the field to the number of the value's text among [words], which NULL ends. */
void param_value_read_word(const struct param_value *value, const char *const *words);

/** Set the field, a char *, to a copy of the value's text. */
void param_value_store_text(const struct param_value *value);

/* One text of several; [node] is where it stands. */
typedef void (*param_text_fn)(const struct param_value *value, const struct tree_node *node,
                              const char *text);

/**
 * Call [read] with each text of a list, or of one text with commas.
 *
 * [max]  As many may there be; more or none are a problem, and so is what is no text.
 * [what] For the message: "addresses".
 */
void param_value_each(const struct param_value *value, size_t max, const char *what,
                      param_text_fn read);

/* --- param_http.c --- */

void param_read_networks(const struct param_value *value);
void param_read_path_prefix(const struct param_value *value);
void param_read_host_name(const struct param_value *value);
void param_read_method(const struct param_value *value);
void param_read_keys(const struct param_value *value);
void param_read_key_missing(const struct param_value *value);
void param_read_host_sent(const struct param_value *value);

#endif
