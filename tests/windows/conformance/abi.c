/* The boundary itself: exports, out-parameters, handles, strings, what a careless caller sends. */

#include "groups.h"
#include "hns.h"

#include <objbase.h>
#include <string.h>

/* Every function that the header declares or hcsshim binds. */
static const char *const exports[] = {
    "HcnEnumerateNetworks", "HcnCreateNetwork", "HcnOpenNetwork", "HcnModifyNetwork",
    "HcnQueryNetworkProperties", "HcnDeleteNetwork", "HcnCloseNetwork",
    "HcnEnumerateEndpoints", "HcnCreateEndpoint", "HcnOpenEndpoint", "HcnModifyEndpoint",
    "HcnQueryEndpointProperties", "HcnDeleteEndpoint", "HcnCloseEndpoint",
    "HcnEnumerateNamespaces", "HcnCreateNamespace", "HcnOpenNamespace", "HcnModifyNamespace",
    "HcnQueryNamespaceProperties", "HcnDeleteNamespace", "HcnCloseNamespace",
    "HcnEnumerateLoadBalancers", "HcnCreateLoadBalancer", "HcnOpenLoadBalancer",
    "HcnModifyLoadBalancer", "HcnQueryLoadBalancerProperties", "HcnDeleteLoadBalancer",
    "HcnCloseLoadBalancer",
    "HcnEnumerateSdnRoutes", "HcnCreateSdnRoute", "HcnOpenSdnRoute", "HcnModifySdnRoute",
    "HcnQuerySdnRouteProperties", "HcnDeleteSdnRoute", "HcnCloseSdnRoute",
    "HcnRegisterServiceCallback", "HcnUnregisterServiceCallback",
    "HcnQueryEndpointStats", "HcnQueryEndpointAddresses",
    "HcnCreateGuestNetworkService", "HcnCloseGuestNetworkService", "HcnModifyGuestNetworkService",
    "HcnDeleteGuestNetworkService", "HcnRegisterGuestNetworkServiceCallback",
    "HcnUnregisterGuestNetworkServiceCallback", "HcnReserveGuestNetworkServicePort",
    "HcnReserveGuestNetworkServicePortRange", "HcnReleaseGuestNetworkServicePortReservationHandle",
    "HcnEnumerateGuestNetworkPortReservations", "HcnFreeGuestNetworkPortReservations",
    "HcnOpenService", "HcnCloseService", "HcnEnumerateGuestNetworkServices",
    "HcnOpenGuestNetworkService", "HcnQueryGuestNetworkServiceProperties",
    "HcnRegisterNetworkCallback", "HcnUnregisterNetworkCallback"};

static void all_exports(void)
{
    HMODULE module = LoadLibraryExW(L"computenetwork.dll", NULL, LOAD_LIBRARY_SEARCH_SYSTEM32);
    expect(module, "computenetwork.dll is not in System32: error %lu", GetLastError());
    for (size_t index = 0; index < sizeof(exports) / sizeof(*exports); index++)
        expect(GetProcAddress(module, exports[index]), "no export %s", exports[index]);
    module = LoadLibraryExW(L"vmcompute.dll", NULL, LOAD_LIBRARY_SEARCH_SYSTEM32);
    expect(module && GetProcAddress(module, "HNSCall"), "vmcompute.dll has no HNSCall");
}

/* One of each kind, related to each other. */
typedef struct {
    GUID of[KINDS];
} Objects;

static Objects one_of_each(void)
{
    Objects objects;
    fresh(NULL);
    objects.of[NETWORK] = make(NETWORK, no_id, bridge());
    objects.of[ENDPOINT] = make(ENDPOINT, objects.of[NETWORK], local_at("10.61.3.20"));
    objects.of[NAMESPACE] = make(NAMESPACE, no_id, "{\"Type\":\"Host\"}");
    objects.of[BALANCER] = make(BALANCER, no_id, balancer_of(objects.of[ENDPOINT]));
    return objects;
}

/* Something that a modification of each kind may say. */
static const char *change_of(Kind kind, const Objects *objects)
{
    switch (kind) {
    case NETWORK:
        return say("{'ResourceType':'Policy','RequestType':'Add','Settings':{'Policies':"
                   "[{'Type':'HostRoute','Settings':{}}]}}");
    case ENDPOINT: return acl_request("Add");
    case NAMESPACE: return member_request("Add", objects->of[ENDPOINT]);
    default: return balancer_at(&objects->of[ENDPOINT], 1, "10.96.4.7", 80, 1);
    }
}

/* The helpers look at every out-parameter: garbage before, written after, freed as CoTaskMem. */
static void happy_paths(void)
{
    Objects objects = one_of_each();
    for (Kind kind = 0; kind < KINDS; kind++) {
        Handle handle;
        Answer list = accepted(enumerate(kind, IN_VERSION_2), "enumerate");
        expect(has_id(list.body, objects.of[kind]), "%s is not listed", kind_names[kind]);
        accepted(open_object(kind, objects.of[kind], &handle), "open");
        accepted(modify_object(kind, handle, change_of(kind, &objects)), "modify");
        Answer answer = accepted(query_object(kind, handle, IN_VERSION_2), "query");
        expect(same(guid_of(json_text(answer.body, "ID")), objects.of[kind]), "another %s",
            kind_names[kind]);
        expect(close_object(kind, handle) == S_OK, "close");
    }
    destroy(BALANCER, objects.of[BALANCER]);
    destroy(ENDPOINT, objects.of[ENDPOINT]);
    destroy(NAMESPACE, objects.of[NAMESPACE]);
    destroy(NETWORK, objects.of[NETWORK]);
    for (Kind kind = 0; kind < KINDS; kind++)
        expect(counted(kind) == 0, "a %s is left", kind_names[kind]);
}

static void error_records(void)
{
    Objects objects = one_of_each();
    for (Kind kind = 0; kind < KINDS; kind++) {
        Handle handle;
        Answer answer = open_object(kind, id_of(1), &handle);
        expect(FAILED(answer.code), "a %s that never was can be opened", kind_names[kind]);
        answer = delete_object(kind, id_of(1));
        expect(FAILED(answer.code), "a %s that never was can be deleted", kind_names[kind]);
        answer = try_change(kind, objects.of[kind], "{");
        expect(FAILED(answer.code), "a broken document modifies a %s", kind_names[kind]);
    }
    Answer answer = refused(try_make(NETWORK, no_id, bridge()), CODE(0x803B0010), "the same name");
    expect(!strcmp(json_text(answer.record, "Error"), "A network with this name already exists. "),
        "the text is %s", json_text(answer.record, "Error"));
    expect(json_count(answer.record, "") == 3, "a record of %zu members", json_count(answer.record, ""));
}

/* The last parameter may be NULL, on success and on failure. */
static void no_error_record_wanted(void)
{
    Objects objects = one_of_each();
    GUID missing = id_of(1);
    Handle handle = NULL;
    PWSTR text = NULL;
    expect(HcnEnumerateNetworks(NULL, &text, NULL) == S_OK, "enumerate");
    CoTaskMemFree(text);
    expect(HcnOpenNetwork(&objects.of[NETWORK], &handle, NULL) == S_OK, "open");
    text = NULL;
    expect(HcnQueryNetworkProperties(handle, NULL, &text, NULL) == S_OK && text, "query");
    CoTaskMemFree(text);
    expect(HcnModifyNetwork(handle, wide(change_of(NETWORK, &objects)), NULL) == S_OK, "modify");
    Handle endpoint = NULL;
    expect(HcnCreateEndpoint(handle, &no_id, wide(local_endpoint()), &endpoint, NULL) == S_OK, "create");
    expect(HcnCloseEndpoint(endpoint) == S_OK && HcnCloseNetwork(handle) == S_OK, "close");
    expect(HcnOpenNetwork(&missing, &handle, NULL) == NETWORK_NOT_FOUND, "open what is missing");
    expect(HcnDeleteEndpoint(&missing, NULL) == ENDPOINT_NOT_FOUND, "delete what is missing");
    expect(HcnCreateNetwork(&no_id, L"{", &handle, NULL) == CODE(0x803B001B), "create of what is no JSON");
    expect(HcnDeleteLoadBalancer(&objects.of[BALANCER], NULL) == S_OK, "delete");
}

static void bad_handles(void)
{
    Objects objects = one_of_each();
    Handle unknown[] = {NULL, (Handle)(uintptr_t)1, (Handle)(uintptr_t)0x7FFFFFF0, GARBAGE,
        INVALID_HANDLE_VALUE, &objects};
    for (Kind kind = 0; kind < KINDS; kind++) {
        for (size_t index = 0; index < sizeof(unknown) / sizeof(*unknown); index++) {
            const char *what = say("%s by the handle %p", kind_names[kind], unknown[index]);
            refused(query_object(kind, unknown[index], IN_VERSION_2), BAD_HANDLE, say("query a %s", what));
            Answer answer = modify_object(kind, unknown[index], change_of(kind, &objects));
            refused(answer, BAD_HANDLE, say("modify a %s", what));
            HRESULT code = close_object(kind, unknown[index]);
            expect(code == BAD_HANDLE, "close a %s: 0x%08lX", what, code);
        }
    }
    Handle made;
    Answer answer = create_object(ENDPOINT, GARBAGE, no_id, local_endpoint(), &made);
    refused(answer, BAD_HANDLE, "create an endpoint by a bad handle of a network");
}

static void closed_handles(void)
{
    Objects objects = one_of_each();
    for (Kind kind = 0; kind < KINDS; kind++) {
        Handle handle, other;
        accepted(open_object(kind, objects.of[kind], &handle), "open");
        expect(close_object(kind, handle) == S_OK, "close");
        refused(query_object(kind, handle, IN_VERSION_2), BAD_HANDLE, "query after close");
        refused(modify_object(kind, handle, change_of(kind, &objects)), BAD_HANDLE, "modify after close");
        expect(close_object(kind, handle) == BAD_HANDLE, "a %s closes twice", kind_names[kind]);
        accepted(open_object(kind, objects.of[kind], &other), "open again");
        refused(query_object(kind, handle, IN_VERSION_2), BAD_HANDLE, "query by the old handle");
        expect(close_object(kind, other) == S_OK, "close the second");
    }
}

/* A handle of one kind is none of another. */
static void mixed_handles(void)
{
    Objects objects = one_of_each();
    for (Kind kind = 0; kind < KINDS; kind++) {
        Handle handle;
        accepted(open_object(kind, objects.of[kind], &handle), "open");
        for (Kind other = 0; other < KINDS; other++) {
            if (other == kind)
                continue;
            const char *what = say("%s by a handle of a %s", kind_names[other], kind_names[kind]);
            refused(query_object(other, handle, IN_VERSION_2), BAD_HANDLE, say("query a %s", what));
            expect(close_object(other, handle) == BAD_HANDLE, "close a %s", what);
        }
        accepted(query_object(kind, handle, IN_VERSION_2), "query after all that");
        expect(close_object(kind, handle) == S_OK, "close");
    }
}

/* Several handles of one object are handles of their own. */
static void two_handles(void)
{
    Objects objects = one_of_each();
    for (Kind kind = 0; kind < KINDS; kind++) {
        Handle first, second;
        accepted(open_object(kind, objects.of[kind], &first), "open");
        accepted(open_object(kind, objects.of[kind], &second), "open again");
        expect(first != second, "two opens gave one handle");
        expect(close_object(kind, first) == S_OK, "close");
        accepted(query_object(kind, second, IN_VERSION_2), "query by the second");
        expect(close_object(kind, second) == S_OK, "close the second");
    }
}

/* The handle outlives the object, and the object the handle. */
static void handles_and_objects(void)
{
    Objects objects = one_of_each();
    Handle handle;
    accepted(open_object(BALANCER, objects.of[BALANCER], &handle), "open");
    destroy(BALANCER, objects.of[BALANCER]);
    Answer answer = query_object(BALANCER, handle, IN_VERSION_2);
    expect(FAILED(answer.code), "a deleted load balancer is shown: %s", answer.text);
    expect(close_object(BALANCER, handle) == S_OK, "its handle cannot be closed");
    accepted(open_object(NETWORK, objects.of[NETWORK], &handle), "open");
    expect(close_object(NETWORK, handle) == S_OK, "close");
    expect(counted(NETWORK) == 1, "closing the handle deleted the network");
}

static void missing_parameters(void)
{
    Objects objects = one_of_each();
    Handle handle = NULL, network;
    PWSTR text = NULL, record = NULL;
    accepted(open_object(NETWORK, objects.of[NETWORK], &network), "open");
    expect(FAILED(HcnOpenNetwork(NULL, &handle, NULL)), "open by no id");
    expect(FAILED(HcnOpenEndpoint(NULL, &handle, NULL)), "open by no id");
    expect(FAILED(HcnOpenNamespace(NULL, &handle, NULL)), "open by no id");
    expect(FAILED(HcnOpenLoadBalancer(NULL, &handle, NULL)), "open by no id");
    expect(FAILED(HcnDeleteNetwork(NULL, NULL)) && FAILED(HcnDeleteEndpoint(NULL, NULL)), "delete");
    expect(FAILED(HcnDeleteNamespace(NULL, NULL)) && FAILED(HcnDeleteLoadBalancer(NULL, NULL)), "delete");
    expect(FAILED(HcnOpenNetwork(&objects.of[NETWORK], NULL, NULL)), "open into nothing");
    expect(FAILED(HcnCreateNetwork(&no_id, NULL, &handle, NULL)), "a network of no settings");
    expect(FAILED(HcnCreateEndpoint(network, &no_id, NULL, &handle, NULL)), "an endpoint of none");
    expect(FAILED(HcnCreateLoadBalancer(&no_id, NULL, &handle, NULL)), "a load balancer of none");
    expect(FAILED(HcnCreateLoadBalancer(&no_id, wide(balancer_of(objects.of[ENDPOINT])), NULL, NULL)),
        "create into nothing");
    expect(FAILED(HcnModifyNetwork(network, NULL, NULL)), "modify by nothing");
    expect(FAILED(HcnQueryNetworkProperties(network, NULL, NULL, NULL)), "query into nothing");
    expect(FAILED(HcnEnumerateNetworks(NULL, NULL, &record)), "enumerate into nothing");
    CoTaskMemFree(record);
    expect(HcnEnumerateNetworks(NULL, &text, NULL) == S_OK && text, "it is out of order after all that");
    CoTaskMemFree(text);
    expect(close_object(NETWORK, network) == S_OK, "close");
    for (Kind kind = 0; kind < KINDS; kind++)
        expect(counted(kind) == 1, "%zu of %s", counted(kind), kind_names[kind]);
}

/* A NULL id of a create stands for no wish, or is refused; never for a crash or for half an object. */
static void create_without_id(void)
{
    Handle handle = NULL;
    fresh(NULL);
    HRESULT code = HcnCreateNetwork(NULL, wide(bridge()), &handle, NULL);
    expect(counted(NETWORK) == (SUCCEEDED(code) ? 1u : 0u), "0x%08lX and %zu networks", code,
        counted(NETWORK));
    if (SUCCEEDED(code))
        expect(close_object(NETWORK, handle) == S_OK, "close");
}

static void empty_queries(void)
{
    Objects objects = one_of_each();
    const char *const queries[] = {NULL, "", "{}", IN_VERSION_2, DETAILED};
    for (Kind kind = 0; kind < KINDS; kind++) {
        Handle handle;
        accepted(open_object(kind, objects.of[kind], &handle), "open");
        for (size_t index = 0; index < sizeof(queries) / sizeof(*queries); index++) {
            const char *what = queries[index] ? queries[index] : "NULL";
            Answer answer = accepted(enumerate(kind, queries[index]), what);
            expect(answer.body->count == 1 && has_id(answer.body, objects.of[kind]), "%s lists %s", what,
                answer.text);
            accepted(query_object(kind, handle, queries[index]), what);
        }
        expect(close_object(kind, handle) == S_OK, "close");
    }
}

/* Ids are what hcsshim reads: 36 characters, no braces. */
static void form_of_ids(void)
{
    Objects objects = one_of_each();
    for (Kind kind = 0; kind < KINDS; kind++) {
        Answer answer = enumerate(kind, IN_VERSION_2);
        const char *id = json_text(answer.body, "[0]");
        expect(strlen(id) == 36, "%s is not 36 characters", id);
        for (int index = 0; index < 36; index++) {
            bool dash = index == 8 || index == 13 || index == 18 || index == 23;
            expect(dash ? id[index] == '-' : strchr("0123456789abcdefABCDEF", id[index]) != NULL,
                "%s is no id", id);
        }
        expect(same(guid_of(id), objects.of[kind]), "%s is another", id);
    }
}

const Check abi_checks[] = {
    {"ABI-exports", "all functions that are known can be found", all_exports},
    {"ABI-happy-paths", "each of the 28 functions succeeds and writes its out-parameters", happy_paths},
    {"ABI-error-records", "each failure has a record that says the code, and nothing else", error_records},
    {"ABI-no-error-record", "the error record may be left out", no_error_record_wanted},
    {"ABI-bad-handles", "what is no handle is E_HANDLE", bad_handles},
    {"ABI-closed-handles", "a closed handle is E_HANDLE, for ever", closed_handles},
    {"ABI-mixed-handles", "a handle of one kind is none of another", mixed_handles},
    {"ABI-two-handles", "handles of one object are independent", two_handles},
    {"ABI-lifetimes", "handles and objects live apart", handles_and_objects},
    {"ABI-missing-parameters", "NULL where something must be is refused", missing_parameters},
    {"ABI-create-without-id", "a create with a NULL id leaves one network or none", create_without_id},
    {"ABI-empty-queries", "NULL, empty and plain queries answer alike", empty_queries},
    {"ABI-ids", "ids are 36 characters without braces", form_of_ids},
    {0},
};
