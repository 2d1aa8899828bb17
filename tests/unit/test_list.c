/*
 * The intrusive list.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/list.h"

struct element {
    int number;
    struct list link, other;
};

static int pop_number(struct list *head)
{
    struct list *link = list_pop(head);

    return link != NULL ? LIST_ENTRY(link, struct element, link)->number : -1;
}

static void test_first_in_first_out(void **state)
{
    struct list head;
    struct element elements[3] = {{.number = 1}, {.number = 2}, {.number = 3}};

    (void)state;
    list_init(&head);
    assert_true(list_empty(&head));
    assert_null(list_pop(&head));
    for (size_t i = 0; i < 3; i++) {
        list_append(&head, &elements[i].link);
    }
    assert_false(list_empty(&head));
    assert_int_equal(pop_number(&head), 1);
    assert_int_equal(pop_number(&head), 2);
    assert_int_equal(pop_number(&head), 3);
    assert_int_equal(pop_number(&head), -1);
    assert_true(list_empty(&head));
}

static void test_a_popped_link_is_unlinked(void **state)
{
    struct list head;
    struct element element = {.number = 7};

    (void)state;
    list_init(&head);
    list_append(&head, &element.link);
    assert_false(list_empty(&element.link));
    assert_int_equal(pop_number(&head), 7);
    assert_true(list_empty(&element.link));
    list_remove(&element.link); /* harmless */
    list_append(&head, &element.link);
    assert_int_equal(pop_number(&head), 7);
}

static void test_removal_anywhere(void **state)
{
    (void)state;
    for (size_t removed = 0; removed < 3; removed++) {
        struct list head;
        struct element elements[3] = {{.number = 0}, {.number = 1}, {.number = 2}};

        list_init(&head);
        for (size_t i = 0; i < 3; i++) {
            list_append(&head, &elements[i].link);
        }
        list_remove(&elements[removed].link);
        list_remove(&elements[removed].link);
        for (size_t i = 0; i < 3; i++) {
            if (i != removed) {
                assert_int_equal(pop_number(&head), i);
            }
        }
        assert_true(list_empty(&head));
    }
}

static void test_an_element_in_two_lists(void **state)
{
    struct list first, second;
    struct element element = {.number = 1};

    (void)state;
    list_init(&first);
    list_init(&second);
    list_append(&first, &element.link);
    list_append(&second, &element.other);
    list_remove(&element.link);
    assert_true(list_empty(&first));
    assert_ptr_equal(LIST_ENTRY(list_pop(&second), struct element, other), &element);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_in_first_out),
        cmocka_unit_test(test_a_popped_link_is_unlinked),
        cmocka_unit_test(test_removal_anywhere),
        cmocka_unit_test(test_an_element_in_two_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
