/* G1 to G6: what HNS fills in. */

#include "groups.h"
#include "hns.h"

#include <stdio.h>
#include <string.h>

static void g1(void)
{
    const char *const paths[KINDS] = {"networks", "endpoints", "namespaces", "policylists"};
    GUID of[KINDS];
    fresh(NULL);
    of[NETWORK] = make(NETWORK, no_id, bridge());
    of[ENDPOINT] = make(ENDPOINT, of[NETWORK], local_at("10.61.3.20"));
    of[NAMESPACE] = make(NAMESPACE, no_id, "{}");
    of[BALANCER] = make(BALANCER, no_id, balancer_of(of[ENDPOINT]));
    for (Kind kind = 0; kind < KINDS; kind++) {
        expect(!same(of[kind], no_id), "a %s without an id", kind_names[kind]);
        for (Kind other = 0; other < kind; other++)
            expect(!same(of[kind], of[other]), "two objects with one id");
        const Json *detailed = shown_as(kind, of[kind], DETAILED);
        if (kind != NAMESPACE) {
            expect(json_number(detailed, "State") > 0, "%s: no State in detail", kind_names[kind]);
            expect(json_at(detailed, "Health"), "%s: no Health in detail", kind_names[kind]);
        }
        expect(!json_at(shown(kind, of[kind]), "State"), "%s: State without detail", kind_names[kind]);
        const Json *older = in_version_1(paths[kind], of[kind]);
        expect(same(guid_of(json_text(older, "ID")), of[kind]), "version 1 shows another %s", kind_names[kind]);
    }
    GUID asked = make_as(ENDPOINT, of[NETWORK], id_of(1), local_at("10.61.3.21"));
    expect(same(asked, id_of(1)), "an id that was asked for by argument is not given");
    const char *with_id = say("{'ID':'%s','IpConfigurations':[{'IpAddress':'10.61.3.22'}]}", text_of(id_of(2)));
    expect(same(make(ENDPOINT, of[NETWORK], with_id), id_of(2)), "nor one that was asked for by ID");
}

static void macs_of_pool(const Json *document)
{
    const char *first = json_text(document, "MacPool.Ranges[0].StartMacAddress");
    const char *last = json_text(document, "MacPool.Ranges[0].EndMacAddress");
    unsigned from[6], to[6];
    int count = sscanf(first, "%x-%x-%x-%x-%x-%x", &from[0], &from[1], &from[2], &from[3], &from[4], &from[5]);
    expect(count == 6 && strlen(first) == 17, "the pool begins with %s", first);
    count = sscanf(last, "%x-%x-%x-%x-%x-%x", &to[0], &to[1], &to[2], &to[3], &to[4], &to[5]);
    expect(count == 6 && strlen(last) == 17, "the pool ends with %s", last);
    expect(!strncmp(first, "00-15-5D-", 9), "the pool begins with %s", first);
    unsigned begin = from[3] << 16 | from[4] << 8 | from[5], end = to[3] << 16 | to[4] << 8 | to[5];
    expect(end - begin + 1 == 4096, "the pool has %u addresses", end - begin + 1);
}

static void g2(void)
{
    fresh(NULL);
    const Json *l2bridge = shown(NETWORK, make(NETWORK, no_id, bridge()));
    macs_of_pool(l2bridge);
    expect(!policy_of(l2bridge, "DrMacAddress"), "a bridge with a router's address");
    const Json *tunnel = shown(NETWORK, make(NETWORK, no_id, overlay()));
    macs_of_pool(tunnel);
    expect(strcmp(json_text(l2bridge, "MacPool.Ranges[0].StartMacAddress"),
        json_text(tunnel, "MacPool.Ranges[0].StartMacAddress")), "two networks with one pool");
    expect(strlen(json_text(policy_of(tunnel, "DrMacAddress"), "Address")) == 17, "no DrMacAddress");
    expect(*json_text(policy_of(tunnel, "ProviderAddress"), "ProviderAddress"), "no ProviderAddress");
    const Json *nat = shown(NETWORK, make(NETWORK, no_id, say("{'Name':'nat','Type':'NAT'}")));
    unsigned part[4], length;
    const char *prefix = json_text(nat, "Ipams[0].Subnets[0].IpAddressPrefix");
    expect(sscanf(prefix, "%u.%u.%u.%u/%u", &part[0], &part[1], &part[2], &part[3], &length) == 5, "%s", prefix);
    expect(part[0] == 172 && part[1] >= 16 && part[1] < 32, "NAT has the subnet %s", prefix);
    expect(!json_at(nat, "Type"), "NAT is the default type, and it is shown");
    const char *own = say("{'Name':'own','Type':'L2Bridge','MacPool':{'Ranges':[{'StartMacAddress':"
                          "'00-15-5D-52-C0-00','EndMacAddress':'00-15-5D-52-CF-FF'}]}}");
    const Json *kept = shown(NETWORK, make(NETWORK, no_id, own));
    expect(!strcmp(json_text(kept, "MacPool.Ranges[0].StartMacAddress"), "00-15-5D-52-C0-00"), "a given pool is lost");
    Answer list = accepted(hns_call("GET", "/networks/", ""), "version 1");
    for (const Json *item = list.body->first; item; item = item->next)
        expect(*json_text(item, "ManagementIP"), "no ManagementIP in %s", json_text(item, "Name"));
}

static const Json *switch_port(GUID endpoint)
{
    const Json *allocators = json_at(in_version_1("endpoints", endpoint), "Resources.Allocators");
    for (const Json *item = allocators ? allocators->first : NULL; item; item = item->next)
        if (!strcmp(json_text(item, "Tag"), "Endpoint Port"))
            return json_at(item, "EndpointPortGuid");
    return NULL;
}

static void g3(void)
{
    fresh(NULL);
    const char *settings = say("{'Name':'cbr0','Type':'L2Bridge','Dns':{'Domain':'cluster.local','ServerList':"
        "['10.96.0.10']},'Ipams':[{'Subnets':[{'IpAddressPrefix':'10.61.3.0/24','Routes':[{'NextHop':"
        "'10.61.3.1','DestinationPrefix':'0.0.0.0/0'}]}]}],'SchemaVersion':{'Major':2}}");
    GUID network = make(NETWORK, no_id, settings);
    GUID first = make(ENDPOINT, network, say("{'Dns':{},'Health':{'Extra':{}},'SchemaVersion':{'Major':2}}"));
    GUID second = make(ENDPOINT, network, local_endpoint());
    const Json *document = shown(ENDPOINT, first), *other = shown(ENDPOINT, second);
    expect(!strncmp(json_text(document, "IpConfigurations[0].IpAddress"), "10.61.3.", 8), "the address is %s",
        json_text(document, "IpConfigurations[0].IpAddress"));
    expect(strcmp(json_text(document, "IpConfigurations[0].IpAddress"),
        json_text(other, "IpConfigurations[0].IpAddress")), "two endpoints with one address");
    expect(json_number(document, "IpConfigurations[0].PrefixLength") == 24, "another prefix length");
    expect(!strncmp(json_text(document, "MacAddress"), "00-15-5D-", 9), "the hardware address is %s",
        json_text(document, "MacAddress"));
    expect(strcmp(json_text(document, "MacAddress"), json_text(other, "MacAddress")), "one hardware address");
    expect(!strcmp(json_text(document, "Routes[0].NextHop"), "10.61.3.1"), "no default route");
    expect(!strcmp(json_text(document, "Dns.Domain"), "cluster.local"), "the network's DNS is not inherited");
    expect(!strcmp(json_text(document, "Dns.ServerList[0]"), "10.96.0.10"), "the network's DNS is not inherited");
    expect(!switch_port(first), "a switch port before it is attached");
    expect(json_number(in_version_1("endpoints", first), "State") == 1, "it is not in the state Created");
    accepted(hns_call("POST", say("/endpoints/%s/attach", text_of(first)),
        say("{'SystemType':'Host','CompartmentId':1}")), "attach");
    expect(switch_port(first), "no switch port after it is attached");
    GUID given = make(ENDPOINT, network, say("{'Name':'pod','MacAddress':'02-11-0A-3D-03-20',"
        "'IpConfigurations':[{'IpAddress':'10.61.3.32','PrefixLength':24}]}"));
    document = shown(ENDPOINT, given);
    expect(!strcmp(json_text(document, "Name"), "pod"), "a given name is lost");
    expect(!_stricmp(json_text(document, "MacAddress"), "02-11-0A-3D-03-20"), "a given hardware address is lost");
    expect(!strcmp(json_text(document, "IpConfigurations[0].IpAddress"), "10.61.3.32"), "a given address is lost");
}

static void g4(void)
{
    fresh(NULL);
    GUID network = make(NETWORK, no_id, overlay());
    GUID remote = make(ENDPOINT, network, remote_through("10.61.9.9", "192.0.2.12"));
    const Json *document = shown(ENDPOINT, remote);
    expect(!strcmp(json_text(document, "Name"), "Ethernet"), "its name is %s", json_text(document, "Name"));
    expect(json_number(document, "Flags") == 1, "its flags are %g", json_number(document, "Flags"));
    expect(!_stricmp(json_text(document, "MacAddress"), "02-11-0a-3d-09-09"), "its hardware address is %s",
        json_text(document, "MacAddress"));
    expect(!strcmp(json_text(document, "IpConfigurations[0].IpAddress"), "10.61.9.9"), "its address is lost");
    expect(!strcmp(json_text(policy_of(document, "ProviderAddress"), "ProviderAddress"), "192.0.2.12"),
        "its provider address is lost");
    expect(!switch_port(remote), "it has a switch port");
    const Json *older = in_version_1("endpoints", remote);
    expect(json_true(older, "IsRemoteEndpoint"), "version 1 does not show that it is remote");
    const char *space = json_text(document, "HostComputeNamespace");
    expect(!*space || same(guid_of(space), no_id), "it is in a namespace");
    GUID named = make(ENDPOINT, network, say("{'Name':'far','Flags':1,'MacAddress':'02-11-00-00-00-01',"
        "'IpConfigurations':[{'IpAddress':'10.61.9.10'}],'Policies':[{'Type':'ProviderAddress','Settings':"
        "{'ProviderAddress':'192.0.2.12'}}]}"));
    expect(!strcmp(json_text(shown(ENDPOINT, named), "Name"), "far"), "a given name is lost");
}

static void g5(void)
{
    fresh(NULL);
    GUID network = make(NETWORK, no_id, bridge());
    GUID endpoint = make(ENDPOINT, network, remote_at("10.61.9.9"));
    const char *plain = say("{'HostComputeEndpoints':['%s'],'PortMappings':[{'Protocol':6,'InternalPort':80,"
        "'ExternalPort':31416}],'SchemaVersion':{'Major':2,'Minor':0}}", text_of(endpoint));
    const char *wordy = say("{'HostComputeEndpoints':['%s'],'SourceVIP':'','FrontendVIPs':[],'Flags':0,"
        "'PortMappings':[{'Protocol':6,'InternalPort':80,'ExternalPort':31417,'DistributionType':0,'Flags':0}],"
        "'SchemaVersion':{'Major':2,'Minor':0}}", text_of(endpoint));
    const char *whole = say("{'HostComputeEndpoints':['%s'],'SourceVIP':'10.61.3.2','FrontendVIPs':['10.96.4.7'],"
        "'Flags':1,'PortMappings':[{'Protocol':17,'InternalPort':53,'ExternalPort':53,'DistributionType':2,"
        "'Flags':18}],'SchemaVersion':{'Major':2,'Minor':0}}", text_of(endpoint));
    const char *const sent[] = {plain, wordy, whole};
    for (int index = 0; index < 3; index++) {
        GUID made = make(BALANCER, no_id, sent[index]);
        const Json *document = shown(BALANCER, made);
        char *expected = say("%s", index == 1 ? plain : sent[index]);
        if (index == 1)
            memcpy(strstr(expected, "31416"), "31417", 5);
        expected = say("{'ID':'%s',%s", text_of(made), expected + 1);
        expect(json_equal(document, json_read(expected)), "sent %s and was shown as ID %s and others",
            sent[index], json_text(document, "ID"));
    }
}

static void g6(void)
{
    const char *const types[] = {"Host", "Guest"};
    double last = 1;
    fresh(NULL);
    for (int index = 0; index < 6; index++) {
        const char *type = types[index % 2];
        GUID space = make(NAMESPACE, no_id, say("{'Type':'%s','SchemaVersion':{'Major':2,'Minor':0}}", type));
        const Json *document = shown(NAMESPACE, space);
        double number = json_number(document, "NamespaceId");
        expect(number > last, "the compartment %g after %g", number, last);
        last = number;
        expect(same(guid_of(json_text(document, "NamespaceGuid")), space), "NamespaceGuid is %s",
            json_text(document, "NamespaceGuid"));
        const char *shown_type = json_text(document, "Type");
        expect(!strcmp(shown_type, type) || (!strcmp(type, "Host") && !*shown_type), "its type is %s", shown_type);
        if (index == 2)
            destroy(NAMESPACE, space);
    }
}

const Check generated_checks[] = {
    {"G1", "an id, a state and a health come by themselves", g1},
    {"G2", "networks get a pool, a subnet, a management address, a router", g2},
    {"G3", "local endpoints get addresses, a route, DNS, later a port", g3},
    {"G4", "remote endpoints get a name and nothing else", g4},
    {"G5", "load balancers get an id, and lose their defaults", g5},
    {"G6", "namespaces get the next compartment", g6},
    {0},
};
