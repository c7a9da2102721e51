/* HNS as a program in C meets it: every call with its out-parameters looked at, and documents to send. */

#ifndef CONFORMANCE_HNS_H
#define CONFORMANCE_HNS_H

#include <stdbool.h>
#include <stdint.h>
#include <windows.h>

#include <computenetwork.h>

#include "check.h"
#include "json.h"

typedef enum { NETWORK, ENDPOINT, NAMESPACE, BALANCER, KINDS } Kind;

extern const char *const kind_names[KINDS];

/* What came back: the code, the error record or NULL, what was asked for or NULL. */
typedef struct {
    HRESULT code;
    const Json *record;
    const Json *body;
    const char *text;
} Answer;

typedef void *Handle;

/* Codes, as the published schema and the header winerror.h name them. */
#define CODE(number) ((HRESULT)(number))
#define NETWORK_NOT_FOUND CODE(0x803B0001u)
#define ENDPOINT_NOT_FOUND CODE(0x803B0002u)
#define ELEMENT_NOT_FOUND CODE(0x80070490u)
#define BAD_HANDLE CODE(0x80070006u)
#define NOT_IMPLEMENTED CODE(0x80004001u)
#define STOPPING CODE(0x803B0020u)
#define STOPPED CODE(0x800706BAu)

/* Queries. */
#define IN_VERSION_2 "{\"SchemaVersion\":{\"Major\":2,\"Minor\":0}}"
#define DETAILED "{\"SchemaVersion\":{\"Major\":2,\"Minor\":0},\"Flags\":1}"

/* UTF-16 and back. The answers live until the check is over. */
wchar_t *wide(const char *text);
char *narrow(const wchar_t *text);

/* Ids as text, in lower case and without braces, and back. */
GUID guid_of(const char *text);
char *text_of(GUID id);
bool same(GUID left, GUID right);

/* An id that nobody else uses: `number` tells those of one check apart. */
GUID id_of(unsigned number);

extern const GUID no_id;

/* One call each. They fail the check when an out-parameter or the error record is not as it must be,
 * and leave the code to the caller. A NULL text is sent as NULL. */
Answer enumerate(Kind kind, const char *query);
Answer create_object(Kind kind, Handle network, GUID id, const char *settings, Handle *made);
Answer open_object(Kind kind, GUID id, Handle *opened);
Answer modify_object(Kind kind, Handle handle, const char *settings);
Answer query_object(Kind kind, Handle handle, const char *query);
Answer delete_object(Kind kind, GUID id);
HRESULT close_object(Kind kind, Handle handle);

/* The older door. `body` is `Output` when it succeeded; the code is that within the answer, too. */
Answer hns_call(const char *method, const char *path, const char *body);

/* Looks at an answer that a caller got by himself, and takes the texts over. */
Answer taken(const char *call, HRESULT code, PWSTR text, PWSTR record);

/* What out-parameters hold before a call. */
#define GARBAGE ((void *)(uintptr_t)0xDEADBEEFu)

/* Makes HNS anew, as the Setup document says; NULL stands for all defaults. */
void fresh(const char *setup);

/* Posts to a path below /emulator/. */
void steer(const char *path, const char *body);

/* Faults of this one call of this function, from now on. */
void fault(const char *call, const char *does);

/* Fails unless the answer is a success. */
Answer accepted(Answer answer, const char *what);

/* Fails unless the answer has this code. */
Answer refused(Answer answer, HRESULT code, const char *what);

/* Whole steps, which must succeed. */
GUID make(Kind kind, GUID network, const char *settings);
GUID make_as(Kind kind, GUID network, GUID id, const char *settings);
void destroy(Kind kind, GUID id);
void change(Kind kind, GUID id, const char *settings);
const Json *shown(Kind kind, GUID id);
const Json *shown_as(Kind kind, GUID id, const char *query);
const Json *in_version_1(const char *path, GUID id);
size_t counted(Kind kind);

/* The same as one answer, of whichever call failed first. */
Answer try_make(Kind kind, GUID network, const char *settings);
Answer try_change(Kind kind, GUID id, const char *settings);

/* The ids of a list; `expected` of them. */
GUID *ids_of(Answer answer, size_t *count);
bool has_id(const Json *list, GUID id);

/* The settings of the first policy of this type, or NULL. */
const Json *policy_of(const Json *document, const char *type);

/* Documents. */
const char *bridge(void);
const char *overlay(void);
const char *network_of(const char *type, const char *name, const char *subnets);
const char *local_endpoint(void);
const char *local_at(const char *address);
const char *remote_at(const char *address);
const char *remote_through(const char *address, const char *provider);
const char *balancer_at(const GUID *endpoints, size_t count, const char *address, int port, int flags);
const char *balancer_of(GUID endpoint);
const char *acl_request(const char *request);
const char *member_request(const char *request, GUID endpoint);

#endif
