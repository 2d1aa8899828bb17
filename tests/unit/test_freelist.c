/*
 * Objects kept for reuse.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "data/freelist.h"

static void test_what_is_put_comes_back(void **state)
{
    struct freelist list;
    void *a, *b;

    (void)state;
    freelist_init(&list, 100, 8);
    a = freelist_get(&list);
    b = freelist_get(&list);
    assert_ptr_not_equal(a, b);
    memset(a, 1, 100);
    memset(b, 2, 100);
    freelist_put(&list, a);
    freelist_put(&list, b);
    if (FREELIST_KEEPS) {
        assert_int_equal(list.kept, 2);
        assert_ptr_equal(freelist_get(&list), b);
        assert_ptr_equal(freelist_get(&list), a);
        assert_int_equal(list.kept, 0);
        freelist_put(&list, a);
        freelist_put(&list, b);
    }
    freelist_deinit(&list);
    assert_int_equal(list.kept, 0);
    assert_null(list.first);
}

static void test_no_more_than_max_are_kept(void **state)
{
    struct freelist list;
    void *objects[5];

    (void)state;
    freelist_init(&list, 32, 2);
    for (size_t i = 0; i < 5; i++) {
        objects[i] = freelist_get(&list);
    }
    for (size_t i = 0; i < 5; i++) {
        freelist_put(&list, objects[i]);
    }
    assert_int_equal(list.kept, FREELIST_KEEPS ? 2 : 0);
    freelist_deinit(&list);
}

static void test_objects_smaller_than_a_pointer(void **state)
{
    struct freelist list;
    void *object;

    (void)state;
    freelist_init(&list, 1, 2);
    assert_true(list.size >= sizeof(void *));
    object = freelist_get(&list);
    freelist_put(&list, object);
    freelist_deinit(&list);
    freelist_deinit(&list); /* of an empty list: harmless */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_put_comes_back),
        cmocka_unit_test(test_no_more_than_max_are_kept),
        cmocka_unit_test(test_objects_smaller_than_a_pointer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
