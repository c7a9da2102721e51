/* Calls to HNS, by the functions that the header declares and the older door. */

#include "hns.h"

#include <objbase.h>
#include <stdio.h>
#include <string.h>

const char *const kind_names[KINDS] = {"Network", "Endpoint", "Namespace", "LoadBalancer"};

const GUID no_id;

wchar_t *wide(const char *text)
{
    if (!text)
        return NULL;
    int length = MultiByteToWideChar(CP_UTF8, 0, text, -1, NULL, 0);
    wchar_t *result = json_keep(sizeof(wchar_t) * (size_t)length);
    MultiByteToWideChar(CP_UTF8, 0, text, -1, result, length);
    return result;
}

char *narrow(const wchar_t *text)
{
    int length = WideCharToMultiByte(CP_UTF8, 0, text, -1, NULL, 0, NULL, NULL);
    char *result = json_keep((size_t)length);
    WideCharToMultiByte(CP_UTF8, 0, text, -1, result, length, NULL, NULL);
    return result;
}

GUID guid_of(const char *text)
{
    GUID id;
    expect(strlen(text) == 36, "%s is no id", text);
    wchar_t *braced = wide(say("{%s}", text));
    expect(CLSIDFromString(braced, &id) == S_OK, "%s is no id", text);
    return id;
}

char *text_of(GUID id)
{
    return say("%08lx-%04x-%04x-%02x%02x-%02x%02x%02x%02x%02x%02x", id.Data1, id.Data2, id.Data3,
        id.Data4[0], id.Data4[1], id.Data4[2], id.Data4[3], id.Data4[4], id.Data4[5], id.Data4[6],
        id.Data4[7]);
}

bool same(GUID left, GUID right)
{
    return memcmp(&left, &right, sizeof(GUID)) == 0;
}

GUID id_of(unsigned number)
{
    return guid_of(say("c0f0a11e-0000-4000-8000-%012x", number));
}

/* Copies a text that HNS has allocated, and frees it as the caller must. */
static const char *take_text(PWSTR text)
{
    if (!text)
        return NULL;
    const char *copy = narrow(text);
    CoTaskMemFree(text);
    return copy;
}

/* The error record of a failed call, which must be whole where there is one. */
static const Json *read_record(const char *call, HRESULT code, const char *text)
{
    expect(text, "%s failed with 0x%08lX and gave no error record", call, code);
    const Json *record = json_read(text);
    expect(record, "%s: the error record is no JSON: %s", call, text);
    const Json *success = json_at(record, "Success");
    expect(success && success->kind == JSON_BOOL && !success->truth,
        "%s: Success of the error record is not false: %s", call, text);
    expect(json_number(record, "ErrorCode") == (double)(uint32_t)code,
        "%s failed with 0x%08lX and its record says %s", call, code, text);
    const char *error = json_text(record, "Error");
    size_t length = strlen(error);
    /* The text of Windows and a space; then, sometimes, more. */
    expect(length > 1 && (error[length - 1] == ' ' || strstr(error, ". ")),
        "%s: no text with a space after it: %s", call, text);
    return record;
}

Answer taken(const char *call, HRESULT code, PWSTR text, PWSTR record)
{
    Answer answer = {.code = code};
    expect(text != GARBAGE, "%s left its out-parameter unwritten", call);
    expect(record != GARBAGE, "%s left its error record unwritten", call);
    const char *record_text = take_text(record);
    answer.text = take_text(text);
    if (FAILED(code)) {
        answer.record = read_record(call, code, record_text);
        expect(!answer.text, "%s failed and gave a text: %s", call, answer.text);
        return answer;
    }
    expect(code == S_OK, "%s succeeded with 0x%08lX, which is not S_OK", call, code);
    expect(!record_text, "%s succeeded with an error record: %s", call, record_text);
    if (answer.text) {
        answer.body = json_read(answer.text);
        expect(answer.body, "%s gave what is no JSON: %.200s", call, answer.text);
    }
    return answer;
}

static Answer taken_with_text(const char *call, HRESULT code, PWSTR text, PWSTR record)
{
    Answer answer = taken(call, code, text, record);
    expect(FAILED(code) || answer.body, "%s succeeded and gave no text", call);
    return answer;
}

static Answer taken_with_handle(const char *call, HRESULT code, Handle handle, PWSTR record)
{
    expect(handle != GARBAGE, "%s left the handle unwritten", call);
    Answer answer = taken(call, code, NULL, record);
    expect(SUCCEEDED(code) == (handle != NULL), "%s answered 0x%08lX and the handle %p", call, code,
        handle);
    return answer;
}

static const char *call_name(const char *verb, Kind kind, const char *rest)
{
    return say("Hcn%s%s%s", verb, kind_names[kind], rest);
}

Answer enumerate(Kind kind, const char *query)
{
    PWSTR text = GARBAGE, record = GARBAGE;
    const wchar_t *asked = wide(query);
    HRESULT code;
    switch (kind) {
    case NETWORK: code = HcnEnumerateNetworks(asked, &text, &record); break;
    case ENDPOINT: code = HcnEnumerateEndpoints(asked, &text, &record); break;
    case NAMESPACE: code = HcnEnumerateNamespaces(asked, &text, &record); break;
    default: code = HcnEnumerateLoadBalancers(asked, &text, &record); break;
    }
    return taken_with_text(call_name("Enumerate", kind, "s"), code, text, record);
}

Answer create_object(Kind kind, Handle network, GUID id, const char *settings, Handle *made)
{
    PWSTR record = GARBAGE;
    Handle handle = GARBAGE;
    const wchar_t *sent = wide(settings);
    HRESULT code;
    switch (kind) {
    case NETWORK: code = HcnCreateNetwork(&id, sent, &handle, &record); break;
    case ENDPOINT: code = HcnCreateEndpoint(network, &id, sent, &handle, &record); break;
    case NAMESPACE: code = HcnCreateNamespace(&id, sent, &handle, &record); break;
    default: code = HcnCreateLoadBalancer(&id, sent, &handle, &record); break;
    }
    *made = handle;
    return taken_with_handle(call_name("Create", kind, ""), code, handle, record);
}

Answer open_object(Kind kind, GUID id, Handle *opened)
{
    PWSTR record = GARBAGE;
    Handle handle = GARBAGE;
    HRESULT code;
    switch (kind) {
    case NETWORK: code = HcnOpenNetwork(&id, &handle, &record); break;
    case ENDPOINT: code = HcnOpenEndpoint(&id, &handle, &record); break;
    case NAMESPACE: code = HcnOpenNamespace(&id, &handle, &record); break;
    default: code = HcnOpenLoadBalancer(&id, &handle, &record); break;
    }
    *opened = handle;
    return taken_with_handle(call_name("Open", kind, ""), code, handle, record);
}

Answer modify_object(Kind kind, Handle handle, const char *settings)
{
    PWSTR record = GARBAGE;
    const wchar_t *sent = wide(settings);
    HRESULT code;
    switch (kind) {
    case NETWORK: code = HcnModifyNetwork(handle, sent, &record); break;
    case ENDPOINT: code = HcnModifyEndpoint(handle, sent, &record); break;
    case NAMESPACE: code = HcnModifyNamespace(handle, sent, &record); break;
    default: code = HcnModifyLoadBalancer(handle, sent, &record); break;
    }
    return taken(call_name("Modify", kind, ""), code, NULL, record);
}

Answer query_object(Kind kind, Handle handle, const char *query)
{
    PWSTR text = GARBAGE, record = GARBAGE;
    const wchar_t *asked = wide(query);
    HRESULT code;
    switch (kind) {
    case NETWORK: code = HcnQueryNetworkProperties(handle, asked, &text, &record); break;
    case ENDPOINT: code = HcnQueryEndpointProperties(handle, asked, &text, &record); break;
    case NAMESPACE: code = HcnQueryNamespaceProperties(handle, asked, &text, &record); break;
    default: code = HcnQueryLoadBalancerProperties(handle, asked, &text, &record); break;
    }
    return taken_with_text(call_name("Query", kind, "Properties"), code, text, record);
}

Answer delete_object(Kind kind, GUID id)
{
    PWSTR record = GARBAGE;
    HRESULT code;
    switch (kind) {
    case NETWORK: code = HcnDeleteNetwork(&id, &record); break;
    case ENDPOINT: code = HcnDeleteEndpoint(&id, &record); break;
    case NAMESPACE: code = HcnDeleteNamespace(&id, &record); break;
    default: code = HcnDeleteLoadBalancer(&id, &record); break;
    }
    return taken(call_name("Delete", kind, ""), code, NULL, record);
}

HRESULT close_object(Kind kind, Handle handle)
{
    switch (kind) {
    case NETWORK: return HcnCloseNetwork(handle);
    case ENDPOINT: return HcnCloseEndpoint(handle);
    case NAMESPACE: return HcnCloseNamespace(handle);
    default: return HcnCloseLoadBalancer(handle);
    }
}

typedef HRESULT(WINAPI *HnsCall)(PCWSTR method, PCWSTR path, PCWSTR object, PWSTR *response);

static HnsCall older_door(void)
{
    static HnsCall found;
    if (!found) {
        HMODULE module = LoadLibraryExW(L"vmcompute.dll", NULL, LOAD_LIBRARY_SEARCH_SYSTEM32);
        expect(module, "vmcompute.dll is not in System32: error %lu", GetLastError());
        found = (HnsCall)(void *)GetProcAddress(module, "HNSCall");
        expect(found, "vmcompute.dll has no HNSCall");
    }
    return found;
}

Answer hns_call(const char *method, const char *path, const char *body)
{
    Answer answer = {0};
    PWSTR response = GARBAGE;
    const char *call = say("HNSCall %s %s", method, path);
    answer.code = older_door()(wide(method), wide(path), wide(body), &response);
    expect(response != GARBAGE, "%s left its response unwritten", call);
    answer.text = take_text(response);
    if (FAILED(answer.code))
        return answer;
    expect(answer.code == S_OK, "%s succeeded with 0x%08lX", call, answer.code);
    const Json *whole = answer.text ? json_read(answer.text) : NULL;
    expect(whole, "%s answered what is no JSON: %.200s", call, answer.text ? answer.text : "NULL");
    const Json *success = json_at(whole, "Success");
    expect(success && success->kind == JSON_BOOL, "%s does not say Success: %.200s", call, answer.text);
    answer.body = json_at(whole, "Output");
    if (!success->truth) {
        answer.code = (HRESULT)(uint32_t)json_number(whole, "ErrorCode");
        answer.record = read_record(call, answer.code, answer.text);
    }
    return answer;
}

void steer(const char *path, const char *body)
{
    accepted(hns_call("POST", say("/emulator/%s", path), body), path);
}

void fresh(const char *setup)
{
    steer("reset", setup ? setup : "{}");
}

void fault(const char *call, const char *does)
{
    steer("faults", say("{'faults':[{'on':{'call':'%s'},'skip':0,'times':1,'does':%s}]}", call, does));
}

Answer accepted(Answer answer, const char *what)
{
    expect(SUCCEEDED(answer.code), "%s: refused with 0x%08lX %s", what, answer.code,
        json_text(answer.record, "Error"));
    return answer;
}

Answer refused(Answer answer, HRESULT code, const char *what)
{
    expect(answer.code == code, "%s: 0x%08lX expected, answered 0x%08lX %s", what, code, answer.code,
        json_text(answer.record, "Error"));
    return answer;
}

GUID *ids_of(Answer answer, size_t *count)
{
    expect(answer.body && answer.body->kind == JSON_ARRAY, "not a list: %.200s", answer.text);
    GUID *ids = json_keep(sizeof(GUID) * (answer.body->count + 1));
    *count = 0;
    for (const Json *item = answer.body->first; item; item = item->next)
        ids[(*count)++] = guid_of(json_text(item, ""));
    return ids;
}

bool has_id(const Json *list, GUID id)
{
    for (const Json *item = list ? list->first : NULL; item; item = item->next)
        if (item->kind == JSON_TEXT && _stricmp(item->text, text_of(id)) == 0)
            return true;
    return false;
}

const Json *policy_of(const Json *document, const char *type)
{
    const Json *policies = json_at(document, "Policies");
    for (const Json *item = policies ? policies->first : NULL; item; item = item->next)
        if (strcmp(json_text(item, "Type"), type) == 0)
            return json_at(item, "Settings");
    return NULL;
}
