/* JSON as HNS speaks it: enough of a reader to look into its answers. */

#ifndef CONFORMANCE_JSON_H
#define CONFORMANCE_JSON_H

#include <stdbool.h>
#include <stddef.h>

typedef enum { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_TEXT, JSON_ARRAY, JSON_OBJECT } JsonKind;

/* A value. Members of an object have a name, and stand in the order of the text. */
typedef struct Json {
    JsonKind kind;
    const char *name;
    bool truth;
    double number;
    const char *text;
    size_t count;
    struct Json *first;
    struct Json *next;
} Json;

/* Memory of this thread that lives until `json_forget`. Never NULL. */
void *json_keep(size_t size);

/* Gives back everything that this thread has kept. */
void json_forget(void);

/* Reads a whole document; NULL where it is none. The answer lives until `json_forget`. */
const Json *json_read(const char *text);

/* What stands at a path such as `Ipams[0].Subnets[1].Routes`; NULL where nothing does. */
const Json *json_at(const Json *value, const char *path);

/* Its text; empty where there is none. */
const char *json_text(const Json *value, const char *path);

/* Its number; 0 where there is none, for HNS leaves zeros out. */
double json_number(const Json *value, const char *path);

/* Whether it is there and true. */
bool json_true(const Json *value, const char *path);

/* The number of its items or members; 0 where it has none. */
size_t json_count(const Json *value, const char *path);

/* Whether two values are equal, whatever the order of members. */
bool json_equal(const Json *left, const Json *right);

#endif
