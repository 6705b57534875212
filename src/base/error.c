#include "infostrata/base.h"

ist_code ist_fail(ist_error *error, ist_code code, const char *format, ...)
{
    if (error->code != IST_OK)
        return error->code;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    error->code = code;
    return code;
}
