// Which sections and options a model file has: read by the parser and by nobody else.
#ifndef SIM_MODEL_TABLES_H
#define SIM_MODEL_TABLES_H

#include "model.h"

enum option_type {
    OPTION_NUMBER,  // double between minimum and maximum
    OPTION_NUMBERS, // `count` of them, separated by commas
    OPTION_FLAG,    // bool: yes or no
    OPTION_CHOICE,  // int: index in the words of `choices`
    OPTION_NAME,    // char[NAME_SIZE]
    OPTION_PIN,     // struct pin_ref
    OPTION_RATIO,   // double: "80:20" or a number
    OPTION_ROW,     // next row of the bed's grid
    OPTION_POINTS,  // three pairs "25=100000"
};

struct option {
    const char *name;
    enum option_type type;
    bool required;
    size_t offset;     // of the value in the section's struct
    size_t given;      // of a bool to set, 0: none
    double minimum, maximum;
    int count;
    const char *choices; // separated by blanks
};

struct section_kind {
    const char *name;
    bool named; // "[motor x]" and not "[bed]"
    const struct option *options;
    size_t option_count;
    size_t offset;       // of the first element in struct model
    size_t size;         // of an element
    size_t count_offset; // of the int that counts them; 0: a single one (or an axis, by its letter)
    int maximum;
};

extern const struct section_kind section_kinds[];
extern const size_t section_kind_count;

enum { OPTIONS_MAX = 24 }; // of a section

// Put the defaults of all optional values in place.
void model_defaults(struct model *model);

// Check what concerns several sections, and resolve names to indices.
bool model_check(struct model *model, const char *file, char error[MODEL_ERROR_SIZE]);

#endif
