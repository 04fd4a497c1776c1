// JSON as the control socket needs it: a writer into a fixed buffer, and a reader of flat objects.
#ifndef SIM_JSON_H
#define SIM_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Writes as much as fits; `overflow` says whether something is missing. Commas come by themselves.
struct json_writer {
    char *text;
    size_t size, used;
    bool comma, overflow;
};

void json_open(struct json_writer *json, const char *key, char bracket); // '{' or '['; key may be NULL
void json_close(struct json_writer *json, char bracket);                 // '}' or ']'
void json_text(struct json_writer *json, const char *key, const char *value);
void json_number(struct json_writer *json, const char *key, double value); // null when not finite
void json_integer(struct json_writer *json, const char *key, int64_t value);
void json_flag(struct json_writer *json, const char *key, bool value);

enum json_type { JSON_NULL, JSON_FLAG, JSON_NUMBER, JSON_TEXT };

enum { JSON_FIELDS_MAX = 12, JSON_TEXT_SIZE = 64 };

struct json_field {
    char key[JSON_TEXT_SIZE];
    enum json_type type;
    bool flag;
    double number;
    char text[JSON_TEXT_SIZE];
};

struct json_object {
    struct json_field fields[JSON_FIELDS_MAX];
    int count;
};

// Read one object of plain values. Returns NULL, or what is wrong with `text` (a literal).
const char *json_read(struct json_object *object, const char *text);

const struct json_field *json_find(const struct json_object *object, const char *key);

#endif
