/* Texts as they cross the boundary: UTF-16, escapes, length, the case of ids. */

#include "groups.h"
#include "hns.h"

#include <ctype.h>
#include <objbase.h>
#include <string.h>
#include <wchar.h>

/* A network of this name, which is sent as it is. */
static GUID named(const char *name)
{
    return make(NETWORK, no_id, say("{'Name':'%s','Type':'L2Bridge','SchemaVersion':{'Major':2}}", name));
}

static void beyond_ascii(void)
{
    const char *const names[] = {"caf\xC3\xA9", "\xE7\xBD\x91\xE7\xBB\x9C", "\xF0\x9F\x9A\x82 line",
        "\xD8\xB4\xD8\xA8\xD9\x83\xD8\xA9"};
    fresh(NULL);
    for (size_t index = 0; index < sizeof(names) / sizeof(*names); index++) {
        GUID id = named(names[index]);
        expect(!strcmp(json_text(shown(NETWORK, id), "Name"), names[index]), "%s came back as %s",
            names[index], json_text(shown(NETWORK, id), "Name"));
        Answer found = enumerate(NETWORK, say("{'SchemaVersion':{'Major':2,'Minor':0},"
                                              "'Filter':'{\\'Name\\':\\'%s\\'}'}", names[index]));
        expect(found.body && found.body->count == 1 && has_id(found.body, id), "not found by its name %s",
            names[index]);
    }
}

/* An escaped character and the character itself are one. */
static void escapes(void)
{
    fresh(NULL);
    GUID id = named("a\\u00e9\\ud83d\\ude82\\t\\\\b\\/");
    const char *name = json_text(shown(NETWORK, id), "Name");
    expect(!strcmp(name, "a\xC3\xA9\xF0\x9F\x9A\x82\t\\b/"), "it came back as %s", name);
    const char *direct = "{\"Name\":\"a\xC3\xA9\xF0\x9F\x9A\x82\\t\\\\b/\",\"Type\":\"L2Bridge\"}";
    refused(try_make(NETWORK, no_id, direct), CODE(0x803B0010), "the same name without escapes");
}

/* Half a pair of UTF-16 is no text: it is refused, or it comes back as it was or as U+FFFD. */
static void check_unpaired(const wchar_t *settings)
{
    Handle handle = NULL;
    PWSTR record = GARBAGE;
    fresh(NULL);
    HRESULT code = HcnCreateNetwork(&no_id, settings, &handle, &record);
    if (SUCCEEDED(code)) {
        PWSTR text = NULL;
        expect(HcnQueryNetworkProperties(handle, NULL, &text, NULL) == S_OK && text, "query");
        const wchar_t *name = wcsstr(text, L"\"Name\":\"");
        expect(name, "its name is gone");
        name += 8;
        expect(name[0] == L'a' && name[2] == L'b' && (name[1] == settings[10] || name[1] == 0xFFFD),
            "its name is something else: U+%04X U+%04X U+%04X", name[0], name[1], name[2]);
        CoTaskMemFree(text);
        expect(HcnCloseNetwork(handle) == S_OK, "close");
    } else {
        taken("HcnCreateNetwork", code, NULL, record);
        expect(code == CODE(0x803B001B), "refused with 0x%08lX", code);
    }
    expect(counted(NETWORK) == (SUCCEEDED(code) ? 1u : 0u), "0x%08lX, and %zu networks", code,
        counted(NETWORK));
}

static void unpaired_surrogates(void)
{
    wchar_t settings[] = L"{\"Name\":\"a?b\",\"Type\":\"L2Bridge\"}";
    const wchar_t halves[] = {0xD800, 0xDBFF, 0xDC00, 0xDFFF};
    for (size_t index = 0; index < sizeof(halves) / sizeof(*halves); index++) {
        settings[10] = halves[index];
        check_unpaired(settings);
    }
    /* In a query it matches nothing or is refused, and does no harm. */
    wchar_t query[] = L"{\"Filter\":\"{\\\"Name\\\":\\\"?\\\"}\"}";
    PWSTR text = GARBAGE, record = GARBAGE;
    *wcschr(query, L'?') = 0xD801;
    HRESULT code = HcnEnumerateNetworks(query, &text, &record);
    Answer answer = taken("HcnEnumerateNetworks", code, text, record);
    expect(FAILED(answer.code) || answer.body->count == 0, "it matches %s", answer.text);
}

static void long_texts(void)
{
    enum { LENGTH = 1 << 20 };
    fresh(NULL);
    char *name = json_keep(LENGTH + 1);
    memset(name, 'n', LENGTH);
    GUID network = named("short");
    GUID endpoint = make(ENDPOINT, network,
        say("{'Name':'%s','Flags':1,'IpConfigurations':[{'IpAddress':'10.0.0.9'}]}", name));
    const char *back = json_text(shown(ENDPOINT, endpoint), "Name");
    expect(!strcmp(back, name), "a name of %d letters came back with %zu", LENGTH, strlen(back));
    GUID *endpoints = json_keep(sizeof(GUID) * 1000);
    for (int index = 0; index < 1000; index++)
        endpoints[index] = make(ENDPOINT, network, remote_at(say("10.7.%d.%d", index / 250, index % 250 + 1)));
    GUID balancer = make(BALANCER, no_id, balancer_at(endpoints, 1000, "10.96.4.7", 80, 1));
    const Json *document = shown(BALANCER, balancer);
    expect(json_count(document, "HostComputeEndpoints") == 1000, "a load balancer over %zu endpoints",
        json_count(document, "HostComputeEndpoints"));
    expect(counted(ENDPOINT) == 1001, "%zu endpoints", counted(ENDPOINT));
}

/* Deep nesting is data or is refused, but never the end of the stack. */
static void deep_texts(void)
{
    enum { DEPTH = 100000 };
    fresh(NULL);
    char *deep = json_keep(2 * DEPTH + 100);
    strcpy(deep, "{\"Name\":\"deep\",\"Type\":\"L2Bridge\",\"Unknown\":");
    memset(deep + strlen(deep), '[', DEPTH);
    memset(deep + strlen(deep), ']', DEPTH);
    strcat(deep, "}");
    refused(try_make(NETWORK, no_id, deep), CODE(0x803B001B), "100,000 levels");
    expect(counted(NETWORK) == 0, "there is a network now");
}

static char *upper(const char *text)
{
    char *copy = say("%s", text);
    for (char *letter = copy; *letter; letter++)
        *letter = (char)toupper((unsigned char)*letter);
    return copy;
}

static void case_of_ids(void)
{
    fresh(NULL);
    const char *lower = "abcdefab-cdef-4abc-8def-abcdefabcdef";
    GUID network = make(NETWORK, no_id, bridge());
    GUID endpoint = make(ENDPOINT, network,
        say("{'ID':'%s','IpConfigurations':[{'IpAddress':'10.61.3.20'}]}", upper(lower)));
    expect(same(endpoint, guid_of(lower)), "it got the id %s", text_of(endpoint));
    make(BALANCER, no_id,
        say("{'HostComputeEndpoints':['%s'],'PortMappings':[{'Protocol':6,'InternalPort':80,"
            "'ExternalPort':80}],'SchemaVersion':{'Major':2}}", upper(lower)));
    GUID space = make(NAMESPACE, no_id, "{}");
    change(NAMESPACE, space,
        say("{'ResourceType':'Endpoint','RequestType':'Add','Settings':{'EndpointId':'%s'}}", upper(lower)));
    const char *const cases[] = {lower, upper(lower)};
    for (int index = 0; index < 2; index++) {
        const char *query = say("{'SchemaVersion':{'Major':2},'Filter':'{\\'ID\\':\\'%s\\'}'}", cases[index]);
        expect(has_id(enumerate(ENDPOINT, query).body, endpoint), "not found as %s", cases[index]);
        accepted(hns_call("GET", say("/endpoints/%s", cases[index]), ""), cases[index]);
        query = say("{'Filter':'{\\'VirtualNetwork\\':\\'%s\\'}'}",
            index ? upper(text_of(network)) : text_of(network));
        expect(has_id(enumerate(ENDPOINT, query).body, endpoint), "not found by its network");
    }
}

/* Some builds answer in upper case. */
static void upper_case_answers(void)
{
    GUID of[KINDS];
    fresh("{\"knobs\":{\"upperCaseIds\":true}}");
    of[NETWORK] = make(NETWORK, no_id, bridge());
    of[ENDPOINT] = make(ENDPOINT, of[NETWORK], local_at("10.61.3.20"));
    of[NAMESPACE] = make(NAMESPACE, no_id, "{}");
    of[BALANCER] = make(BALANCER, no_id, balancer_of(of[ENDPOINT]));
    for (Kind kind = 0; kind < KINDS; kind++) {
        const char *listed = json_text(enumerate(kind, IN_VERSION_2).body, "[0]");
        expect(same(guid_of(listed), of[kind]) && !strcmp(listed, upper(listed)), "listed as %s", listed);
        const char *id = json_text(shown(kind, guid_of(listed)), "ID");
        expect(!strcmp(id, listed), "listed as %s, shown as %s", listed, id);
    }
    const Json *members = json_at(shown(BALANCER, of[BALANCER]), "HostComputeEndpoints");
    expect(has_id(members, of[ENDPOINT]), "its endpoint is %s", json_text(members, "[0]"));
}

/* Settings point into memory of the caller that he may change as soon as the call returns. */
static void memory_of_the_caller(void)
{
    fresh(NULL);
    Handle handle = NULL;
    GUID id = id_of(7);
    wchar_t *settings = wide(bridge());
    expect(HcnCreateNetwork(&id, settings, &handle, NULL) == S_OK, "create");
    memset(&id, 0xAA, sizeof(id));
    wmemset(settings, L'x', wcslen(settings));
    expect(!strcmp(json_text(shown(NETWORK, id_of(7)), "Name"), "cbr0"), "it has changed with it");
    PWSTR first = NULL, second = NULL;
    expect(HcnQueryNetworkProperties(handle, NULL, &first, NULL) == S_OK, "query");
    expect(HcnQueryNetworkProperties(handle, NULL, &second, NULL) == S_OK, "query");
    expect(first && second && first != second, "two answers in one place");
    wmemset(first, L'x', wcslen(first));
    expect(json_read(narrow(second)), "the second has changed with the first");
    CoTaskMemFree(first);
    CoTaskMemFree(second);
    expect(HcnCloseNetwork(handle) == S_OK, "close");
}

const Check text_checks[] = {
    {"TEXT-unicode", "names beyond ASCII come back and are found", beyond_ascii},
    {"TEXT-escapes", "an escaped character is the character", escapes},
    {"TEXT-surrogates", "half a pair of UTF-16 does no harm", unpaired_surrogates},
    {"TEXT-long", "a name of a million letters, and a load balancer over 1,000 endpoints", long_texts},
    {"TEXT-deep", "100,000 levels are refused", deep_texts},
    {"TEXT-case", "ids are the same in any case", case_of_ids},
    {"TEXT-upper-case", "answers in upper case are the same ids", upper_case_answers},
    {"TEXT-memory", "nothing is kept of the caller's memory, and no answer is shared", memory_of_the_caller},
    {0},
};
