/* Numbers as text: the same bytes in every locale. */
#include "infostrata/base.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* strtod and printf take the decimal point of the locale that a library may have set. For "C",
 * newlocale hands out a constant object of the C library: nothing is allocated. */
static locale_t c_locale(void)
{
    return newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

static size_t digits(const char *text)
{
    return strspn(text, "0123456789");
}

/* [+-] digits [. digits] [e [+-] digits], with a digit before or after the point. */
static bool is_decimal(const char *text)
{
    if (*text == '+' || *text == '-')
        text++;
    size_t before = digits(text), after = 0;
    text += before;
    if (*text == '.') {
        after = digits(text + 1);
        text += 1 + after;
    }
    if (before + after == 0)
        return false;
    if (*text == 'e' || *text == 'E') {
        text++;
        if (*text == '+' || *text == '-')
            text++;
        if (digits(text) == 0)
            return false;
        text += digits(text);
    }
    return *text == '\0';
}

bool ist_parse_real(const char *text, double *value)
{
    if (!is_decimal(text))
        return false;
    locale_t c = c_locale();
    double number = strtod_l(text, NULL, c);
    freelocale(c);
    if (!isfinite(number))
        return false;
    *value = number;
    return true;
}

bool ist_parse_integer(const char *text, int64_t *value)
{
    const char *at = text + (*text == '+' || *text == '-');
    if (digits(at) == 0 || at[digits(at)] != '\0')
        return false;
    errno = 0;
    long long number = strtoll(text, NULL, 10);
    if (errno == ERANGE)
        return false;
    *value = number;
    return true;
}

static const char *print(double value, int digits_kept, char buffer[IST_REAL_TEXT])
{
    locale_t c = c_locale(), before = uselocale(c);
    snprintf(buffer, IST_REAL_TEXT, "%.*g", digits_kept, value);
    uselocale(before);
    freelocale(c);
    return buffer;
}

const char *ist_format_real(double value, char buffer[IST_REAL_TEXT])
{
    if (isnan(value)) {
        buffer[0] = '\0';
        return buffer;
    }
    return print(value, 17, buffer);
}

const char *ist_format_short(double value, char buffer[IST_REAL_TEXT])
{
    if (!isfinite(value))
        return ist_format_real(value, buffer);
    /* Few digits would turn 1000 into 1e+03: whole numbers of up to 15 digits stay as they are. */
    if (fabs(value) < 1e15 && value == floor(value))
        return print(value, 15, buffer);
    for (int kept = 1; kept < 17; kept++) {
        double back = 0;
        if (ist_parse_real(print(value, kept, buffer), &back) && back == value)
            return buffer;
    }
    return print(value, 17, buffer);
}
