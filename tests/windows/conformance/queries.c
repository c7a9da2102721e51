/* Q1 to Q7: what lists and queries answer. */

#include "groups.h"
#include "hns.h"

#include <stdio.h>
#include <string.h>

/* A query of version 2 with a filter of these members. */
static const char *filtered(const char *members)
{
    char *escaped = json_keep(2 * strlen(members) + 1), *out = escaped;
    for (; *members; members++) {
        if (*members == '"')
            *out++ = '\\';
        *out++ = *members;
    }
    return say("{'SchemaVersion':{'Major':2,'Minor':0},'Filter':'%s'}", escaped);
}

static size_t found(Kind kind, const char *members)
{
    return accepted(enumerate(kind, filtered(members)), members).body->count;
}

static void same_lists(const char *setup)
{
    enum { COUNT = 7 };
    GUID made[COUNT];
    fresh(setup);
    GUID network = make(NETWORK, no_id, bridge());
    for (int index = 0; index < COUNT; index++)
        made[index] = make(ENDPOINT, network, remote_at(say("10.61.9.%d", index + 1)));
    for (int round = 0; round < 5; round++) {
        Answer list = accepted(enumerate(ENDPOINT, IN_VERSION_2), "enumerate");
        expect(list.body->count == COUNT, "%zu of %d", list.body->count, COUNT);
        for (int index = 0; index < COUNT; index++)
            expect(has_id(list.body, made[index]), "%s is not in %s", text_of(made[index]), list.text);
    }
}

static void q1(void)
{
    same_lists(NULL);
    same_lists("{\"knobs\":{\"enumerationOrder\":\"rotated\"}}");
    same_lists("{\"knobs\":{\"enumerationOrder\":\"byId\"}}");
}

static void q2(void)
{
    fresh(NULL);
    GUID network = make(NETWORK, no_id, bridge());
    GUID other = make(NETWORK, no_id, overlay());
    GUID pod = make(ENDPOINT, network, say("{'Name':'pod','IpConfigurations':[{'IpAddress':'10.61.3.20'}]}"));
    make(ENDPOINT, other, say("{'Name':'pod','IpConfigurations':[{'IpAddress':'10.61.3.20'}]}"));
    make(ENDPOINT, network, remote_at("10.61.9.9"));
    GUID balancer = make(BALANCER, no_id, balancer_of(pod));
    GUID space = make(NAMESPACE, no_id, "{}");
    expect(found(NETWORK, say("{'Name':'cbr0'}")) == 1, "a network by its name");
    expect(found(NETWORK, say("{'ID':'%s'}", text_of(other))) == 1, "a network by its id");
    expect(found(ENDPOINT, say("{'Name':'pod'}")) == 2, "endpoints by their name");
    expect(found(ENDPOINT, say("{'VirtualNetwork':'%s'}", text_of(network))) == 2, "endpoints by their network");
    expect(found(ENDPOINT, say("{'VirtualNetworkName':'vxlan0'}")) == 1, "and by its name");
    expect(found(ENDPOINT, say("{'Name':'pod','VirtualNetwork':'%s'}", text_of(network))) == 1, "by both");
    expect(found(ENDPOINT, say("{'Name':'Ethernet','VirtualNetwork':'%s'}", text_of(other))) == 0, "by both");
    expect(found(BALANCER, say("{'ID':'%s'}", text_of(balancer))) == 1, "a load balancer by its id");
    expect(found(NAMESPACE, say("{'ID':'%s'}", text_of(space))) == 1, "a namespace by its id");
    expect(found(NETWORK, say("{'Name':'nobody'}")) == 0, "a name that nobody has");
    Answer none = enumerate(NETWORK, filtered(say("{'Name':'nobody'}")));
    expect(none.code == S_OK && !strcmp(none.text, "[]"), "no match is %s", none.text);
}

static void q3(void)
{
    const char *const filters[] = {"{\"Nonsense\":\"x\"}", "{\"HostComputeNetwork\":\"%s\"}", "{\"ID\":\"\"}",
        "{\"Name\":\"\"}", "{\"Name\":\"pod\",\"Nonsense\":\"x\"}"};
    fresh(NULL);
    GUID network = make(NETWORK, no_id, bridge());
    make(ENDPOINT, network, say("{'Name':'pod'}"));
    for (size_t index = 0; index < sizeof(filters) / sizeof(*filters); index++) {
        char filter[200];
        snprintf(filter, sizeof(filter), filters[index], text_of(network));
        expect(found(ENDPOINT, filter) == 0, "%s matches", filter);
    }
}

static void q4(void)
{
    fresh(NULL);
    GUID network = make(NETWORK, no_id, bridge());
    make(ENDPOINT, network, local_at("10.61.3.20"));
    expect(found(ENDPOINT, say("{'IPAddress':'10.61.3.20'}")) == 0, "an address finds an endpoint");
    expect(found(ENDPOINT, say("{'IpAddress':'10.61.3.20'}")) == 0, "an address finds an endpoint");
}

static void q5(void)
{
    GUID of[KINDS];
    fresh(NULL);
    of[NETWORK] = make(NETWORK, no_id, bridge());
    of[ENDPOINT] = make(ENDPOINT, of[NETWORK], local_at("10.61.3.20"));
    of[NAMESPACE] = make(NAMESPACE, no_id, "{}");
    of[BALANCER] = make(BALANCER, no_id, balancer_of(of[ENDPOINT]));
    for (Kind kind = 0; kind < KINDS; kind++) {
        const Json *plain = shown(kind, of[kind]);
        const Json *with_filter = shown_as(kind, of[kind], filtered(say("{'Name':'nobody'}")));
        expect(json_equal(plain, with_filter), "a filter changes what is shown of a %s", kind_names[kind]);
    }
}

static void q6(void)
{
    enum { COUNT = 1500 };
    fresh(NULL);
    GUID network = make(NETWORK, no_id, bridge());
    for (int index = 0; index < COUNT; index++)
        make(ENDPOINT, network, remote_at(say("10.70.%d.%d", index / 250, index % 250 + 1)));
    size_t count;
    GUID *ids = ids_of(accepted(enumerate(ENDPOINT, IN_VERSION_2), "enumerate"), &count);
    expect(count == COUNT, "%zu of %d", count, COUNT);
    destroy(ENDPOINT, ids[0]);
    Handle handle;
    refused(open_object(ENDPOINT, ids[0], &handle), ENDPOINT_NOT_FOUND, "one that was listed and is gone");
    accepted(open_object(ENDPOINT, ids[1], &handle), "the next");
    expect(close_object(ENDPOINT, handle) == S_OK, "close");
}

static void q7(void)
{
    fresh(NULL);
    GUID network = make(NETWORK, no_id, bridge());
    GUID endpoint = make(ENDPOINT, network, local_at("10.61.3.20"));
    GUID space = make(NAMESPACE, no_id, "{}");
    change(NAMESPACE, space, member_request("Add", endpoint));
    GUID balancer = make(BALANCER, no_id, balancer_of(endpoint));
    const Json *plain = shown(ENDPOINT, endpoint), *detailed = shown_as(ENDPOINT, endpoint, DETAILED);
    expect(!json_at(plain, "State"), "State without detail");
    expect(json_number(detailed, "State") == 2 || json_number(detailed, "State") == 3, "the state is %g",
        json_number(detailed, "State"));
    expect(json_count(detailed, "Health.Extra.Resources.Allocators") == 1, "no switch port in detail");
    for (const Json *item = plain->first; item; item = item->next)
        expect(json_equal(item, json_at(detailed, item->name)), "%s is another in detail", item->name);
    expect(json_number(shown_as(BALANCER, balancer, DETAILED), "State") == 2, "the load balancer is not healthy");
}

/* The major version of the query decides on the shape. */
static void shapes(void)
{
    const char *const of_version_1[] = {"", "{}", "{\"SchemaVersion\":{\"Major\":1,\"Minor\":0}}"};
    fresh(NULL);
    GUID network = make(NETWORK, no_id, bridge());
    GUID endpoint = make(ENDPOINT, network, local_at("10.61.3.20"));
    GUID balancer = make(BALANCER, no_id, balancer_at(&endpoint, 1, "10.96.4.7", 80, 1));
    for (int index = 0; index < 3; index++) {
        const Json *older = shown_as(ENDPOINT, endpoint, of_version_1[index]);
        expect(!strcmp(json_text(older, "IPAddress"), "10.61.3.20"), "no IPAddress");
        expect(same(guid_of(json_text(older, "VirtualNetwork")), network), "no VirtualNetwork");
        expect(!json_at(older, "IpConfigurations"), "IpConfigurations in version 1");
        older = shown_as(BALANCER, balancer, of_version_1[index]);
        expect(!strcmp(json_text(older, "Policies[0].Type"), "ELB"), "no ELB policy");
        expect(json_true(older, "Policies[0].IsDSR"), "no IsDSR");
        expect(!_stricmp(json_text(older, "References[0]"), say("/endpoints/%s", text_of(endpoint))), "reference %s",
            json_text(older, "References[0]"));
        expect(json_number(older, "State") == 2, "no State");
    }
    const Json *newer = shown(ENDPOINT, endpoint);
    expect(!strcmp(json_text(newer, "IpConfigurations[0].IpAddress"), "10.61.3.20"), "no IpConfigurations");
    expect(same(guid_of(json_text(newer, "HostComputeNetwork")), network), "no HostComputeNetwork");
    const Json *subnets = json_at(in_version_1("networks", network), "Subnets");
    expect(subnets && subnets->count == 2, "no Subnets");
    expect(!strcmp(json_text(subnets, "[0].GatewayAddress"), "10.61.3.1"), "no gateway");
}

/* A broken query is an error, not a crash and not a list of everything. */
static void broken(void)
{
    const char *const queries[] = {"{", "nonsense", "{\"Filter\":\"{\"}"};
    fresh(NULL);
    make(NETWORK, no_id, bridge());
    for (int index = 0; index < 3; index++) {
        Answer answer = enumerate(NETWORK, queries[index]);
        expect(FAILED(answer.code) || answer.body->count == 0, "%s lists %s", queries[index], answer.text);
    }
}

const Check query_checks[] = {
    {"Q1", "lists hold the same whatever their order", q1},
    {"Q2", "a filter compares members of version 1, and all must match", q2},
    {"Q3", "an unknown key and an empty value match nothing", q3},
    {"Q4", "addresses cannot be asked for", q4},
    {"Q5", "a query for properties ignores the filter", q5},
    {"Q6", "a list is one page, and old at once", q6},
    {"Q7", "detail adds the state and the switch port", q7},
    {"QUERY-shapes", "the version of the query decides on the shape of the answer", shapes},
    {"QUERY-broken", "a broken query lists nothing", broken},
    {0},
};
