/* The header of a .npy file: one Python dictionary, for example
 *   {'descr': '<f4', 'fortran_order': False, 'shape': (1000, 64), }
 * Parsed, never evaluated; whatever is not of this form is refused. */
#include "message.h"
#include "npy.h"

#include <string.h>

typedef struct {
    const char *at, *end;
} cursor;

static void skip_blanks(cursor *c)
{
    while (c->at < c->end && memchr(" \t\r\n", *c->at, 4))
        c->at++;
}

static bool take(cursor *c, const char *word)
{
    const size_t length = strlen(word);
    skip_blanks(c);
    if ((size_t)(c->end - c->at) < length || memcmp(c->at, word, length) != 0)
        return false;
    c->at += length;
    return true;
}

/* A string in either quotes, without escapes; cut to the buffer. */
static bool take_string(cursor *c, char *out, size_t size)
{
    skip_blanks(c);
    if (c->at == c->end || (*c->at != '\'' && *c->at != '"'))
        return false;
    const char *start = c->at + 1;
    const char *stop = memchr(start, *c->at, (size_t)(c->end - start));
    if (!stop)
        return false;
    const size_t length = (size_t)(stop - start) < size ? (size_t)(stop - start) : size - 1;
    memcpy(out, start, length);
    out[length] = '\0';
    c->at = stop + 1;
    return true;
}

static bool take_size(cursor *c, int64_t *size)
{
    skip_blanks(c);
    const char *start = c->at;
    *size = 0;
    for (; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++)
        if (__builtin_mul_overflow(*size, 10, size) ||
            __builtin_add_overflow(*size, *c->at - '0', size))
            return false;
    const bool any = c->at > start;
    if (any && c->at < c->end && *c->at == 'L') /* Python 2's long */
        c->at++;
    return any;
}

static bool take_shape(cursor *c, data_view *view)
{
    view->rank = 0;
    if (!take(c, "("))
        return false;
    while (!take(c, ")")) {
        if (view->rank == DATA_MAX_RANK || !take_size(c, &view->size[view->rank]))
            return false;
        view->rank++;
        if (take(c, ","))
            continue;
        /* (3) would be a number in Python, not a tuple */
        return view->rank > 1 && take(c, ")");
    }
    return true;
}

/* ---- the type -------------------------------------------------------------------------------- */

static const struct {
    char letter;
    const char *what, *advice;
} refusals[] = {
    {'O', "Python objects (a pickle), which are never read", "Save numbers: arr.astype('float32')"},
    {'c', "complex numbers",
     "Save their real and imaginary parts side by side: arr.view('float64')"},
    {'S', "text", "Number it: np.unique(arr, return_inverse=True)[1]"},
    {'U', "text", "Number it: np.unique(arr, return_inverse=True)[1]"},
    {'a', "text", "Number it: np.unique(arr, return_inverse=True)[1]"},
    {'V', "raw bytes (bfloat16 is saved like this)", "Save float32: tensor.float().numpy()"},
    {'M', "dates", "Save integers: arr.astype('int64')"},
    {'m', "durations", "Save integers: arr.astype('int64')"},
    {'f', "a float of another size", "Save float64: arr.astype('float64')"},
};

static ist_code refuse_type(const ist_location *at, const char *descr, ist_error *error)
{
    const char *what = "a structured or unknown type";
    const char *advice = "Save float32 or an integer type";
    const char letter = *descr && strchr("<>|=", *descr) ? descr[1] : *descr;
    for (size_t k = 0; letter && k < sizeof refusals / sizeof *refusals; k++) {
        if (refusals[k].letter == letter) {
            what = refusals[k].what;
            advice = refusals[k].advice;
        }
    }
    return data_fail(at, error, IST_REFUSED, "the type '%s' is %s; read are %s. %s", descr, what,
                     data_type_list, advice);
}

/* '<f4', '>i8', '|b1': byte order, kind, bytes. */
static bool parse_type(const char *descr, data_type *type)
{
    int64_t bytes = 0;
    if (strlen(descr) < 3 || !strchr("<>|=", descr[0]) || !ist_parse_integer(descr + 2, &bytes))
        return false;
    const bool machine_big = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
    const bool big = descr[0] == '>' || (descr[0] == '=' && machine_big);
    return (descr[0] != '|' || bytes == 1) && data_type_of(descr[1], bytes, big, type);
}

/* ---- the dictionary -------------------------------------------------------------------------- */

typedef struct {
    bool descr, order, shape;
    char type[64];
} seen_keys;

static bool take_entry(cursor *c, data_source *source, seen_keys *seen)
{
    char key[32];
    if (!take_string(c, key, sizeof key) || !take(c, ":"))
        return false;
    if (strcmp(key, "descr") == 0) {
        /* a structured type is a list; its text is not needed to refuse it */
        if (!take_string(c, seen->type, sizeof seen->type) && take(c, "["))
            memcpy(seen->type, "[...]", sizeof "[...]");
        return (seen->descr = *seen->type != '\0');
    }
    if (strcmp(key, "fortran_order") == 0) {
        source->fortran = take(c, "True");
        return (seen->order = source->fortran || take(c, "False"));
    }
    return strcmp(key, "shape") == 0 && (seen->shape = take_shape(c, &source->view));
}

ist_code data_npy_header(const char *header, size_t length, data_source *source, ist_error *error)
{
    cursor c = {header, header + length};
    seen_keys seen = {0};
    bool good = take(&c, "{");
    while (good && !take(&c, "}")) {
        good = take_entry(&c, source, &seen);
        if (good && seen.descr && !parse_type(seen.type, &source->type))
            return refuse_type(source->at, seen.type, error);
        if (good && !take(&c, ",")) {
            good = take(&c, "}");
            break;
        }
    }
    skip_blanks(&c);
    if (!good || c.at != c.end || !seen.descr || !seen.order || !seen.shape)
        return data_fail(source->at, error, IST_REFUSED,
                         "the .npy header is damaged (character %lld of %zu): save the array again",
                         (long long)(c.at - header), length);
    return IST_OK;
}
