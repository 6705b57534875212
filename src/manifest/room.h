/* What the files of this room share. Text goes one way: bytes -> tree of places and texts (tree.c)
 * -> typed job (job.c and the readers below), and every fault on the way to one list. */
#ifndef IST_MANIFEST_ROOM_H
#define IST_MANIFEST_ROOM_H

#include "infostrata/manifest.h"

/* ---- messages (messages.def) ----------------------------------------------------------------- */

/* Each is a constant the compiler can check arguments against; a test walks the same list. */
#define IST_MESSAGE(id, text) __attribute__((unused)) static const char MSG_##id[] = text;
#define IST_PART IST_MESSAGE
#include "messages.def"
#undef IST_PART
#undef IST_MESSAGE

/* Where a place stands in the text; NULL behind its end (faults.c). */
const char *text_at(const char *text, ist_place place);

/* ---- memory of one owner (pool.c) ------------------------------------------------------------ */

/* Everything of a job, or of one reading, is released at once: no reader frees anything. */
typedef struct pool_item pool_item;
typedef struct {
    pool_item *last;
} pool;

void *pool_alloc(pool *owner, size_t count, size_t size);
char *pool_copy(pool *owner, const char *text);
char *pool_format(pool *owner, const char *format, ...) IST_PRINTF(2, 3);
/* Hands the text's bytes to the pool and empties the text. */
char *pool_take(pool *owner, ist_text *text);
void pool_release(pool *owner);

/* What ist_job_parse really allocates; the job is its first member. */
typedef struct {
    ist_job job;
    pool memory;
} owned_job;

/* ---- sorted lookup (index.c) ----------------------------------------------------------------- */

typedef struct {
    const ist_value *value;
    size_t position;
} index_item;

/* Values sorted: numbers by number, then words by text; equal ones by position. */
typedef struct {
    index_item *items;
    size_t count;
} value_index;

int value_compare(const ist_value *a, const ist_value *b);
value_index index_make(pool *owner, const ist_value *values, size_t count);
/* Position of an equal value, or SIZE_MAX. */
size_t index_find(const value_index *index, const ist_value *value);
size_t index_find_word(const value_index *index, const char *word);
/* A number if the text is one, else a word; the text is not copied. */
ist_value value_of(const char *text);

/* ---- the tree of the text (tree.c) ----------------------------------------------------------- */

enum { MANIFEST_BYTES = 1 << 20, MANIFEST_DEPTH = 16, KEY_BYTES = 128, MANIFEST_SCALARS = 100000 };

typedef enum { NODE_SCALAR, NODE_LIST, NODE_MAP } node_kind;

typedef struct node node;
struct node {
    node_kind kind;
    bool broken; /* a fault was told already: readers pass over it in silence */
    bool quoted;
    ist_place place;
    const char *text; /* of a scalar */
    node **items;     /* of a list; of a map key, value, key, value, ... */
    size_t count;     /* entries: items of a list, pairs of a map */
};

static inline const node *map_key(const node *map, size_t i)
{
    return map->items[2 * i];
}
static inline const node *map_value(const node *map, size_t i)
{
    return map->items[2 * i + 1];
}

/* NULL if the text cannot be read as YAML at all; else the tree, also where faults were added. */
node *tree_read(pool *owner, const char *text, size_t length, ist_faults *faults);

/* Values of the command line, into the tree. Their places have negative lines, -1 the last one's: faults name the setting (settings.c). */
void apply_settings(pool *memory, node *root, const ist_overrides *overrides, ist_faults *faults);

/* A fault of libyaml's in plain words (syntax.c). `parser` is a yaml_parser_t in error. */
void syntax_fault(const void *parser, const char *text, size_t length, ist_faults *faults);

/* ---- reading (walk.c, suggest.c) ------------------------------------------------------------- */

typedef struct {
    ist_job *job;
    pool *memory;  /* of the job */
    pool *scratch; /* of the reading */
    ist_faults *faults;
    const char **axis_names;
    value_index *on_axis;         /* by axis: its values */
    value_index layers, labels;   /* their names */
    bool axes_known, names_known; /* false where a fault hides them: names are not judged then */
    bool file_given;              /* input.file */
} reader;

/* One key of a map: who reads its value into `into`. */
typedef struct {
    const char *name;
    void (*read)(reader *r, const char *key, const node *value, void *into);
    bool required;
} key_spec;

/* Calls the keys' readers in the order of the table; unknown and missing keys are faults. `where`
 * is what messages call the map. False if it is not a map. */
bool walk_map(reader *r, const node *map, const char *where, const key_spec *keys, size_t count,
              void *into);
const node *map_get(const node *map, const char *key);
/* Unknown keys only, for maps whose keys come from elsewhere than one table. */
void check_keys(reader *r, const node *map, const char *where, const char *const *known,
                size_t count);
/* "a list", "a map", "nothing" or the quoted text, shortened. */
const char *describe(reader *r, const node *value);
/* As describe; of a list, also how long it is. */
const char *describe_list(reader *r, const node *value);
/* The text shortened to what a message can bear. */
const char *shown(reader *r, const char *text);

/* Expect a kind; else a fault "<what> must be <kind>, not ..." and NULL or false. */
const char *want_word(reader *r, const char *what, const char *kind, const node *value);
bool want_integer(reader *r, const char *what, const node *value, int64_t least, int64_t most,
                  int64_t *out);
bool want_real(reader *r, const char *what, const node *value, double *out);
bool want_map(reader *r, const char *what, const char *kind, const node *value);
bool want_list(reader *r, const char *what, const char *kind, const node *value);
/* A scalar counts as a list of one: the items of `value` as an array; *count 0 after a fault. */
const node *const *want_items(reader *r, const char *what, const char *kind, const node *value,
                              size_t *count);
/* Place of a later position inside a scalar. */
ist_place place_inside(const node *scalar, size_t byte);

/* Would a fault here be kept? Not every one of 50,000 unknown names needs its suggestion. */
bool fault_counts(const reader *r, ist_place place);
/* " (did you mean 'k'?)", else " (known: a, b, c)". */
const char *suggestion(reader *r, const char *word, const char *const *known, size_t count);
/* The second half alone; "" if nothing is known. */
const char *known_words(reader *r, const char *const *known, size_t count);
/* The fault for an unknown key; knows where else the key would be right. */
void unknown_key(reader *r, const node *key, const char *where, const char *const *known,
                 size_t count);

/* ---- the parts of a job ---------------------------------------------------------------------- */

extern const key_spec top_keys[], input_keys[], entry_keys[];
extern const size_t top_key_count, input_key_count, entry_key_count;

void read_grid(reader *r, const char *key, const node *value, void *into); /* grid.c */
void read_zip(reader *r, const char *key, const node *value, void *into);  /* grid.c */
/* The axis of a name; NULL after a fault. */
ist_axis *find_axis(reader *r, const node *name, const char *where);           /* grid.c */
void read_exclude(reader *r, const char *key, const node *value, void *into);  /* selection.c */
void read_input(reader *r, const char *key, const node *value, void *into);    /* input.c */
void read_measures(reader *r, const char *key, const node *value, void *into); /* entry.c */
/* One axis' values from any of its forms; false after a fault. */
bool read_axis_values(reader *r, const node *value, ist_axis *axis); /* axis.c */
void check_cells(reader *r, const node *grid, const node *exclude);  /* cells.c */
/* axis: value | [values] (| others). */
void read_selection(reader *r, const char *where, const node *value, bool others,
                    ist_selection *out); /* selection.c */
void read_params(reader *r, const ist_measure_schema *schema, const node *map,
                 ist_entry *entry);                                           /* params.c */
void read_subsets(reader *r, const char *key, const node *value, void *into); /* subsets.c */
/* Beside `subsets` a measure makes no standard error: its `se` is `none`, and no other can be given. */
void leave_error_out(reader *r, bool given, ist_param_values *se); /* subsets.c */
/* Sorts the names of layers and labels, and judges them together. */
void index_sources(reader *r); /* input.c */
/* Gives the names of entries their positions, and judges what is left (names.c). */
void resolve_entries(reader *r);
/* A name for layers, labels, meta: not empty, nothing an address or a record could trip over. */
bool name_is_good(const char *text);

/* ---- templates and addresses (template.c, address.c) ----------------------------------------- */

typedef enum {
    PIECE_END,
    PIECE_TEXT,
    PIECE_AXIS,
    PIECE_OPEN,
    PIECE_UNKNOWN,
    PIECE_FORMAT
} piece_kind;
typedef enum { AS_WRITTEN, AS_POSITION, AS_INTEGER, AS_FIXED } piece_format;

/* One part of a template: plain text, or {axis} with its format. The last three kinds are faults:
 * a brace without its other half, an unknown axis, an unknown format. */
typedef struct {
    piece_kind kind;
    const char *text; /* the part itself, with braces */
    size_t length;
    size_t name_length; /* of the axis name at text + 1 */
    size_t axis;
    piece_format format;
    bool zeros;
    int width, precision;
} piece;

/* The part at *cursor, and steps behind it. */
piece next_piece(const ist_job *job, const char **cursor);
/* False after a fault about the axes and formats in a template. */
bool check_template(reader *r, const node *scalar);

/* What kind of data an address stands for: how many dimensions its index must keep. */
typedef enum { ADDRESS_LAYER, ADDRESS_VECTOR, ADDRESS_SCALAR } address_kind;
bool check_address(reader *r, const node *scalar, address_kind kind);
bool ends_with(const char *text, size_t length, const char *end);

#endif
