// Values of a model file: from the text after an option's colon into the field of its section.
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model_parser.h"
#include "pins.h"

char *model_trim(char *text) {
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
    return model_fail(parser->error, parser->file, parser->line, "[%s] %s: expected %s, got '%.80s'", parser->title, option->name, wanted,
                text);
}

static bool parse_number(struct parser *parser, const struct option *option, char *text, double *value) {
    if (!read_number(text, value))
        return bad_value(parser, option, "a number", text);
    if (*value < option->minimum && option->minimum > 0 && option->minimum < 1e-300)
        return model_fail(parser->error, parser->file, parser->line, "[%s] %s: %g must be above 0", parser->title, option->name, *value);
    if (*value < option->minimum || *value > option->maximum)
        return model_fail(parser->error, parser->file, parser->line, "[%s] %s: %g is not between %g and %g", parser->title, option->name,
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
            model_fail(parser->error, parser->file, parser->line, "[%s] %s: more than %d numbers", parser->title, option->name, most);
            return -1;
        }
        if (!parse_number(parser, option, model_trim(item), &values[count++]))
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
        return model_fail(parser->error, parser->file, parser->line, "[%s] %s: expected %d numbers separated by commas, got %d",
                    parser->title, option->name, option->count, count);
    return true;
}

static bool parse_row(struct parser *parser, const struct option *option, char *text) {
    struct bed_model *bed = &parser->model->bed;
    if (bed->rows == BED_ROWS_MAX)
        return model_fail(parser->error, parser->file, parser->line, "[bed] row: more than %d rows", BED_ROWS_MAX);
    int count = parse_list(parser, option, text, bed->heights[bed->rows], BED_COLUMNS_MAX);
    if (count < 0)
        return false;
    if (bed->rows && count != bed->columns)
        return model_fail(parser->error, parser->file, parser->line, "[bed] row: %d heights, the first row has %d", count, bed->columns);
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
        if (count == 3 || !ohms || !read_number(model_trim(item), &points[count][0]) ||
            !read_number(model_trim(ohms), &points[count][1]) || points[count][0] <= -273.15 || points[count][1] <= 0)
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
    return model_fail(parser->error, parser->file, parser->line, "[%s] %s: '%.80s' is none of: %s", parser->title, option->name, text,
                option->choices);
}

static bool parse_flag(struct parser *parser, const struct option *option, const char *text, bool *value) {
    *value = !strcmp(text, "yes");
    return *value || !strcmp(text, "no") || bad_value(parser, option, "yes or no", text);
}

static bool parse_name(struct parser *parser, const struct option *option, const char *text, char *name) {
    size_t length = strlen(text);
    if (length == 0 || length >= NAME_SIZE)
        return model_fail(parser->error, parser->file, parser->line, "[%s] %s: a name has 1 to %d letters", parser->title, option->name,
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
    if (!read_number(model_trim(text), ratio) || (colon && !read_number(model_trim(colon), &below)) || *ratio <= 0 || below <= 0)
        return bad_value(parser, option, "a ratio like 80:20", text);
    *ratio /= below;
    return true;
}

bool model_parse_value(struct parser *parser, const struct option *option, char *text) {
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

