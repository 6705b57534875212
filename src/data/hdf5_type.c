/* HDF5's types: which are numbers, and what to do about the others. */
#include "hdf5_file.h"
#include "message.h"

#include <string.h>

/* The fields of IEEE 754 binary16, 32 and 64: sign, exponent, fraction. A float type of the same
 * size with other fields is another format, bfloat16 for one. */
static const struct {
    size_t bytes, sign, exponent, exponent_bits, fraction_bits, bias;
} ieee[] = {
    {2, 15, 10, 5, 10, 15},
    {4, 31, 23, 8, 23, 127},
    {8, 63, 52, 11, 52, 1023},
};

static bool is_big(hid_t stored)
{
    return H5Tget_order(stored) == H5T_ORDER_BE;
}

static bool is_plain_order(hid_t stored)
{
    const H5T_order_t order = H5Tget_order(stored);
    return order == H5T_ORDER_LE || order == H5T_ORDER_BE || order == H5T_ORDER_NONE;
}

static bool is_ieee(hid_t stored)
{
    size_t sign = 0;
    size_t exponent = 0;
    size_t exponent_bits = 0;
    size_t fraction = 0;
    size_t fraction_bits = 0;
    const size_t bytes = H5Tget_size(stored);
    if (H5Tget_fields(stored, &sign, &exponent, &exponent_bits, &fraction, &fraction_bits) < 0)
        return false;
    for (size_t k = 0; k < sizeof ieee / sizeof *ieee; k++)
        if (ieee[k].bytes == bytes)
            return sign == ieee[k].sign && exponent == ieee[k].exponent &&
                   exponent_bits == ieee[k].exponent_bits && fraction == 0 &&
                   fraction_bits == ieee[k].fraction_bits && H5Tget_ebias(stored) == ieee[k].bias &&
                   H5Tget_norm(stored) == H5T_NORM_IMPLIED && is_plain_order(stored);
    return false;
}

static bool is_whole_integer(hid_t stored)
{
    return H5Tget_precision(stored) == 8 * H5Tget_size(stored) && H5Tget_offset(stored) == 0 &&
           is_plain_order(stored);
}

static bool has_member(hid_t stored, unsigned k, const char *name, int value)
{
    int8_t found = -1;
    char *member = H5Tget_member_name(stored, k);
    const bool same = member && strcmp(member, name) == 0 &&
                      H5Tget_member_value(stored, k, &found) >= 0 && found == value;
    if (member)
        H5free_memory(member);
    return same;
}

/* h5py writes NumPy's bool as an enumeration of int8: FALSE = 0, TRUE = 1. */
static bool is_bool(hid_t stored)
{
    return H5Tget_class(stored) == H5T_ENUM && H5Tget_size(stored) == 1 &&
           H5Tget_nmembers(stored) == 2 && has_member(stored, 0, "FALSE", 0) &&
           has_member(stored, 1, "TRUE", 1);
}

static bool is_complex(hid_t stored)
{
    if (H5Tget_class(stored) != H5T_COMPOUND || H5Tget_nmembers(stored) != 2)
        return false;
    return H5Tget_member_index(stored, "r") == 0 && H5Tget_member_index(stored, "i") == 1;
}

/* ---- refusals -------------------------------------------------------------------------------- */

static const struct {
    H5T_class_t class;
    const char *what, *advice;
} refusals[] = {
    {H5T_STRING, "text", "number it: np.unique(values, return_inverse=True)[1]"},
    {H5T_COMPOUND, "a compound (record) type", "save each field as a dataset of its own"},
    {H5T_OPAQUE, "an opaque type",
     "save it as float32; bfloat16 tensors need .float() before "
     ".numpy(), as h5py keeps bfloat16 as opaque bytes"},
    {H5T_ENUM, "an enumeration", "save its integers: values.astype('int64')"},
    {H5T_BITFIELD, "a bit field", "save it as uint8: values.astype('uint8')"},
    {H5T_VLEN, "a variable-length (ragged) type", "save rows of equal length, N x d"},
    {H5T_ARRAY, "an array type",
     "save it with the array's dimensions as dimensions of the dataset"},
    {H5T_REFERENCE, "a reference type", "save the values themselves"},
    {H5T_TIME, "a time type", "save it as float64"},
};

static void describe_float(hid_t stored, ist_text *what, const char **advice)
{
    size_t field[5] = {0};
    H5Tget_fields(stored, &field[0], &field[1], &field[2], &field[3], &field[4]);
    const size_t bytes = H5Tget_size(stored);
    if (bytes == 2 && field[2] == 8)
        ist_text_add(what, "bfloat16");
    else
        ist_text_add(what, "a float of %zu bytes with %zu exponent and %zu fraction bits", bytes,
                     field[2], field[4]);
    *advice = bytes > 8 ? "save it as float64: values.astype('float64')"
                        : "save it as float32: tensor.float().numpy()";
}

static void describe(hid_t stored, ist_text *what, const char **advice)
{
    const H5T_class_t class = H5Tget_class(stored);
    if (class == H5T_FLOAT) {
        describe_float(stored, what, advice);
        return;
    }
    *advice = "save it as float32 or as an integer type";
    if (is_complex(stored)) {
        ist_text_add(what, "complex numbers");
        *advice = "save their real and imaginary parts side by side, values.view('float64'), or "
                  "their absolute values";
        return;
    }
    for (size_t k = 0; k < sizeof refusals / sizeof *refusals; k++) {
        if (refusals[k].class == class) {
            ist_text_add(what, "%s", refusals[k].what);
            *advice = refusals[k].advice;
            return;
        }
    }
    ist_text_add(what, "an integer of %zu bytes with %zu bits in use", H5Tget_size(stored),
                 H5Tget_precision(stored));
}

ist_code data_hdf5_type(const ist_location *at, hid_t stored, data_type *type, ist_error *error)
{
    const int64_t bytes = (int64_t)H5Tget_size(stored);
    const H5T_class_t class = H5Tget_class(stored);
    if (class == H5T_FLOAT && is_ieee(stored) && data_type_of('f', bytes, is_big(stored), type))
        return IST_OK;
    if (class == H5T_INTEGER && is_whole_integer(stored) &&
        data_type_of(H5Tget_sign(stored) == H5T_SGN_NONE ? 'u' : 'i', bytes, is_big(stored), type))
        return IST_OK;
    if (is_bool(stored) && data_type_of('b', 1, false, type))
        return IST_OK;
    ist_text what = {0};
    const char *advice = NULL;
    describe(stored, &what, &advice);
    data_fail(at, error, IST_REFUSED, "the type is %s; read are %s. %c%s", what.data,
              data_type_list, advice[0] - 'a' + 'A', advice + 1);
    ist_text_release(&what);
    return IST_REFUSED;
}
