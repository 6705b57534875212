/* Sorted values: whether one is there, and where, without looking at all of them. A manifest of a
 * megabyte may name a hundred thousand. */
#include "room.h"

#include <stdlib.h>
#include <string.h>

ist_value value_of(const char *text)
{
    ist_value value = {.text = (char *)text};
    value.is_number = ist_parse_real(text, &value.number);
    return value;
}

int value_compare(const ist_value *a, const ist_value *b)
{
    if (a->is_number != b->is_number)
        return a->is_number ? -1 : 1;
    if (!a->is_number)
        return strcmp(a->text, b->text);
    return (a->number > b->number) - (a->number < b->number);
}

static int compare_items(const void *x, const void *y)
{
    const index_item *a = x, *b = y;
    int order = value_compare(a->value, b->value);
    return order ? order : (a->position > b->position) - (a->position < b->position);
}

value_index index_make(pool *owner, const ist_value *values, size_t count)
{
    value_index index = {pool_alloc(owner, count, sizeof(index_item)), count};
    for (size_t i = 0; i < count; i++)
        index.items[i] = (index_item){&values[i], i};
    qsort(index.items, count, sizeof index.items[0], compare_items);
    return index;
}

static int compare_value(const void *key, const void *item)
{
    return value_compare(key, ((const index_item *)item)->value);
}

size_t index_find(const value_index *index, const ist_value *value)
{
    if (index->count == 0)
        return SIZE_MAX;
    const index_item *hit =
        bsearch(value, index->items, index->count, sizeof index->items[0], compare_value);
    return hit ? hit->position : SIZE_MAX;
}

size_t index_find_word(const value_index *index, const char *word)
{
    ist_value value = {.text = (char *)word};
    return index_find(index, &value);
}
