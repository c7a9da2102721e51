/* The reader of JSON. */

#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* More levels than any answer has. */
enum { DEEPEST = 200 };

typedef struct Block {
    struct Block *next;
} Block;

static _Thread_local Block *kept;

void *json_keep(size_t size)
{
    Block *block = calloc(1, sizeof(Block) + size);
    if (!block) {
        fputs("out of memory\n", stderr);
        exit(2);
    }
    block->next = kept;
    kept = block;
    return block + 1;
}

void json_forget(void)
{
    while (kept) {
        Block *next = kept->next;
        free(kept);
        kept = next;
    }
}

/* What is still to be read. */
typedef struct {
    const char *at;
    int depth;
} Reader;

static Json *read_value(Reader *reader);

static void skip_space(Reader *reader)
{
    while (*reader->at && strchr(" \t\r\n", *reader->at))
        reader->at++;
}

static bool take(Reader *reader, char wanted)
{
    skip_space(reader);
    if (*reader->at != wanted)
        return false;
    reader->at++;
    return true;
}

static Json *new_value(JsonKind kind)
{
    Json *value = json_keep(sizeof(Json));
    value->kind = kind;
    return value;
}

static int hex_digits(const char *text, unsigned *number)
{
    *number = 0;
    for (int index = 0; index < 4; index++) {
        char digit = text[index];
        unsigned value;
        if (digit >= '0' && digit <= '9')
            value = (unsigned)(digit - '0');
        else if (digit >= 'a' && digit <= 'f')
            value = (unsigned)(digit - 'a') + 10;
        else if (digit >= 'A' && digit <= 'F')
            value = (unsigned)(digit - 'A') + 10;
        else
            return 0;
        *number = *number * 16 + value;
    }
    return 4;
}

static char *put_utf8(char *out, unsigned point)
{
    if (point < 0x80) {
        *out++ = (char)point;
    } else if (point < 0x800) {
        *out++ = (char)(0xC0 | point >> 6);
        *out++ = (char)(0x80 | (point & 0x3F));
    } else if (point < 0x10000) {
        *out++ = (char)(0xE0 | point >> 12);
        *out++ = (char)(0x80 | (point >> 6 & 0x3F));
        *out++ = (char)(0x80 | (point & 0x3F));
    } else {
        *out++ = (char)(0xF0 | point >> 18);
        *out++ = (char)(0x80 | (point >> 12 & 0x3F));
        *out++ = (char)(0x80 | (point >> 6 & 0x3F));
        *out++ = (char)(0x80 | (point & 0x3F));
    }
    return out;
}

/* Reads what follows a backslash. A NUL is written as U+FFFD, so that texts end where they end. */
static char *read_escape(Reader *reader, char *out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    char letter = *reader->at++;
    const char *found = letter ? strchr(from, letter) : NULL;
    if (found) {
        *out++ = to[found - from];
        return out;
    }
    unsigned point, low;
    if (letter != 'u' || !hex_digits(reader->at, &point))
        return NULL;
    reader->at += 4;
    bool high = point >= 0xD800 && point < 0xDC00;
    if (high && reader->at[0] == '\\' && reader->at[1] == 'u' && hex_digits(reader->at + 2, &low)
        && low >= 0xDC00 && low < 0xE000) {
        reader->at += 6;
        point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
    } else if (point == 0 || (point >= 0xD800 && point < 0xE000)) {
        point = 0xFFFD;
    }
    return put_utf8(out, point);
}

static const char *read_text(Reader *reader)
{
    if (!take(reader, '"'))
        return NULL;
    const char *end = reader->at;
    while (*end && *end != '"')
        end += end[0] == '\\' && end[1] ? 2 : 1;
    /* No escape is shorter than what it stands for. */
    char *text = json_keep((size_t)(end - reader->at) + 1);
    char *out = text;
    while (*reader->at != '"') {
        unsigned char letter = (unsigned char)*reader->at++;
        if (letter < 0x20)
            return NULL;
        if (letter != '\\') {
            *out++ = (char)letter;
            continue;
        }
        out = read_escape(reader, out);
        if (!out)
            return NULL;
    }
    reader->at++;
    *out = '\0';
    return text;
}

static Json *read_items(Reader *reader, JsonKind kind, char closing)
{
    Json *value = new_value(kind);
    Json **last = &value->first;
    if (take(reader, closing))
        return value;
    do {
        const char *name = NULL;
        if (kind == JSON_OBJECT) {
            skip_space(reader);
            name = read_text(reader);
            if (!name || !take(reader, ':'))
                return NULL;
        }
        Json *item = read_value(reader);
        if (!item)
            return NULL;
        item->name = name;
        *last = item;
        last = &item->next;
        value->count++;
    } while (take(reader, ','));
    return take(reader, closing) ? value : NULL;
}

static bool take_word(Reader *reader, const char *word)
{
    size_t length = strlen(word);
    if (strncmp(reader->at, word, length) != 0)
        return false;
    reader->at += length;
    return true;
}

static Json *read_plain(Reader *reader)
{
    bool truth = take_word(reader, "true");
    if (truth || take_word(reader, "false")) {
        Json *value = new_value(JSON_BOOL);
        value->truth = truth;
        return value;
    }
    if (take_word(reader, "null"))
        return new_value(JSON_NULL);
    if (*reader->at != '-' && (*reader->at < '0' || *reader->at > '9'))
        return NULL;
    char *end;
    Json *value = new_value(JSON_NUMBER);
    value->number = strtod(reader->at, &end);
    reader->at = end;
    return value;
}

static Json *read_value(Reader *reader)
{
    skip_space(reader);
    if (reader->depth == DEEPEST)
        return NULL;
    reader->depth++;
    Json *value;
    if (*reader->at == '"') {
        const char *text = read_text(reader);
        value = text ? new_value(JSON_TEXT) : NULL;
        if (value)
            value->text = text;
    } else if (take(reader, '[')) {
        value = read_items(reader, JSON_ARRAY, ']');
    } else if (take(reader, '{')) {
        value = read_items(reader, JSON_OBJECT, '}');
    } else {
        value = read_plain(reader);
    }
    reader->depth--;
    return value;
}

const Json *json_read(const char *text)
{
    Reader reader = {text, 0};
    const Json *value = read_value(&reader);
    skip_space(&reader);
    return *reader.at == '\0' ? value : NULL;
}

static const Json *item_of(const Json *value, size_t index)
{
    const Json *item = value->kind == JSON_ARRAY ? value->first : NULL;
    for (; item && index > 0; index--)
        item = item->next;
    return item;
}

static const Json *member_of(const Json *value, const char *name, size_t length)
{
    const Json *item = value->kind == JSON_OBJECT ? value->first : NULL;
    while (item && (strlen(item->name) != length || strncmp(item->name, name, length) != 0))
        item = item->next;
    return item;
}

const Json *json_at(const Json *value, const char *path)
{
    while (value && *path) {
        if (*path == '[') {
            char *end;
            value = item_of(value, strtoul(path + 1, &end, 10));
            path = end + 1;
            continue;
        }
        path += *path == '.';
        size_t length = strcspn(path, ".[");
        value = member_of(value, path, length);
        path += length;
    }
    return value;
}

const char *json_text(const Json *value, const char *path)
{
    const Json *found = json_at(value, path);
    return found && found->kind == JSON_TEXT ? found->text : "";
}

double json_number(const Json *value, const char *path)
{
    const Json *found = json_at(value, path);
    return found && found->kind == JSON_NUMBER ? found->number : 0;
}

bool json_true(const Json *value, const char *path)
{
    const Json *found = json_at(value, path);
    return found && found->kind == JSON_BOOL && found->truth;
}

size_t json_count(const Json *value, const char *path)
{
    const Json *found = json_at(value, path);
    return found ? found->count : 0;
}

static bool equal_items(const Json *left, const Json *right)
{
    const Json *other = right->first;
    for (const Json *item = left->first; item; item = item->next) {
        if (left->kind == JSON_OBJECT)
            other = member_of(right, item->name, strlen(item->name));
        if (!other || !json_equal(item, other))
            return false;
        if (left->kind == JSON_ARRAY)
            other = other->next;
    }
    return true;
}

bool json_equal(const Json *left, const Json *right)
{
    if (!left || !right)
        return left == right;
    if (left->kind != right->kind || left->count != right->count)
        return false;
    switch (left->kind) {
    case JSON_BOOL:
        return left->truth == right->truth;
    case JSON_NUMBER:
        return left->number == right->number;
    case JSON_TEXT:
        return strcmp(left->text, right->text) == 0;
    case JSON_ARRAY:
    case JSON_OBJECT:
        return equal_items(left, right);
    default:
        return true;
    }
}
