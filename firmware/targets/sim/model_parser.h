// What the parts of the model file's parser share.
#ifndef SIM_MODEL_PARSER_H
#define SIM_MODEL_PARSER_H

#include "model_tables.h"

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

// Put "file:line: ..." into `error`; returns false.
bool model_fail(char *error, const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

// Cut blanks off both ends, in place.
char *model_trim(char *text);

// Read `text` as the value of `option` of the section that is being read.
bool model_parse_value(struct parser *parser, const struct option *option, char *text);

#endif
