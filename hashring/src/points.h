/*
 * Points on the circle, on the way to a table: the names they are hashed from, and their sort.
 *
 * The circle has 2^32 values. Where an algorithm has points of 64 bits, the topmost 32 are the value
 * and the others decide only between a point and what falls on the same value.
 */
#ifndef RING_POINTS_H
#define RING_POINTS_H

#include "hashring/hashring.h"

struct ring_point {
    uint32_t low; /* the lower half of a point of 64 bits; otherwise not read */
    uint32_t value;
    uint32_t shard; /* the caller's index */
};

/* What a mark and a 32-bit number need behind a name. */
#define RING_POINT_SUFFIX_BYTES 11u

/*
 * Write [mark] and [i] in decimal at [end]: at most RING_POINT_SUFFIX_BYTES, no NUL. The mark keeps
 * the name and the number apart: "node1" and 11 is another point than "node11" and 1.
 *
 * Returns the end of what was written.
 */
char *ring_point_suffix(char *end, char mark, uint32_t i);

/*
 * Sort [n] points by value; points of the same value stay in the order in which they stand.
 *
 * [scratch] As large as [points]; its content is lost.
 * [wide]    The points have 64 bits: sort by all of them.
 */
void ring_points_sort(struct ring_point *points, struct ring_point *scratch, size_t n, bool wide);

/*
 * Of each run of points of the same value keep the first.
 *
 * Returns how many are left.
 */
size_t ring_points_unique(struct ring_point *points, size_t n);

#endif
