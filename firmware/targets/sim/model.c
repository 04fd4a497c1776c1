// The parser of model files: lines "[kind name]" and "option: value", comments after "#".
#include "model.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "model_parser.h"

enum { LINE_SIZE = 512 };

bool model_fail(char *error, const char *file, int line, const char *format, ...) {
    int used = snprintf(error, MODEL_ERROR_SIZE, "%s:%d: ", file, line);
    if (used < 0 || used >= MODEL_ERROR_SIZE)
        return false;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error + used, (size_t)(MODEL_ERROR_SIZE - used), format, arguments);
    va_end(arguments);
    return false;
}


static bool unknown_option(struct parser *parser, const char *name) {
    char known[256];
    size_t used = 0;
    for (size_t i = 0; i < parser->kind->option_count && used < sizeof(known); i++)
        used += (size_t)snprintf(known + used, sizeof(known) - used, " %s", parser->kind->options[i].name);
    return model_fail(parser->error, parser->file, parser->line, "[%s] has no option '%.40s'; it has:%s", parser->title, name, known);
}

static bool parse_option(struct parser *parser, char *text) {
    char *colon = strchr(text, ':');
    if (!colon)
        return model_fail(parser->error, parser->file, parser->line, "expected 'option: value' or '[section]', got '%.80s'", text);
    *colon = 0;
    char *name = model_trim(text);
    if (!parser->kind)
        return model_fail(parser->error, parser->file, parser->line, "option '%.40s' before the first section", name);
    for (size_t i = 0; i < parser->kind->option_count; i++) {
        const struct option *option = &parser->kind->options[i];
        if (strcmp(option->name, name))
            continue;
        if (parser->given[i] && option->type != OPTION_ROW)
            return model_fail(parser->error, parser->file, parser->line, "[%s] %s is given twice", parser->title, name);
        parser->given[i] = true;
        return model_parse_value(parser, option, model_trim(colon + 1));
    }
    return unknown_option(parser, name);
}

// The section that was being read is complete: is anything missing?
static bool finish_section(struct parser *parser) {
    if (!parser->kind)
        return true;
    for (size_t i = 0; i < parser->kind->option_count; i++)
        if (parser->kind->options[i].required && !parser->given[i])
            return model_fail(parser->error, parser->file, parser->start_line, "[%s] needs the option '%s'", parser->title,
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
            return model_fail(parser->error, parser->file, parser->line, "[%s] is given twice", parser->title);
        parser->kinds_seen |= bit;
        parser->element = base;
        if (kind->size != sizeof(struct model) || !strcmp(kind->name, "printer"))
            ((struct section *)base)->line = parser->line;
        return true;
    }
    if (!kind->count_offset) { // an axis
        const char *letters = "xyz", *letter = strlen(name) == 1 ? strchr(letters, *name) : NULL;
        if (!letter)
            return model_fail(parser->error, parser->file, parser->line, "[%s]: an axis is x, y or z", parser->title);
        index = (int)(letter - letters);
        if (parser->axis_seen[index])
            return model_fail(parser->error, parser->file, parser->line, "[%s] is given twice", parser->title);
        parser->axis_seen[index] = true;
    } else {
        int *count = (int *)((char *)parser->model + kind->count_offset);
        if (name_taken(parser, kind, *count, name))
            return model_fail(parser->error, parser->file, parser->line, "[%s] is given twice", parser->title);
        if (*count == kind->maximum)
            return model_fail(parser->error, parser->file, parser->line, "[%s]: more than %d of them", parser->title, kind->maximum);
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
        return model_fail(parser->error, parser->file, parser->line, "expected ']' at the end of '%.80s'", text);
    text[length - 1] = 0;
    char *name = model_trim(text + 1), *blank = name;
    while (*blank && !isspace((unsigned char)*blank))
        blank++;
    char *own = "";
    if (*blank) {
        *blank = 0;
        own = model_trim(blank + 1);
    }
    if (!finish_section(parser))
        return false;
    const struct section_kind *kind = find_kind(name);
    if (!kind)
        return model_fail(parser->error, parser->file, parser->line, "there is no section [%.40s]", name);
    if (kind->named && (!*own || strlen(own) >= NAME_SIZE))
        return model_fail(parser->error, parser->file, parser->line, "[%s] needs a name of 1 to %d letters", name, NAME_SIZE - 1);
    for (char *c = own; *c; c++)
        if (!isalnum((unsigned char)*c) && *c != '_' && *c != '-')
            return model_fail(parser->error, parser->file, parser->line, "[%s %.30s]: a name has letters, digits, '_' and '-'", name, own);
    if (!kind->named && *own)
        return model_fail(parser->error, parser->file, parser->line, "[%s] has no name of its own", name);
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
    text = model_trim(text);
    if (!*text)
        return true;
    return *text == '[' ? parse_section(parser, text) : parse_option(parser, text);
}

// What must be there for the rest to make sense.
static bool check_presence(struct parser *parser) {
    if (!(parser->kinds_seen & (1u << (find_kind("printer") - section_kinds))))
        return model_fail(parser->error, parser->file, parser->line, "the section [printer] is missing");
    for (int i = 0; i < AXES; i++)
        if (!parser->axis_seen[i])
            return model_fail(parser->error, parser->file, parser->line, "the section [axis %c] is missing", "xyz"[i]);
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
            return model_fail(error, file, parser.line, "the line is longer than %d letters", LINE_SIZE - 1);
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
