/* The walk to a dataset, link by link.
 *
 * H5Dopen would follow any link by itself: an external one would make the program open a file that
 * the manifest does not name. Here each component's kind of link is looked at before it is
 * followed. */
#include "hdf5_file.h"
#include "message.h"

#include <string.h>

enum { MOST_SOFT_LINKS = 16, MOST_NAMES_SHOWN = 8 };

typedef struct {
    hid_t file;
    const ist_location *at;
    const char *asked;
    ist_error *error;
    hid_t object;   /* where the walk stands */
    ist_text where; /* its path; empty: the root */
    ist_text rest;  /* still to be walked */
    int followed;   /* soft links so far */
} walk;

static bool is_group(hid_t object)
{
    return H5Iget_type(object) == H5I_GROUP;
}

/* Takes the first component off the rest; false if there is none. */
static bool next_component(walk *w, ist_text *name)
{
    const char *rest = w->rest.data ? w->rest.data : "";
    rest += strspn(rest, "/");
    const size_t length = strcspn(rest, "/");
    if (length == 0)
        return false;
    ist_text_add_bytes(name, rest, length);
    ist_text left = {0};
    ist_text_add(&left, "%s", rest + length);
    ist_text_release(&w->rest);
    w->rest = left;
    return true;
}

/* ---- what there is instead ------------------------------------------------------------------- */

typedef struct {
    char *names[256];
    size_t count;
    bool more;
} name_list;

static herr_t keep_name(hid_t group, const char *name, const H5L_info_t *info, void *out)
{
    (void)group;
    (void)info;
    name_list *list = out;
    if (list->count == sizeof list->names / sizeof *list->names) {
        list->more = true;
        return 1;
    }
    list->names[list->count++] = ist_copy_text(name);
    return 0;
}

static void add_names(hid_t group, const char *wanted, ist_text *out)
{
    name_list list = {0};
    H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, NULL, keep_name, &list);
    const char *near = ist_nearest_word(wanted, (const char *const *)list.names, list.count);
    if (near)
        ist_text_add(out, "; did you mean '%s'?", near);
    else
        ist_text_add(out, ".");
    ist_text_add(out, list.count ? " It has " : " It is empty.");
    for (size_t i = 0; i < list.count && i < MOST_NAMES_SHOWN; i++)
        ist_text_add(out, "%s%s", i ? ", " : "", list.names[i]);
    if (list.count > MOST_NAMES_SHOWN || list.more)
        ist_text_add(out, ", ... (%s%zu in all)", list.more ? "over " : "", list.count);
    for (size_t i = 0; i < list.count; i++)
        ist_free(list.names[i]);
}

static data_finding refuse_missing(walk *w, const char *name)
{
    const char *where = w->where.length ? w->where.data : "the file's root";
    if (!is_group(w->object)) {
        data_fail(w->at, w->error, IST_REFUSED, "there is no '%s': %s is no group", w->asked,
                  where);
        return DATA_MISSING;
    }
    ist_text names = {0};
    add_names(w->object, name, &names);
    data_fail(w->at, w->error, IST_REFUSED, "there is no '%s' in %s%s", name, where,
              names.data ? names.data : "");
    ist_text_release(&names);
    return DATA_MISSING;
}

/* ---- links ----------------------------------------------------------------------------------- */

static void move_to(walk *w, hid_t object)
{
    H5Oclose(w->object);
    w->object = object;
}

static data_finding follow_soft(walk *w, const char *name, size_t length)
{
    if (++w->followed > MOST_SOFT_LINKS) {
        data_fail(w->at, w->error, IST_REFUSED,
                  "more than %d soft links one after another: '%s' leads in a circle",
                  MOST_SOFT_LINKS, name);
        return DATA_FORBIDDEN;
    }
    char *target = ist_alloc(length + 1, 1);
    if (H5Lget_val(w->object, name, target, length, H5P_DEFAULT) < 0) {
        ist_free(target);
        data_fail(w->at, w->error, IST_REFUSED, "the soft link '%s' cannot be read", name);
        return DATA_FORBIDDEN;
    }
    ist_text rest = {0};
    ist_text_add(&rest, "%s/%s", target, w->rest.data ? w->rest.data : "");
    ist_text_release(&w->rest);
    w->rest = rest;
    if (*target == '/') {
        move_to(w, H5Oopen(w->file, "/", H5P_DEFAULT));
        ist_text_release(&w->where);
    }
    ist_free(target);
    return DATA_FOUND;
}

static data_finding follow_hard(walk *w, const char *name)
{
    const hid_t next = H5Oopen(w->object, name, H5P_DEFAULT);
    if (next < 0) {
        data_fail(w->at, w->error, IST_REFUSED, "'%s' cannot be opened: the file is damaged", name);
        return DATA_FORBIDDEN;
    }
    move_to(w, next);
    ist_text_add(&w->where, "/%s", name);
    return DATA_FOUND;
}

static data_finding follow(walk *w, const char *name)
{
    H5L_info_t info;
    if (strcmp(name, ".") == 0)
        return DATA_FOUND;
    if (!is_group(w->object) || H5Lget_info(w->object, name, &info, H5P_DEFAULT) < 0)
        return refuse_missing(w, name);
    if (info.type == H5L_TYPE_HARD)
        return follow_hard(w, name);
    if (info.type == H5L_TYPE_SOFT)
        return follow_soft(w, name, info.u.val_size);
    data_fail(w->at, w->error, IST_REFUSED,
              "'%s' is %s link: links that leave the file are not followed; name the other file in "
              "the address, or copy the data with h5copy",
              name, info.type == H5L_TYPE_EXTERNAL ? "an external" : "a user-defined");
    return DATA_FORBIDDEN;
}

data_finding data_hdf5_find(hid_t file, const ist_location *at, const char *path, hid_t *object,
                            ist_error *error)
{
    walk w = {.file = file, .at = at, .asked = path, .error = error};
    data_finding finding = DATA_FOUND;
    ist_text name = {0};
    w.object = H5Oopen(file, "/", H5P_DEFAULT);
    ist_text_add(&w.rest, "%s", path);
    while (finding == DATA_FOUND && next_component(&w, &name)) {
        finding = follow(&w, name.data);
        ist_text_release(&name);
    }
    ist_text_release(&name);
    ist_text_release(&w.where);
    ist_text_release(&w.rest);
    if (finding != DATA_FOUND)
        H5Oclose(w.object);
    *object = finding == DATA_FOUND ? w.object : -1;
    return finding;
}
