/* E1 to E4 and E19: what HNS says to networks, and to documents of any kind. */

#include "groups.h"
#include "hns.h"

#include <stdio.h>
#include <string.h>

static void no_json(void)
{
    const char *const texts[] = {"{", "", "nonsense", "{\"Name\":}", "[1,2", "{\"Name\":\"x\"} {}", "{'Name':'x'}"};
    fresh(NULL);
    GUID network = make(NETWORK, no_id, bridge());
    GUID endpoint = make(ENDPOINT, network, local_at("10.61.3.20"));
    GUID balancer = make(BALANCER, no_id, balancer_of(endpoint));
    GUID space = make(NAMESPACE, no_id, "{}");
    const GUID of[KINDS] = {network, endpoint, space, balancer};
    for (size_t index = 0; index < sizeof(texts) / sizeof(*texts); index++)
        for (Kind kind = 0; kind < KINDS; kind++) {
            const char *what = say("%s by %s", kind_names[kind], texts[index]);
            refused(try_make(kind, network, texts[index]), CODE(0x803B001B), say("create a %s", what));
            refused(try_change(kind, of[kind], texts[index]), CODE(0x803B001B), say("modify a %s", what));
        }
    for (Kind kind = 0; kind < KINDS; kind++)
        expect(counted(kind) == 1, "%zu of %s", counted(kind), kind_names[kind]);
}

static void no_ids(void)
{
    fresh(NULL);
    GUID network = make(NETWORK, no_id, bridge());
    GUID space = make(NAMESPACE, no_id, "{}");
    const char *const documents[KINDS] = {
        "{\"ID\":\"nonsense\",\"Name\":\"x\",\"Type\":\"L2Bridge\"}",
        "{\"ID\":\"nonsense\",\"SchemaVersion\":{\"Major\":2}}",
        "{\"ID\":\"10000000-0000-0000-0000-00000000000g\"}",
        "{\"HostComputeEndpoints\":[\"nonsense\"],\"PortMappings\":[{\"Protocol\":6,\"InternalPort\":80,"
        "\"ExternalPort\":80}],\"SchemaVersion\":{\"Major\":2}}"};
    for (Kind kind = 0; kind < KINDS; kind++)
        refused(try_make(kind, network, documents[kind]), CODE(0x803B0019), documents[kind]);
    const char *request =
        "{\"ResourceType\":\"Endpoint\",\"RequestType\":\"Add\",\"Settings\":{\"EndpointId\":\"nonsense\"}}";
    refused(try_change(NAMESPACE, space, request), CODE(0x803B0019), request);
}

static void e1(void)
{
    no_json();
    no_ids();
}

static void e2(void)
{
    fresh(NULL);
    GUID first = make(NETWORK, no_id, bridge());
    Answer answer = refused(try_make(NETWORK, no_id, bridge()), CODE(0x803B0010), "the same again");
    expect(!strcmp(json_text(answer.record, "Error"), "A network with this name already exists. "),
        "its text is %s", json_text(answer.record, "Error"));
    const char *other = network_of("NAT", "cbr0", "");
    refused(try_make(NETWORK, no_id, other), CODE(0x803B0010), "another type of that name");
    refused(hns_call("POST", "/networks/", other), CODE(0x803B0010), "by version 1");
    expect(counted(NETWORK) == 1, "%zu networks", counted(NETWORK));
    destroy(NETWORK, first);
    make(NETWORK, no_id, other);
}

static void unknown_types(void)
{
    const char *const known[] = {"NAT", "ICS", "Transparent", "L2Bridge", "L2Tunnel", "Overlay", "Private",
        "Internal", "l2bridge", "OVERLAY"};
    fresh(NULL);
    refused(try_make(NETWORK, no_id, network_of("Token Ring", "x", "")), CODE(0x803B000B), "Token Ring");
    refused(try_make(NETWORK, no_id, network_of("L2Bridge2", "x", "")), CODE(0x803B000B), "L2Bridge2");
    for (size_t index = 0; index < sizeof(known) / sizeof(*known); index++)
        make(NETWORK, no_id, network_of(known[index], say("of type %s", known[index]), ""));
}

static const char *on_adapter(const char *type, const char *adapter)
{
    return say("{'Name':'on %s','Type':'%s','Policies':[{'Type':'NetAdapterName','Settings':"
               "{'NetworkAdapterName':'%s'}}],'SchemaVersion':{'Major':2}}", adapter, type, adapter);
}

static void missing_adapters(void)
{
    const char *const types[] = {"L2Bridge", "Overlay", "Transparent", "L2Tunnel"};
    for (size_t index = 0; index < sizeof(types) / sizeof(*types); index++) {
        fresh("{\"knobs\":{\"adapters\":[\"Ethernet\"]}}");
        refused(try_make(NETWORK, no_id, on_adapter(types[index], "Nowhere")), CODE(0x803B0006), types[index]);
        make(NETWORK, no_id, on_adapter(types[index], "Ethernet"));
    }
}

static void malformed_subnets(void)
{
    const char *const prefixes[] = {"10.300.0.0/24", "10.61.3.0/33", "10.61.3.0", "nonsense", "fd00::/129"};
    const char *const knobs[] = {"invalidArgument", "invalidSubnet"};
    const HRESULT codes[] = {CODE(0x80070057), CODE(0x803B0032)};
    for (int knob = 0; knob < 2; knob++) {
        fresh(say("{'knobs':{'malformedSubnet':'%s'}}", knobs[knob]));
        for (size_t index = 0; index < sizeof(prefixes) / sizeof(*prefixes); index++) {
            const char *subnet = say("{'IpAddressPrefix':'%s'}", prefixes[index]);
            refused(try_make(NETWORK, no_id, network_of("L2Bridge", "x", subnet)), codes[knob], subnet);
        }
        expect(counted(NETWORK) == 0, "there is a network");
    }
    fresh(NULL);
    refused(try_make(NETWORK, no_id, network_of("NAT", "x", say("{'IpAddressPrefix':'10.300.0.0/24'}"))),
        CODE(0x80070057), "the default");
}

static void e3(void)
{
    unknown_types();
    missing_adapters();
    malformed_subnets();
}

static void e4(void)
{
    const char *const types[] = {"NAT", "L2Bridge", "Overlay"};
    for (int index = 0; index < 3; index++) {
        fresh(NULL);
        GUID id = make(NETWORK, no_id,
            network_of(types[index], "x", say("{'IpAddressPrefix':'10.61.3.0/24'}")));
        expect(!strcmp(json_text(shown(NETWORK, id), "Ipams[0].Subnets[0].IpAddressPrefix"), "10.61.3.0/24"),
            "its subnet is gone");
    }
}

/* What becomes of the load balancers of a network that is deleted. */
static void delete_network(const char *knob, bool balancer_stays)
{
    fresh(knob);
    GUID network = make(NETWORK, no_id, bridge());
    GUID other = make(NETWORK, no_id, overlay());
    GUID local = make(ENDPOINT, network, local_at("10.61.3.20"));
    make(ENDPOINT, network, remote_at("10.61.9.9"));
    GUID kept = make(ENDPOINT, other, local_at("10.61.3.20"));
    GUID balancer = make(BALANCER, no_id, balancer_at(&local, 1, "10.96.4.7", 80, 1));
    GUID healthy = make(BALANCER, no_id, balancer_at(&kept, 1, "10.96.4.8", 80, 1));
    destroy(NETWORK, network);
    Answer left = enumerate(ENDPOINT, IN_VERSION_2);
    expect(left.body->count == 1 && has_id(left.body, kept), "endpoints are %s", left.text);
    Handle handle;
    refused(open_object(ENDPOINT, local, &handle), ENDPOINT_NOT_FOUND, "open its endpoint");
    left = enumerate(BALANCER, IN_VERSION_2);
    expect(has_id(left.body, balancer) == balancer_stays, "load balancers are %s", left.text);
    expect(has_id(left.body, healthy), "another one's load balancer is gone");
    expect(json_number(in_version_1("policylists", healthy), "State") == 2, "the other is not healthy");
    if (balancer_stays)
        expect(json_number(in_version_1("policylists", balancer), "State") == 4, "its state is %g",
            json_number(in_version_1("policylists", balancer), "State"));
}

static void e19(void)
{
    delete_network(NULL, true);
    delete_network("{\"knobs\":{\"networkDelete\":\"degradesLoadBalancers\"}}", true);
    delete_network("{\"knobs\":{\"networkDelete\":\"removesLoadBalancers\"}}", false);
}

/* Policies come and go; what is not there cannot be removed by a request that does not equal it. */
static void policies(void)
{
    const char *route =
        "{\"ResourceType\":\"Policy\",\"RequestType\":\"%s\",\"Settings\":{\"Policies\":[{\"Type\":"
        "\"RemoteSubnetRoute\",\"Settings\":{\"DestinationPrefix\":\"10.61.%d.0/24\",\"IsolationId\":4096,"
        "\"ProviderAddress\":\"192.0.2.12\",\"DistributedRouterMacAddress\":\"00-15-5D-00-00-0C\"}}]}}";
    fresh(NULL);
    GUID network = make(NETWORK, no_id, overlay());
    size_t before = json_count(shown(NETWORK, network), "Policies");
    for (int node = 4; node < 7; node++) {
        char request[600];
        sprintf(request, route, "Add", node);
        change(NETWORK, network, request);
    }
    expect(json_count(shown(NETWORK, network), "Policies") == before + 3, "three were added");
    char request[600];
    sprintf(request, route, "Remove", 5);
    change(NETWORK, network, request);
    const Json *policies = json_at(shown(NETWORK, network), "Policies");
    expect(policies->count == before + 2, "one was removed, and %zu are left", policies->count);
    for (const Json *item = policies->first; item; item = item->next)
        expect(strcmp(json_text(item, "Settings.DestinationPrefix"), "10.61.5.0/24"), "the wrong one went");
}

const Check network_checks[] = {
    {"E1", "what is no JSON is 0x803B001B, what is no id 0x803B0019", e1},
    {"E2", "names of networks are unique", e2},
    {"E3", "unknown types, missing adapters and malformed subnets are refused", e3},
    {"E4", "a subnet needs no default route", e4},
    {"E19", "endpoints go with their network, load balancers are degraded", e19},
    {"NETWORK-policies", "policies of a network are added and removed", policies},
    {0},
};
