/*
 * The table of options for people: part of ringway.yaml(5). The other form, a file of all defaults,
 * is config_print_defaults().
 */
#ifndef RINGWAY_CONFIG_REFERENCE_H
#define RINGWAY_CONFIG_REFERENCE_H

#include <stdio.h>

/** Write the options as items of an mdoc list: the text between the marks in ringway.yaml(5). */
void reference_write_manual(FILE *to);

#endif
