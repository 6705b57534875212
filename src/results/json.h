/* A reader for the JSON that this room writes: journal lines and the lock. Nothing is copied: a
 * value is a run of bytes in somebody's text, checked for form before it is handed out. */
#ifndef IST_RESULTS_JSON_H
#define IST_RESULTS_JSON_H

#include "infostrata/base.h"

/* One value, without blanks around it. {0}: there is none. */
typedef struct {
    const char *start, *end;
} ist_json;

enum { IST_JSON_MEMBERS = 32 };

typedef struct {
    ist_json names[IST_JSON_MEMBERS], values[IST_JSON_MEMBERS];
    size_t count;
} ist_json_object;

/* The members of an object; false unless all of it, to the last byte, is well-formed. */
bool ist_json_open(ist_json text, ist_json_object *out);
/* {0} if there is none. */
ist_json ist_json_member(const ist_json_object *object, const char *name);
/* Walks an array: *cursor starts as {0}. False at its end. */
bool ist_json_next(ist_json array, ist_json *cursor);
bool ist_json_is_array(ist_json value);

/* Each is false if the value is missing or of another kind. A text is the caller's (ist_free) and
 * is not set otherwise. A real is a string in 17 digits, "inf", "-inf" or null for NaN. */
bool ist_json_text(ist_json value, char **out);
bool ist_json_equals(ist_json value, const char *text);
bool ist_json_integer(ist_json value, int64_t *out);
bool ist_json_real(ist_json value, double *out);
bool ist_json_hash(ist_json value, ist_hash *out);

/* The writing half: appends a real as above. */
void ist_json_add_real(ist_text *out, double value);

#endif
