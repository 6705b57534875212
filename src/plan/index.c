/* The map from hashes to positions: open addressing, at most half full. */
#include "infostrata/plan.h"

/* Where `key` is, or the free slot where it belongs. */
static size_t find_slot(const ist_index *index, ist_hash key)
{
    size_t mask = index->capacity - 1, slot = (size_t)key.low & mask;
    while (index->values[slot] != SIZE_MAX && ist_hash_compare(index->keys[slot], key) != 0)
        slot = (slot + 1) & mask;
    return slot;
}

static void make_room(ist_index *index)
{
    if (2 * (index->count + 1) <= index->capacity)
        return;
    ist_index old = *index;
    index->capacity = old.capacity ? 2 * old.capacity : 64;
    index->keys = ist_alloc(index->capacity, sizeof *index->keys);
    index->values = ist_alloc(index->capacity, sizeof *index->values);
    for (size_t i = 0; i < index->capacity; i++)
        index->values[i] = SIZE_MAX;
    for (size_t i = 0; i < old.capacity; i++) {
        if (old.values[i] == SIZE_MAX)
            continue;
        size_t slot = find_slot(index, old.keys[i]);
        index->keys[slot] = old.keys[i];
        index->values[slot] = old.values[i];
    }
    ist_free(old.keys);
    ist_free(old.values);
}

size_t *ist_index_add(ist_index *index, ist_hash key, size_t value)
{
    make_room(index);
    size_t slot = find_slot(index, key);
    if (index->values[slot] == SIZE_MAX) {
        index->keys[slot] = key;
        index->values[slot] = value;
        index->count++;
    }
    return &index->values[slot];
}

size_t ist_index_find(const ist_index *index, ist_hash key)
{
    return index->capacity ? index->values[find_slot(index, key)] : SIZE_MAX;
}

void ist_index_release(ist_index *index)
{
    ist_free(index->keys);
    ist_free(index->values);
    *index = (ist_index){0};
}
