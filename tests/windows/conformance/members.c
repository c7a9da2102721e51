/* E21, E23 and E24: what is missing, and what belongs to a namespace. */

#include "groups.h"
#include "hns.h"

#include <string.h>

static void missing(Kind kind, HRESULT code)
{
    Handle handle;
    refused(open_object(kind, id_of(1), &handle), code, say("open a %s", kind_names[kind]));
    refused(delete_object(kind, id_of(1)), code, say("delete a %s", kind_names[kind]));
    refused(delete_object(kind, no_id), code, say("delete the %s of no id", kind_names[kind]));
}

static void e21(void)
{
    fresh(NULL);
    missing(NETWORK, NETWORK_NOT_FOUND);
    missing(ENDPOINT, ENDPOINT_NOT_FOUND);
    missing(NAMESPACE, ELEMENT_NOT_FOUND);
    missing(BALANCER, ELEMENT_NOT_FOUND);
    GUID network = make(NETWORK, no_id, bridge());
    destroy(NETWORK, network);
    refused(delete_object(NETWORK, network), NETWORK_NOT_FOUND, "delete it twice");
    fresh("{\"knobs\":{\"missingLoadBalancer\":\"policyNotFound\"}}");
    missing(BALANCER, CODE(0x803B0008));
}

/* The ids of the endpoints of a namespace. */
static size_t members(GUID space)
{
    const Json *resources = json_at(shown(NAMESPACE, space), "Resources");
    size_t count = 0;
    for (const Json *item = resources ? resources->first : NULL; item; item = item->next) {
        expect(!strcmp(json_text(item, "Type"), "Endpoint"), "a member of the type %s", json_text(item, "Type"));
        guid_of(json_text(item, "Data.ID"));
        count++;
    }
    return count;
}

static void e23(void)
{
    fresh(NULL);
    GUID network = make(NETWORK, no_id, bridge());
    GUID endpoint = make(ENDPOINT, network, local_at("10.61.3.20"));
    GUID first = make(NAMESPACE, no_id, "{\"Type\":\"Host\"}");
    GUID second = make(NAMESPACE, no_id, "{\"Type\":\"Guest\"}");
    change(NAMESPACE, first, member_request("Add", endpoint));
    refused(try_change(NAMESPACE, second, member_request("Add", endpoint)), CODE(0x803B002B), "a second");
    expect(members(first) == 1 && members(second) == 0, "%zu and %zu", members(first), members(second));
    expect(same(guid_of(json_text(shown(ENDPOINT, endpoint), "HostComputeNamespace")), first),
        "the endpoint does not say where it is");
    change(NAMESPACE, first, member_request("Remove", endpoint));
    change(NAMESPACE, second, member_request("Add", endpoint));
    expect(members(first) == 0 && members(second) == 1, "%zu and %zu", members(first), members(second));
    GUID other = make(ENDPOINT, network, local_at("10.61.3.21"));
    const char *path = say("/endpoints/%s/attach", text_of(other));
    const char *request = say("{'SystemType':'Host','CompartmentId':1}");
    accepted(hns_call("POST", path, request), "attach");
    refused(hns_call("POST", path, request), CODE(0x803B0014), "attach twice");
    accepted(hns_call("POST", say("/endpoints/%s/detach", text_of(other)), say("{'SystemType':'Host'}")),
        "detach");
}

static void e24(void)
{
    fresh(NULL);
    GUID network = make(NETWORK, no_id, bridge());
    GUID endpoint = make(ENDPOINT, network, local_at("10.61.3.20"));
    GUID first = make(NAMESPACE, no_id, "{}");
    GUID second = make(NAMESPACE, no_id, "{}");
    refused(try_change(NAMESPACE, first, member_request("Remove", endpoint)), ELEMENT_NOT_FOUND, "in none");
    change(NAMESPACE, second, member_request("Add", endpoint));
    refused(try_change(NAMESPACE, first, member_request("Remove", endpoint)), ELEMENT_NOT_FOUND, "in another");
    expect(members(second) == 1, "it has left the other");
}

/* A member that is deleted, and a namespace that is deleted with a member. */
static void ends_of_members(void)
{
    fresh(NULL);
    GUID network = make(NETWORK, no_id, bridge());
    GUID endpoint = make(ENDPOINT, network, local_at("10.61.3.20"));
    GUID other = make(ENDPOINT, network, local_at("10.61.3.21"));
    GUID space = make(NAMESPACE, no_id, "{}");
    change(NAMESPACE, space, member_request("Add", endpoint));
    change(NAMESPACE, space, member_request("Add", other));
    destroy(ENDPOINT, endpoint);
    expect(members(space) == 1, "%zu members", members(space));
    destroy(NAMESPACE, space);
    const char *left = json_text(shown(ENDPOINT, other), "HostComputeNamespace");
    expect(!*left || same(guid_of(left), no_id), "the endpoint is still in %s", left);
    destroy(ENDPOINT, other);
}

const Check member_checks[] = {
    {"E21", "what is missing is missing, by the code of its kind", e21},
    {"E23", "an endpoint is in one namespace, and attached once", e23},
    {"E24", "an endpoint leaves only the namespace that it is in", e24},
    {"NAMESPACE-ends", "members and namespaces end without each other", ends_of_members},
    {0},
};
