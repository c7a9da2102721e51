/* E5 to E10, E20, E22, E24b and E25: what HNS says to endpoints. */

#include "groups.h"
#include "hns.h"

#include <stdio.h>
#include <string.h>

#define INVALID_IP CODE(0x803B001E)
#define SUBNET_NOT_FOUND CODE(0x803B0005)
#define RESERVED CODE(0x803B002F)
#define REMOTE_OPERATION CODE(0x803B000F)
#define INVALID_POLICY CODE(0x803B000D)

static void e5(void)
{
    fresh(NULL);
    GUID network = make(NETWORK, no_id, bridge());
    refused(try_make(ENDPOINT, id_of(1), local_endpoint()), NETWORK_NOT_FOUND, "no such network");
    Handle handle, endpoint;
    accepted(open_object(NETWORK, network, &handle), "open");
    destroy(NETWORK, network);
    Answer answer = create_object(ENDPOINT, handle, no_id, local_at("10.61.3.20"), &endpoint);
    refused(answer, NETWORK_NOT_FOUND, "a network that is gone since it was opened");
    expect(close_object(NETWORK, handle) == S_OK, "close");
    const char *settings = say("{'VirtualNetwork':'%s'}", text_of(id_of(1)));
    refused(hns_call("POST", "/endpoints/", settings), ELEMENT_NOT_FOUND, "by version 1");
    expect(counted(ENDPOINT) == 0, "there is an endpoint");
}

static void e6(void)
{
    const char *const outside[] = {"10.61.4.1", "192.0.2.9", "fd00:61:4::9"};
    fresh(NULL);
    GUID network = make(NETWORK, no_id, bridge());
    GUID bare = make(NETWORK, no_id, network_of("L2Bridge", "bare", ""));
    for (int index = 0; index < 3; index++) {
        const char *address = outside[index];
        refused(try_make(ENDPOINT, network, local_at(address)), INVALID_IP, address);
        make(ENDPOINT, network, remote_at(address));
        refused(try_make(ENDPOINT, bare, local_at(address)), SUBNET_NOT_FOUND, "there is no subnet");
        make(ENDPOINT, bare, remote_at(address));
    }
    refused(try_make(ENDPOINT, network, local_at("10.61.3")), INVALID_IP, "what is no address");
    refused(try_make(ENDPOINT, network, local_at("10.61.3.256")), INVALID_IP, "what is no address");
    refused(try_make(ENDPOINT, bare, local_endpoint()), SUBNET_NOT_FOUND, "no subnet to take one of");
    make(ENDPOINT, network, local_at("10.61.3.254"));
    make(ENDPOINT, network, local_at("fd00:61:3::20"));
}

static void e7(void)
{
    const char *const reserved[] = {"10.61.3.20", "10.61.3.1", "10.61.3.0", "fd00:61:3::20", "fd00:61:3::1"};
    fresh(NULL);
    GUID network = make(NETWORK, no_id, bridge());
    GUID used = make(ENDPOINT, network, local_at("10.61.3.20"));
    make(ENDPOINT, network, local_at("fd00:61:3::20"));
    for (int index = 0; index < 5; index++)
        refused(try_make(ENDPOINT, network, local_at(reserved[index])), RESERVED, reserved[index]);
    refused(try_make(ENDPOINT, network, local_at("fd00:61:3:0:0::20")), RESERVED, "in other words");
    GUID picked = make(ENDPOINT, network, local_endpoint());
    const char *address = json_text(shown(ENDPOINT, picked), "IpConfigurations[0].IpAddress");
    refused(try_make(ENDPOINT, network, local_at(address)), RESERVED, "one that HNS picked");
    destroy(ENDPOINT, used);
    make(ENDPOINT, network, local_at("10.61.3.20"));
    GUID other = make(NETWORK, no_id, overlay());
    make(ENDPOINT, other, local_at("10.61.3.20"));
}

static void e8(void)
{
    fresh(NULL);
    GUID network = make(NETWORK, no_id, overlay());
    const char *document = remote_through("10.61.9.9", "192.0.2.12");
    GUID first = make(ENDPOINT, network, document);
    refused(try_make(ENDPOINT, network, document), CODE(0x80071392), "the same");
    const char *renamed = say("{'Name':'other',%s", document + 1);
    refused(try_make(ENDPOINT, network, renamed), CODE(0x80071392), "by another name");
    make(ENDPOINT, network, remote_through("10.61.9.9", "192.0.2.13"));
    make(ENDPOINT, network,
        say("{'IpConfigurations':[{'IpAddress':'10.61.9.9'}],'MacAddress':'02-11-00-00-00-01','Flags':1,"
            "'Policies':[{'Type':'ProviderAddress','Settings':{'ProviderAddress':'192.0.2.12'}}]}"));
    GUID other = make(NETWORK, no_id, bridge());
    make(ENDPOINT, other, remote_through("10.61.9.9", "192.0.2.12"));
    destroy(ENDPOINT, first);
    make(ENDPOINT, network, document);
}

static void e9(void)
{
    const char *const addresses[] = {"10.61.3.20", "fd00:61:3::20"};
    for (int index = 0; index < 4; index++) {
        const char *address = addresses[index / 2];
        fresh(NULL);
        GUID network = make(NETWORK, no_id, bridge());
        make(ENDPOINT, network, index % 2 ? local_at(address) : remote_at(address));
        make(ENDPOINT, network, index % 2 ? remote_at(address) : local_at(address));
        expect(counted(ENDPOINT) == 2, "%zu endpoints", counted(ENDPOINT));
    }
}

static void e10(void)
{
    fresh(NULL);
    GUID network = make(NETWORK, no_id, overlay());
    GUID other = make(NETWORK, no_id, bridge());
    refused(try_make(ENDPOINT, network, remote_at("10.61.9.9")), INVALID_POLICY, "no policy");
    const char *wrong = say("{'IpConfigurations':[{'IpAddress':'10.61.9.9'}],'Flags':1,'MacAddress':"
                            "'02-11-00-00-00-01','Policies':[{'Type':'OutBoundNAT','Settings':{}}]}");
    refused(try_make(ENDPOINT, network, wrong), INVALID_POLICY, "another policy");
    make(ENDPOINT, network, remote_through("10.61.9.9", "192.0.2.12"));
    make(ENDPOINT, other, remote_at("10.61.9.9"));
    make(ENDPOINT, network, local_at("10.61.3.20"));
}

static void e20(void)
{
    const char *const knobs[] = {NULL, "{\"knobs\":{\"deleteOfReferenced\":\"refused\"}}",
        "{\"knobs\":{\"deleteOfReferenced\":\"allowed\"}}"};
    for (int index = 0; index < 3; index++) {
        fresh(knobs[index]);
        GUID network = make(NETWORK, no_id, bridge());
        GUID endpoint = make(ENDPOINT, network, remote_at("10.61.9.9"));
        GUID balancer = make(BALANCER, no_id, balancer_of(endpoint));
        Answer answer = delete_object(ENDPOINT, endpoint);
        if (index == 2) {
            accepted(answer, "delete");
            expect(has_id(json_at(shown(BALANCER, balancer), "HostComputeEndpoints"), endpoint),
                "the load balancer does not name it any more");
        } else {
            refused(answer, CODE(0x803B002C), "delete");
            refused(hns_call("DELETE", say("/endpoints/%s", text_of(endpoint)), ""), CODE(0x803B002C), "V1");
            destroy(BALANCER, balancer);
            destroy(ENDPOINT, endpoint);
        }
        expect(counted(ENDPOINT) == 0, "%zu endpoints", counted(ENDPOINT));
    }
}

static Answer attach(GUID endpoint)
{
    return hns_call("POST", say("/endpoints/%s/attach", text_of(endpoint)),
        say("{'SystemType':'Host','CompartmentId':1}"));
}

static void e22(void)
{
    fresh(NULL);
    GUID network = make(NETWORK, no_id, bridge());
    GUID remote = make(ENDPOINT, network, remote_at("10.61.9.9"));
    GUID local = make(ENDPOINT, network, local_at("10.61.3.20"));
    GUID space = make(NAMESPACE, no_id, "{}");
    refused(try_change(ENDPOINT, remote, acl_request("Add")), REMOTE_OPERATION, "modify");
    refused(attach(remote), REMOTE_OPERATION, "attach");
    refused(try_change(NAMESPACE, space, member_request("Add", remote)), REMOTE_OPERATION, "into a namespace");
    change(ENDPOINT, local, acl_request("Add"));
    accepted(attach(local), "attach a local one");
    destroy(ENDPOINT, remote);
}

static void e24b(void)
{
    fresh(NULL);
    GUID network = make(NETWORK, no_id, bridge());
    const char *named = "{\"Name\":\"GoTestNatEndpoint\",\"SchemaVersion\":{\"Major\":2,\"Minor\":0}}";
    GUID first = make(ENDPOINT, network, named);
    GUID second = make(ENDPOINT, network, named);
    expect(!same(first, second), "it is one endpoint");
    Answer found = enumerate(ENDPOINT,
        say("{'SchemaVersion':{'Major':2},'Filter':'{\\'Name\\':\\'GoTestNatEndpoint\\'}'}"));
    expect(found.body->count == 2, "the name finds %s", found.text);
}

static void e25(void)
{
    const char *mapped = "{\"Policies\":[{\"Type\":\"PortMapping\",\"Settings\":{\"Protocol\":%d,"
                         "\"InternalPort\":80,\"ExternalPort\":%d}}],\"SchemaVersion\":{\"Major\":2}}";
    char document[300];
    fresh(NULL);
    GUID network = make(NETWORK, no_id, bridge());
    sprintf(document, mapped, 6, 8088);
    GUID first = make(ENDPOINT, network, document);
    refused(try_make(ENDPOINT, network, document), CODE(0x803B0013), "the same mapping");
    sprintf(document, mapped, 17, 8088);
    make(ENDPOINT, network, document);
    sprintf(document, mapped, 6, 8089);
    make(ENDPOINT, network, document);
    destroy(ENDPOINT, first);
    sprintf(document, mapped, 6, 8088);
    make(ENDPOINT, network, document);
}

/* Add appends, Remove takes away what equals, Update replaces what is of the types given. */
static void policies(void)
{
    fresh(NULL);
    GUID network = make(NETWORK, no_id, bridge());
    GUID endpoint = make(ENDPOINT, network,
        say("{'Policies':[{'Type':'OutBoundNAT','Settings':{'Exceptions':['10.61.0.0/16']}}]}"));
    change(ENDPOINT, endpoint, acl_request("Add"));
    const Json *document = shown(ENDPOINT, endpoint);
    expect(json_count(document, "Policies") == 2, "two policies expected");
    expect(json_number(policy_of(document, "ACL"), "Priority") == 200, "the policy is another");
    change(ENDPOINT, endpoint, acl_request("Update"));
    document = shown(ENDPOINT, endpoint);
    expect(json_count(document, "Policies") == 2, "Update left %zu", json_count(document, "Policies"));
    change(ENDPOINT, endpoint, acl_request("Remove"));
    document = shown(ENDPOINT, endpoint);
    expect(json_count(document, "Policies") == 1 && !policy_of(document, "ACL"), "Remove left it");
    expect(policy_of(document, "OutBoundNAT"), "and took another");
}

const Check endpoint_checks[] = {
    {"E5", "an endpoint needs a network that exists", e5},
    {"E6", "local addresses are inside a subnet, remote ones anywhere", e6},
    {"E7", "used and reserved addresses are refused", e7},
    {"E8", "an equal endpoint is refused, anything less equal accepted", e8},
    {"E9", "a local and a remote endpoint may have one address", e9},
    {"E10", "remote endpoints of an overlay need a provider address", e10},
    {"E20", "an endpoint that a load balancer names stays, or leaves a dangling id", e20},
    {"E22", "remote endpoints cannot be changed or attached", e22},
    {"E24b", "names of endpoints are not unique", e24b},
    {"E25", "one port mapping, one endpoint", e25},
    {"ENDPOINT-policies", "policies of an endpoint are added, replaced and removed", policies},
    {0},
};
