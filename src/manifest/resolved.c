/* A job as a manifest again, with every default written out. */
#include "room.h"

#include <string.h>

/* ---- scalars --------------------------------------------------------------------------------- */

/* Text that YAML reads as itself without quotes, also between [ ] and { }. */
static bool is_plain(const char *text)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._+-/";
    bool sign = *text == '-' || *text == '+';
    if (sign && !(text[1] >= '0' && text[1] <= '9'))
        return false;
    return *text && strspn(text, letters) == strlen(text);
}

static void add_scalar(ist_text *out, const char *text)
{
    if (is_plain(text)) {
        ist_text_add(out, "%s", text);
    } else {
        ist_text_add_json(out, text); /* JSON's escapes are YAML's too */
    }
}

static void add_values(ist_text *out, const ist_value *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        ist_text_add(out, "%s", i ? ", " : "[");
        add_scalar(out, values[i].text);
    }
    ist_text_add(out, "]");
}

/* ---- the grid -------------------------------------------------------------------------------- */

static void add_selection(ist_text *out, const ist_job *job, const ist_selection *selection)
{
    for (size_t c = 0; c < selection->count; c++) {
        const ist_choice *choice = &selection->choices[c];
        const ist_axis *axis = &job->axes[choice->axis];
        ist_text_add(out, "%s%s: %s", c ? ", " : "{", axis->name, choice->others ? "others" : "[");
        for (size_t i = 0; i < choice->count; i++) {
            ist_text_add(out, "%s", i ? ", " : "");
            add_scalar(out, axis->values[choice->positions[i]].text);
        }
        ist_text_add(out, "%s", choice->others ? "" : "]");
    }
    ist_text_add(out, "}");
}

static void add_zips(ist_text *out, const ist_job *job)
{
    bool any = false;
    for (size_t a = 0; a < job->axis_count; a++) {
        bool first = job->axes[a].zip >= 0;
        for (size_t b = 0; b < a && first; b++)
            first = job->axes[b].zip != job->axes[a].zip;
        if (!first)
            continue;
        ist_text_add(out, "%s[%s", any ? ", " : "zip: [", job->axes[a].name);
        for (size_t b = a + 1; b < job->axis_count; b++) {
            if (job->axes[b].zip == job->axes[a].zip)
                ist_text_add(out, ", %s", job->axes[b].name);
        }
        ist_text_add(out, "]");
        any = true;
    }
    ist_text_add(out, "%s", any ? "]\n" : "");
}

static void add_grid(ist_text *out, const ist_job *job)
{
    for (size_t a = 0; a < job->axis_count; a++) {
        ist_text_add(out, "%s  %s: ", a ? "" : "grid:\n", job->axes[a].name);
        add_values(out, job->axes[a].values, job->axes[a].count);
        ist_text_add(out, "\n");
    }
    add_zips(out, job);
    for (size_t e = 0; e < job->exclude_count; e++) {
        ist_text_add(out, "%s  - ", e ? "" : "exclude:\n");
        add_selection(out, job, &job->excludes[e]);
        ist_text_add(out, "\n");
    }
}

/* ---- input ----------------------------------------------------------------------------------- */

/* A path relative to the manifest, seen from another folder. */
static char *move_path(const ist_job *job, const char *path, const char *folder)
{
    char *whole = ist_join_path(job->folder, path);
    char *moved = path[0] == '/' ? ist_copy_text(whole) : ist_relative_path(whole, folder);
    ist_free(whole);
    return moved;
}

static void add_address(ist_text *out, const ist_job *job, const char *address, const char *folder)
{
    ist_address parts = {0};
    ist_text moved = {0};
    ist_address_split(address, &parts);
    if (parts.file.length > 0) {
        char *file = move_path(job, parts.file.data, folder);
        ist_text_add(&moved, "%s%s", file, parts.dataset.length ? ":" : "");
        ist_free(file);
    }
    ist_text_add(&moved, "%s", parts.dataset.data);
    if (parts.index.length > 0)
        ist_text_add(&moved, "[%s]", parts.index.data);
    add_scalar(out, moved.data);
    ist_text_release(&moved);
    ist_address_release(&parts);
}

static void add_sources(ist_text *out, const ist_job *job, const char *key,
                        const ist_source *sources, size_t count, const char *folder)
{
    for (size_t i = 0; i < count; i++) {
        if (i == 0)
            ist_text_add(out, "  %s:\n", key);
        ist_text_add(out, "    ");
        add_scalar(out, sources[i].name);
        ist_text_add(out, ": %s", sources[i].pool ? "{path: " : "");
        add_address(out, job, sources[i].address, folder);
        ist_text_add(out, "%s\n", sources[i].pool ? ", pool: mean}" : "");
    }
}

static void add_samples(ist_text *out, const ist_job *job, const char *folder)
{
    const ist_samples *s = &job->samples;
    ist_text_add(out, "  samples: ");
    switch (s->kind) {
    case IST_SAMPLES_ALL: ist_text_add(out, "all"); break;
    case IST_SAMPLES_FIRST: ist_text_add(out, "{first: %lld}", (long long)s->count); break;
    case IST_SAMPLES_RANDOM:
        ist_text_add(out, "{random: %lld, seed: %lld}", (long long)s->count, (long long)s->seed);
        break;
    case IST_SAMPLES_PER_CLASS:
        ist_text_add(out, "{per_class: %lld, labels: ", (long long)s->count);
        add_scalar(out, s->labels.text);
        ist_text_add(out, ", seed: %lld}", (long long)s->seed);
        break;
    case IST_SAMPLES_ROWS:
        ist_text_add(out, "{rows: ");
        add_address(out, job, s->rows, folder);
        ist_text_add(out, "}");
        break;
    }
    ist_text_add(out, "\n");
}

static void add_input(ist_text *out, const ist_job *job, const char *folder)
{
    ist_text_add(out, "input:\n");
    if (job->file) {
        char *file = move_path(job, job->file, folder);
        ist_text_add(out, "  file: ");
        add_scalar(out, file);
        ist_text_add(out, "\n");
        ist_free(file);
    }
    if (job->layer_count == 0)
        ist_text_add(out, "  layers: all\n");
    add_sources(out, job, "layers", job->layers, job->layer_count, folder);
    add_sources(out, job, "labels", job->labels, job->label_count, folder);
    if (job->sample_id_given) {
        ist_text_add(out, "  sample_id: ");
        add_address(out, job, job->sample_id, folder);
        ist_text_add(out, "\n");
    }
    add_sources(out, job, "meta", job->meta, job->meta_count, folder);
    add_samples(out, job, folder);
    ist_text_add(out, "  deterministic: %s\n", job->deterministic ? "true" : "false");
}

/* ---- measures -------------------------------------------------------------------------------- */

static void add_names(ist_text *out, const char *key, const ist_name *names, size_t count)
{
    if (count == 0)
        return;
    ist_text_add(out, "      %s: [", key);
    for (size_t i = 0; i < count; i++) {
        ist_text_add(out, "%s", i ? ", " : "");
        add_scalar(out, names[i].text);
    }
    ist_text_add(out, "]\n");
}

static void add_pairs(ist_text *out, const ist_entry *entry)
{
    for (size_t i = 0; i < entry->pair_count; i++) {
        ist_text_add(out, "%s", i ? ", [" : "      pairs: [[");
        add_scalar(out, entry->pairs[i].first.text);
        ist_text_add(out, ", ");
        add_scalar(out, entry->pairs[i].second.text);
        ist_text_add(out, "]%s", i + 1 == entry->pair_count ? "]\n" : "");
    }
}

static void add_cells(ist_text *out, const ist_job *job, const char *key,
                      const ist_selection *selection)
{
    if (selection->count == 0)
        return;
    ist_text_add(out, "      %s: ", key);
    add_selection(out, job, selection);
    ist_text_add(out, "\n");
}

static void add_addresses(ist_text *out, const ist_job *job, const ist_param_values *addresses,
                          const char *folder)
{
    for (size_t i = 0; i < addresses->count; i++) {
        const char *text = addresses->values[i].text;
        ist_text_add(out, "%s", i ? ", " : "[");
        if (strcmp(text, IST_NO_ADDRESS) == 0)
            add_scalar(out, text);
        else
            add_address(out, job, text, folder);
    }
    ist_text_add(out, "]");
}

static void add_entry(ist_text *out, const ist_job *job, const ist_entry *entry, const char *folder)
{
    const ist_measure_schema *schema = job->schemas[entry->measure];
    ist_text_add(out, "  - %s:\n", schema->name);
    if (entry->all_layers && entry->pair_count == 0)
        ist_text_add(out, "      layers: all\n");
    add_names(out, "layers", entry->layers, entry->layer_count);
    add_names(out, "target", entry->targets, entry->target_count);
    add_pairs(out, entry);
    add_cells(out, job, "against", &entry->against);
    add_cells(out, job, "where", &entry->where);
    if (entry->permutations > 0) {
        ist_text_add(out, "      null: {permutations: %lld", (long long)entry->permutations);
        if (entry->has_within) {
            ist_text_add(out, ", within: ");
            add_scalar(out, entry->within.text);
        }
        ist_text_add(out, "}\n");
    }
    if (entry->has_by) {
        ist_text_add(out, "      by: ");
        add_scalar(out, entry->by.text);
        ist_text_add(out, "\n");
    }
    if (entry->subsets.count > 0)
        ist_text_add(out, "      subsets: {size: %lld, count: %lld, seed: %lld}\n",
                     (long long)entry->subsets.size, (long long)entry->subsets.count,
                     (long long)entry->subsets.seed);
    for (size_t p = 0; p < schema->param_count; p++) {
        ist_text_add(out, "      %s: ", schema->params[p].name);
        if (ist_param_is_address(&schema->params[p]))
            add_addresses(out, job, &entry->params[p], folder);
        else if (entry->params[p].count == 1)
            add_scalar(out, entry->params[p].values[0].text);
        else
            add_values(out, entry->params[p].values, entry->params[p].count);
        ist_text_add(out, "\n");
    }
}

void ist_job_write_resolved(const ist_job *job, const char *folder, ist_text *out)
{
    char *output = ist_relative_path(job->output, folder);
    ist_text_add(out, "version: 1\nname: ");
    add_scalar(out, job->name);
    ist_text_add(out, "\n");
    add_grid(out, job);
    add_input(out, job, folder);
    ist_text_add(out, "measures:\n");
    for (size_t e = 0; e < job->entry_count; e++)
        add_entry(out, job, &job->entries[e], folder);
    ist_text_add(out, "output: ");
    add_scalar(out, output);
    ist_text_add(out, "\n");
    ist_free(output);
}
