#include "units.h"

void ist_add_bytes(ist_text *out, int64_t bytes)
{
    static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB", "PB"};
    double value = (double)bytes;
    size_t unit = 0;
    while (value >= 999.5 && unit + 1 < sizeof units / sizeof units[0]) {
        value /= 1000;
        unit++;
    }
    ist_text_add(out, "%.*f %s", unit > 0 && value < 9.95 ? 1 : 0, value, units[unit]);
}

void ist_add_count(ist_text *out, int64_t count)
{
    char digits[32];
    int length = snprintf(digits, sizeof digits, "%lld", (long long)count);
    for (int i = 0; i < length; i++) {
        bool group = i > 0 && (length - i) % 3 == 0 && digits[i - 1] != '-';
        ist_text_add(out, "%s%c", group ? "," : "", digits[i]);
    }
}

void ist_add_large(ist_text *out, double number)
{
    if (number < 1e6) {
        ist_add_count(out, (int64_t)number);
    } else {
        ist_text_add(out, "%.2g", number);
    }
}

void ist_add_duration(ist_text *out, double seconds)
{
    long long whole = (long long)(seconds + 0.5);
    if (seconds < 9.95) {
        ist_text_add(out, "%.1f s", seconds);
    } else if (whole < 60) {
        ist_text_add(out, "%lld s", whole);
    } else if (whole < 3600) {
        ist_text_add(out, "%lld min %lld s", whole / 60, whole % 60);
    } else if (whole < 48 * 3600LL) {
        ist_text_add(out, "%lld h %lld min", whole / 3600, whole / 60 % 60);
    } else {
        ist_text_add(out, "%lld days %lld h", whole / 86400, whole / 3600 % 24);
    }
}
