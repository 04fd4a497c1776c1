#include "json.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Writing

static void put(struct json_writer *json, const char *text, size_t length) {
    if (json->used + length >= json->size) {
        json->overflow = true;
        return;
    }
    memcpy(json->text + json->used, text, length);
    json->used += length;
    json->text[json->used] = 0;
}

static void put_string(struct json_writer *json, const char *text) {
    put(json, "\"", 1);
    for (; *text; text++) {
        char escape[8];
        if (*text == '"' || *text == '\\')
            snprintf(escape, sizeof(escape), "\\%c", *text);
        else if ((unsigned char)*text < 0x20 || (unsigned char)*text >= 0x7f)
            snprintf(escape, sizeof(escape), "\\u%04x", (unsigned char)*text);
        else
            snprintf(escape, sizeof(escape), "%c", *text);
        put(json, escape, strlen(escape));
    }
    put(json, "\"", 1);
}

static void put_key(struct json_writer *json, const char *key) {
    if (json->comma)
        put(json, ",", 1);
    json->comma = true;
    if (key) {
        put_string(json, key);
        put(json, ":", 1);
    }
}

void json_open(struct json_writer *json, const char *key, char bracket) {
    put_key(json, key);
    put(json, &bracket, 1);
    json->comma = false;
}

void json_close(struct json_writer *json, char bracket) {
    put(json, &bracket, 1);
    json->comma = true;
}

void json_text(struct json_writer *json, const char *key, const char *value) {
    put_key(json, key);
    put_string(json, value);
}

void json_number(struct json_writer *json, const char *key, double value) {
    char text[40];
    if (isfinite(value))
        snprintf(text, sizeof(text), "%.12g", value);
    else
        snprintf(text, sizeof(text), "null");
    put_key(json, key);
    put(json, text, strlen(text));
}

void json_integer(struct json_writer *json, const char *key, int64_t value) {
    char text[24];
    snprintf(text, sizeof(text), "%lld", (long long)value);
    put_key(json, key);
    put(json, text, strlen(text));
}

void json_flag(struct json_writer *json, const char *key, bool value) {
    put_key(json, key);
    put(json, value ? "true" : "false", value ? 4 : 5);
}

// Reading

static const char *skip(const char *at) {
    while (*at == ' ' || *at == '\t' || *at == '\r')
        at++;
    return at;
}

// One escape after the backslash; returns what follows it, or NULL.
static const char *read_escape(const char *at, char *letter) {
    static const char names[] = "\"\\/bfnrt", letters[] = "\"\\/\b\f\n\r\t";
    const char *found = *at ? strchr(names, *at) : NULL;
    if (found) {
        *letter = letters[found - names];
        return at + 1;
    }
    unsigned code = 0;
    if (*at++ != 'u')
        return NULL;
    for (int i = 0; i < 4; i++, at++) {
        if (!isxdigit((unsigned char)*at))
            return NULL;
        code = code * 16 + (unsigned)(isdigit((unsigned char)*at) ? *at - '0' : (*at | 0x20) - 'a' + 10);
    }
    *letter = (char)code;
    return code > 0 && code < 0x80 ? at : NULL; // names here are ASCII
}

// Text after its opening quote; returns what follows the closing one, or NULL.
static const char *read_string(const char *at, char text[JSON_TEXT_SIZE]) {
    size_t length = 0;
    while (*at != '"') {
        char letter = *at++;
        if ((unsigned char)letter < 0x20)
            return NULL;
        if (letter == '\\' && !(at = read_escape(at, &letter)))
            return NULL;
        if (length == JSON_TEXT_SIZE - 1)
            return NULL;
        text[length++] = letter;
    }
    text[length] = 0;
    return at + 1;
}

static bool take(const char **at, const char *word) {
    size_t length = strlen(word);
    if (strncmp(*at, word, length))
        return false;
    *at += length;
    return true;
}

// strtod takes more than JSON allows (hex, inf): look first.
static const char *read_number(const char *at, double *number) {
    size_t length = strspn(at, "+-0123456789.eE");
    char *end;
    if (length == 0 || *at == '+' || *at == '.')
        return NULL;
    *number = strtod(at, &end);
    return end == at + length && isfinite(*number) ? end : NULL;
}

static const char *read_value(const char *at, struct json_field *field) {
    field->type = JSON_FLAG;
    if (take(&at, "true")) {
        field->flag = true;
        return at;
    }
    if (take(&at, "false")) {
        field->flag = false;
        return at;
    }
    field->type = JSON_NULL;
    if (take(&at, "null"))
        return at;
    field->type = JSON_TEXT;
    if (*at == '"')
        return read_string(at + 1, field->text);
    field->type = JSON_NUMBER;
    return read_number(at, &field->number);
}

const char *json_read(struct json_object *object, const char *text) {
    const char *at = skip(text);
    object->count = 0;
    if (*at != '{')
        return "expected a JSON object";
    at = skip(at + 1);
    while (*at != '}' || object->count) {
        if (object->count == JSON_FIELDS_MAX)
            return "too many fields";
        struct json_field *field = &object->fields[object->count++];
        if (*at != '"' || !(at = read_string(at + 1, field->key)))
            return "expected a key in quotes of at most 63 letters";
        at = skip(at);
        if (*at != ':')
            return "expected ':' after a key";
        at = read_value(skip(at + 1), field);
        if (!at)
            return "expected a plain value: text of at most 63 letters, number, true, false or null";
        at = skip(at);
        if (*at == '}')
            break;
        if (*at != ',')
            return "expected ',' or '}' after a value";
        at = skip(at + 1);
    }
    return *skip(at + 1) ? "something follows the object" : NULL;
}

const struct json_field *json_find(const struct json_object *object, const char *key) {
    for (int i = 0; i < object->count; i++)
        if (!strcmp(object->fields[i].key, key))
            return &object->fields[i];
    return NULL;
}
