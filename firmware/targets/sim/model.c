// The parser of model files: lines "[kind name]" and "option: value", comments after "#".
#include "model.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model_tables.h"
#include "pins.h"

enum { LINE_SIZE = 512 };

struct parser {
    struct model *model;
    const char *file;
    int line;
    char *error;
    const struct section_kind *kind; // of the section that is being read
    char *element;                   // its struct
    char title[NAME_SIZE * 2];       // "motor x"
    int start_line;
    bool given[OPTIONS_MAX];
    bool axis_seen[AXES];
    uint32_t kinds_seen;
};

static bool fail(struct parser *parser, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static bool fail(struct parser *parser, int line, const char *format, ...) {
    int used = snprintf(parser->error, MODEL_ERROR_SIZE, "%s:%d: ", parser->file, line);
    if (used < 0 || used >= MODEL_ERROR_SIZE)
        return false;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(parser->error + used, (size_t)(MODEL_ERROR_SIZE - used), format, arguments);
    va_end(arguments);
    return false;
}

static char *trim(char *text) {
    while (isspace((unsigned char)*text))
        text++;
    size_t length = strlen(text);
    while (length && isspace((unsigned char)text[length - 1]))
        text[--length] = 0;
    return text;
}

// A finite number that fills all of `text`.
static bool read_number(const char *text, double *value) {
    char *end;
    errno = 0;
    *value = strtod(text, &end);
    return end != text && !*end && errno == 0 && isfinite(*value);
}

static bool bad_value(struct parser *parser, const struct option *option, const char *wanted, const char *text) {
    return fail(parser, parser->line, "[%s] %s: expected %s, got '%.80s'", parser->title, option->name, wanted,
                text);
}

static bool parse_number(struct parser *parser, const struct option *option, char *text, double *value) {
    if (!read_number(text, value))
        return bad_value(parser, option, "a number", text);
    if (*value < option->minimum && option->minimum > 0 && option->minimum < 1e-300)
        return fail(parser, parser->line, "[%s] %s: %g must be above 0", parser->title, option->name, *value);
    if (*value < option->minimum || *value > option->maximum)
        return fail(parser, parser->line, "[%s] %s: %g is not between %g and %g", parser->title, option->name,
                    *value, option->minimum, option->maximum);
    return true;
}

// Numbers separated by commas; returns how many, or -1 after an error.
static int parse_list(struct parser *parser, const struct option *option, char *text, double *values, int most) {
    int count = 0;
    for (char *item = text; item;) {
        char *comma = strchr(item, ',');
        if (comma)
            *comma++ = 0;
        if (count == most) {
            fail(parser, parser->line, "[%s] %s: more than %d numbers", parser->title, option->name, most);
            return -1;
        }
        if (!parse_number(parser, option, trim(item), &values[count++]))
            return -1;
        item = comma;
    }
    return count;
}

static bool parse_numbers(struct parser *parser, const struct option *option, char *text, double *values) {
    int count = parse_list(parser, option, text, values, option->count);
    if (count < 0)
        return false;
    if (count != option->count)
        return fail(parser, parser->line, "[%s] %s: expected %d numbers separated by commas, got %d",
                    parser->title, option->name, option->count, count);
    return true;
}

static bool parse_row(struct parser *parser, const struct option *option, char *text) {
    struct bed_model *bed = &parser->model->bed;
    if (bed->rows == BED_ROWS_MAX)
        return fail(parser, parser->line, "[bed] row: more than %d rows", BED_ROWS_MAX);
    int count = parse_list(parser, option, text, bed->heights[bed->rows], BED_COLUMNS_MAX);
    if (count < 0)
        return false;
    if (bed->rows && count != bed->columns)
        return fail(parser, parser->line, "[bed] row: %d heights, the first row has %d", count, bed->columns);
    bed->columns = count;
    bed->rows++;
    return true;
}

static bool parse_points(struct parser *parser, const struct option *option, char *text, double points[3][2]) {
    int count = 0;
    for (char *item = strtok(text, ","); item; item = strtok(NULL, ","), count++) {
        char *ohms = strchr(item, '=');
        if (ohms)
            *ohms++ = 0;
        if (count == 3 || !ohms || !read_number(trim(item), &points[count][0]) ||
            !read_number(trim(ohms), &points[count][1]) || points[count][0] <= -273.15 || points[count][1] <= 0)
            return bad_value(parser, option, "three pairs like '25=100000, 150=1642, 250=227'", item);
    }
    return count == 3 || bad_value(parser, option, "three pairs, temperature=ohms", "fewer");
}

static bool parse_choice(struct parser *parser, const struct option *option, const char *text, int *value) {
    char words[64];
    snprintf(words, sizeof(words), "%s", option->choices);
    *value = 0;
    for (char *word = strtok(words, " "); word; word = strtok(NULL, " "), ++*value)
        if (!strcmp(word, text))
            return true;
    return fail(parser, parser->line, "[%s] %s: '%.80s' is none of: %s", parser->title, option->name, text,
                option->choices);
}

static bool parse_flag(struct parser *parser, const struct option *option, const char *text, bool *value) {
    *value = !strcmp(text, "yes");
    return *value || !strcmp(text, "no") || bad_value(parser, option, "yes or no", text);
}

static bool parse_name(struct parser *parser, const struct option *option, const char *text, char *name) {
    size_t length = strlen(text);
    if (length == 0 || length >= NAME_SIZE)
        return fail(parser, parser->line, "[%s] %s: a name has 1 to %d letters", parser->title, option->name,
                    NAME_SIZE - 1);
    memcpy(name, text, length + 1);
    return true;
}

static bool parse_pin(struct parser *parser, const struct option *option, const char *text, struct pin_ref *ref) {
    ref->inverted = *text == '!';
    ref->pin = pin_number(text + ref->inverted);
    ref->line = parser->line;
    return ref->pin >= 0 || bad_value(parser, option, "a pin from PA0 to PH15, '!' in front if inverted", text);
}

static bool parse_ratio(struct parser *parser, const struct option *option, char *text, double *ratio) {
    char *colon = strchr(text, ':');
    double below = 1;
    if (colon)
        *colon++ = 0;
    if (!read_number(trim(text), ratio) || (colon && !read_number(trim(colon), &below)) || *ratio <= 0 || below <= 0)
        return bad_value(parser, option, "a ratio like 80:20", text);
    *ratio /= below;
    return true;
}

static bool parse_value(struct parser *parser, const struct option *option, char *text) {
    void *value = parser->element + option->offset;
    if (option->given)
        *(bool *)(parser->element + option->given) = true;
    switch (option->type) {
    case OPTION_NUMBER:
        return parse_number(parser, option, text, value);
    case OPTION_NUMBERS:
        return parse_numbers(parser, option, text, value);
    case OPTION_FLAG:
        return parse_flag(parser, option, text, value);
    case OPTION_CHOICE:
        return parse_choice(parser, option, text, value);
    case OPTION_NAME:
        return parse_name(parser, option, text, value);
    case OPTION_PIN:
        return parse_pin(parser, option, text, value);
    case OPTION_RATIO:
        return parse_ratio(parser, option, text, value);
    case OPTION_ROW:
        return parse_row(parser, option, text);
    case OPTION_POINTS:
        return parse_points(parser, option, text, value);
    }
    return false;
}

static bool unknown_option(struct parser *parser, const char *name) {
    char known[256];
    size_t used = 0;
    for (size_t i = 0; i < parser->kind->option_count && used < sizeof(known); i++)
        used += (size_t)snprintf(known + used, sizeof(known) - used, " %s", parser->kind->options[i].name);
    return fail(parser, parser->line, "[%s] has no option '%.40s'; it has:%s", parser->title, name, known);
}

static bool parse_option(struct parser *parser, char *text) {
    char *colon = strchr(text, ':');
    if (!colon)
        return fail(parser, parser->line, "expected 'option: value' or '[section]', got '%.80s'", text);
    *colon = 0;
    char *name = trim(text);
    if (!parser->kind)
        return fail(parser, parser->line, "option '%.40s' before the first section", name);
    for (size_t i = 0; i < parser->kind->option_count; i++) {
        const struct option *option = &parser->kind->options[i];
        if (strcmp(option->name, name))
            continue;
        if (parser->given[i] && option->type != OPTION_ROW)
            return fail(parser, parser->line, "[%s] %s is given twice", parser->title, name);
        parser->given[i] = true;
        return parse_value(parser, option, trim(colon + 1));
    }
    return unknown_option(parser, name);
}

// The section that was being read is complete: is anything missing?
static bool finish_section(struct parser *parser) {
    if (!parser->kind)
        return true;
    for (size_t i = 0; i < parser->kind->option_count; i++)
        if (parser->kind->options[i].required && !parser->given[i])
            return fail(parser, parser->start_line, "[%s] needs the option '%s'", parser->title,
                        parser->kind->options[i].name);
    return true;
}

static const struct section_kind *find_kind(const char *name) {
    for (size_t i = 0; i < section_kind_count; i++)
        if (!strcmp(section_kinds[i].name, name))
            return &section_kinds[i];
    return NULL;
}

// Is there an element of `kind` with this name already?
static bool name_taken(struct parser *parser, const struct section_kind *kind, int count, const char *name) {
    const char *base = (const char *)parser->model + kind->offset;
    for (int i = 0; i < count; i++)
        if (!strcmp(((const struct section *)(base + (size_t)i * kind->size))->name, name))
            return true;
    return false;
}

// Point `element` at the struct for a new section.
static bool open_element(struct parser *parser, const struct section_kind *kind, const char *name) {
    char *base = (char *)parser->model + kind->offset;
    int index = 0;
    if (!kind->named) {
        uint32_t bit = 1u << (kind - section_kinds);
        if (parser->kinds_seen & bit)
            return fail(parser, parser->line, "[%s] is given twice", parser->title);
        parser->kinds_seen |= bit;
        parser->element = base;
        if (kind->size != sizeof(struct model) || !strcmp(kind->name, "printer"))
            ((struct section *)base)->line = parser->line;
        return true;
    }
    if (!kind->count_offset) { // an axis
        const char *letters = "xyz", *letter = strlen(name) == 1 ? strchr(letters, *name) : NULL;
        if (!letter)
            return fail(parser, parser->line, "[%s]: an axis is x, y or z", parser->title);
        index = (int)(letter - letters);
        if (parser->axis_seen[index])
            return fail(parser, parser->line, "[%s] is given twice", parser->title);
        parser->axis_seen[index] = true;
    } else {
        int *count = (int *)((char *)parser->model + kind->count_offset);
        if (name_taken(parser, kind, *count, name))
            return fail(parser, parser->line, "[%s] is given twice", parser->title);
        if (*count == kind->maximum)
            return fail(parser, parser->line, "[%s]: more than %d of them", parser->title, kind->maximum);
        index = (*count)++;
    }
    parser->element = base + (size_t)index * kind->size;
    struct section *section = (struct section *)parser->element;
    snprintf(section->name, sizeof(section->name), "%s", name);
    section->line = parser->line;
    return true;
}

static bool parse_section(struct parser *parser, char *text) {
    size_t length = strlen(text);
    if (text[length - 1] != ']')
        return fail(parser, parser->line, "expected ']' at the end of '%.80s'", text);
    text[length - 1] = 0;
    char *name = trim(text + 1), *blank = name;
    while (*blank && !isspace((unsigned char)*blank))
        blank++;
    char *own = "";
    if (*blank) {
        *blank = 0;
        own = trim(blank + 1);
    }
    if (!finish_section(parser))
        return false;
    const struct section_kind *kind = find_kind(name);
    if (!kind)
        return fail(parser, parser->line, "there is no section [%.40s]", name);
    if (kind->named && (!*own || strlen(own) >= NAME_SIZE))
        return fail(parser, parser->line, "[%s] needs a name of 1 to %d letters", name, NAME_SIZE - 1);
    for (char *c = own; *c; c++)
        if (!isalnum((unsigned char)*c) && *c != '_' && *c != '-')
            return fail(parser, parser->line, "[%s %.30s]: a name has letters, digits, '_' and '-'", name, own);
    if (!kind->named && *own)
        return fail(parser, parser->line, "[%s] has no name of its own", name);
    snprintf(parser->title, sizeof(parser->title), "%s%s%s", name, *own ? " " : "", own);
    parser->start_line = parser->line;
    memset(parser->given, 0, sizeof(parser->given));
    parser->kind = kind;
    return open_element(parser, kind, own);
}

static bool parse_line(struct parser *parser, char *text) {
    char *comment = strchr(text, '#');
    if (comment)
        *comment = 0;
    text = trim(text);
    if (!*text)
        return true;
    return *text == '[' ? parse_section(parser, text) : parse_option(parser, text);
}

// What must be there for the rest to make sense.
static bool check_presence(struct parser *parser) {
    if (!(parser->kinds_seen & (1u << (find_kind("printer") - section_kinds))))
        return fail(parser, parser->line, "the section [printer] is missing");
    for (int i = 0; i < AXES; i++)
        if (!parser->axis_seen[i])
            return fail(parser, parser->line, "the section [axis %c] is missing", "xyz"[i]);
    return true;
}

bool model_parse(struct model *model, const char *file, const char *text, char error[MODEL_ERROR_SIZE]) {
    struct parser parser = {.model = model, .file = file, .error = error};
    model_defaults(model);
    while (*text) {
        char line[LINE_SIZE];
        size_t length = strcspn(text, "\n");
        parser.line++;
        if (length >= sizeof(line))
            return fail(&parser, parser.line, "the line is longer than %d letters", LINE_SIZE - 1);
        memcpy(line, text, length);
        line[length] = 0;
        if (!parse_line(&parser, line))
            return false;
        text += length + (text[length] == '\n');
    }
    return finish_section(&parser) && check_presence(&parser) && model_check(model, file, error);
}

bool model_load(struct model *model, const char *file, char error[MODEL_ERROR_SIZE]) {
    static char text[65536];
    FILE *stream = fopen(file, "r");
    if (!stream) {
        snprintf(error, MODEL_ERROR_SIZE, "%s: %s", file, strerror(errno));
        return false;
    }
    size_t length = fread(text, 1, sizeof(text), stream);
    bool broken = ferror(stream), too_long = length == sizeof(text);
    fclose(stream);
    if (broken || too_long || memchr(text, 0, length)) {
        snprintf(error, MODEL_ERROR_SIZE, "%s: %s", file,
                 broken ? "cannot be read" : too_long ? "longer than 64 KiB" : "not a text file");
        return false;
    }
    text[length] = 0;
    return model_parse(model, file, text, error);
}

double motor_step_distance(const struct motor_model *motor) {
    return motor->rotation_distance / (motor->full_steps * motor->microsteps * motor->gear_ratio);
}
