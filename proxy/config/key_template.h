/*
 * Key templates: what of an HTTP request makes its key, as in "{host}{path.1-2}". Only their text is
 * known here; topology/http_route.h fills them in.
 */
#ifndef RINGWAY_CONFIG_KEY_TEMPLATE_H
#define RINGWAY_CONFIG_KEY_TEMPLATE_H

#include "config/config.h"
#include "config/tree.h"

#define KEY_TEMPLATE_MAX_BYTES   1024u
#define KEY_TEMPLATE_MAX_PARTS   32u
#define KEY_TEMPLATE_MAX_SEGMENT 1000u

/** Large enough for what key_template_parse() finds wrong. */
#define KEY_TEMPLATE_WRONG_BYTES (TREE_TEXT_BYTES + 160u)

/** Large enough for key_template_variables(). */
#define KEY_TEMPLATE_VARIABLES_BYTES 256u

/**
 * Read all of [text]: variables in braces and text around them; "{{" is a brace.
 *
 * [out]   Set on success only; free with key_template_deinit().
 * [wrong] On failure receives what is wrong: ""pth" is no variable".
 *
 * Returns 0, or -1 if [text] is no template.
 */
int key_template_parse(struct config_key *out, const char *text,
                       char wrong[KEY_TEMPLATE_WRONG_BYTES]);

/** Free what [key] owns. */
void key_template_deinit(struct config_key *key);

/** Does [key] have a variable of this kind? */
bool key_template_uses(const struct config_key *key, enum config_key_part_kind kind);

/** Write the names of all variables: "{path} {path.N} ...". */
void key_template_variables(char out[KEY_TEMPLATE_VARIABLES_BYTES]);

/** Is [text] a token, as the names of methods, fields and cookies are? RFC 9110 5.6.2 */
bool key_template_is_token(const char *text);

#endif
