/* Memory with one owner: everything of a job, or of one reading of it, is released at once. */
#include "room.h"

#include <string.h>

/* Items stay separate allocations: the sanitizers then see a step over the end of each. */
struct pool_item {
    pool_item *before;
    void *memory;
};

static void keep(pool *owner, void *memory)
{
    pool_item *item = ist_alloc(1, sizeof *item);
    *item = (pool_item){owner->last, memory};
    owner->last = item;
}

void *pool_alloc(pool *owner, size_t count, size_t size)
{
    void *memory = ist_alloc(count, size);
    keep(owner, memory);
    return memory;
}

char *pool_copy(pool *owner, const char *text)
{
    char *copy = ist_copy_text(text);
    keep(owner, copy);
    return copy;
}

char *pool_take(pool *owner, ist_text *text)
{
    ist_text_add(text, "%s", "");
    char *bytes = text->data;
    keep(owner, bytes);
    *text = (ist_text){0};
    return bytes;
}

char *pool_format(pool *owner, const char *format, ...)
{
    ist_text text = {0};
    va_list arguments;
    va_start(arguments, format);
    ist_text_add_v(&text, format, arguments);
    va_end(arguments);
    return pool_take(owner, &text);
}

void pool_release(pool *owner)
{
    while (owner->last) {
        pool_item *item = owner->last;
        owner->last = item->before;
        ist_free(item->memory);
        ist_free(item);
    }
}
