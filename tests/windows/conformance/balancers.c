/* E11 to E18: what HNS says to load balancers. */

#include "groups.h"
#include "hns.h"

#include <stdio.h>
#include <string.h>

#define PORT_EXISTS CODE(0x803B0013)
#define ALREADY_EXISTS CODE(0x800700B7)

/* A remote backend on a new network. */
static GUID backend(void)
{
    GUID network = make(NETWORK, no_id, bridge());
    return make(ENDPOINT, network, remote_at("10.61.9.9"));
}

static Answer balance(GUID endpoint, const char *address, int port, int flags)
{
    return try_make(BALANCER, no_id, balancer_at(&endpoint, 1, address, port, flags));
}

static void e11(void)
{
    fresh(NULL);
    GUID endpoint = backend();
    GUID both[] = {endpoint, id_of(1)};
    const char *const documents[] = {balancer_at(NULL, 0, "10.96.4.7", 80, 0),
        balancer_of(id_of(1)), balancer_at(both, 2, "10.96.4.7", 80, 1),
        "{\"PortMappings\":[{\"Protocol\":6,\"InternalPort\":80,\"ExternalPort\":80}],"
        "\"SchemaVersion\":{\"Major\":2,\"Minor\":0}}"};
    for (int index = 0; index < 4; index++) {
        Answer answer = refused(try_make(BALANCER, no_id, documents[index]), CODE(0x803B001C), documents[index]);
        expect(strstr(json_text(answer.record, "Error"), "A Reference is required"), "its text is %s",
            json_text(answer.record, "Error"));
    }
    const char *elb = "{\"Policies\":[{\"Type\":\"ELB\",\"Protocol\":6,\"InternalPort\":80,\"ExternalPort\":80,"
                      "\"VIPs\":[\"10.96.4.7\"]}],\"References\":[%s]}";
    const char *missing = say("'/endpoints/%s'", text_of(id_of(1)));
    char document[400];
    sprintf(document, elb, "");
    refused(hns_call("POST", "/policylists/", document), CODE(0x803B000D), "no reference by version 1");
    sprintf(document, elb, missing);
    refused(hns_call("POST", "/policylists/", document), CODE(0x803B000D), "a missing one by version 1");
    expect(counted(BALANCER) == 0, "there is a load balancer");
}

static void frontends(const char *knob, HRESULT code)
{
    fresh(knob ? say("{'knobs':{'duplicateFrontend':'%s'}}", knob) : NULL);
    GUID endpoint = backend();
    accepted(balance(endpoint, "10.96.4.7", 80, 0), "the first");
    accepted(balance(endpoint, "", 31080, 1), "a node port");
    Answer answer = balance(endpoint, "10.96.4.7", 80, 1);
    expect(answer.code == code, "the same frontend: 0x%08lX", answer.code);
    answer = balance(endpoint, "", 31080, 0);
    expect(answer.code == code, "the same node port: 0x%08lX", answer.code);
    accepted(balance(endpoint, "10.96.4.7", 81, 0), "another port");
    accepted(balance(endpoint, "10.96.4.8", 80, 0), "another address");
    accepted(balance(endpoint, "10.96.4.8", 31080, 0), "an address at the number of the node port");
    const char *udp = "{\"HostComputeEndpoints\":[\"%s\"],\"FrontendVIPs\":[\"10.96.4.7\"],\"PortMappings\":"
                      "[{\"Protocol\":17,\"InternalPort\":80,\"ExternalPort\":80}],\"SchemaVersion\":{\"Major\":2}}";
    char document[400];
    sprintf(document, udp, text_of(endpoint));
    make(BALANCER, no_id, document);
}

static void e12(void)
{
    frontends(NULL, ALREADY_EXISTS);
    frontends("alreadyExists", ALREADY_EXISTS);
    frontends("portAlreadyExists", PORT_EXISTS);
    frontends("allowed", S_OK);
    fresh(NULL);
    GUID endpoint = backend();
    GUID first = make(BALANCER, no_id, balancer_of(endpoint));
    destroy(BALANCER, first);
    make(BALANCER, no_id, balancer_of(endpoint));
}

static void e13(void)
{
    const char *zero = "{\"HostComputeEndpoints\":[\"%s\"],\"FrontendVIPs\":[\"10.96.4.7\"],\"PortMappings\":"
                       "[{\"Protocol\":6,\"InternalPort\":%d,\"ExternalPort\":80}],\"SchemaVersion\":{\"Major\":2}}";
    char document[400];
    fresh(NULL);
    GUID endpoint = backend();
    sprintf(document, zero, text_of(endpoint), 0);
    refused(try_make(BALANCER, no_id, document), CODE(0x803B002D), "the internal port 0");
    const char *without = "{\"HostComputeEndpoints\":[\"%s\"],\"PortMappings\":[{\"Protocol\":6,"
                          "\"ExternalPort\":80}],\"SchemaVersion\":{\"Major\":2}}";
    sprintf(document, without, text_of(endpoint));
    refused(try_make(BALANCER, no_id, document), CODE(0x803B002D), "no internal port");
    expect(counted(BALANCER) == 0, "there is a load balancer");
    sprintf(document, zero, text_of(endpoint), 1);
    make(BALANCER, no_id, document);
}

static void e14(void)
{
    fresh("{\"knobs\":{\"boundPorts\":[{\"protocol\":6,\"port\":10256}]}}");
    GUID endpoint = backend();
    for (int flags = 0; flags < 2; flags++) {
        refused(balance(endpoint, "", 10256, flags), PORT_EXISTS, "a node port that is bound");
        refused(balance(endpoint, "10.96.4.7", 10256, flags), PORT_EXISTS, "a port that is bound, at an address");
    }
    accepted(balance(endpoint, "", 10257, 0), "the next port");
}

static void e15(void)
{
    const char *const knobs[] = {"portAlreadyExists", "outOfMemory"};
    const HRESULT codes[] = {PORT_EXISTS, CODE(0x8007000E)};
    for (int knob = 0; knob < 2; knob++) {
        fresh(say("{'knobs':{'portBlocks':2,'exhaustedPool':'%s'}}", knobs[knob]));
        GUID endpoint = backend();
        GUID first = make(BALANCER, no_id, balancer_at(&endpoint, 1, "10.96.4.1", 80, 0));
        accepted(balance(endpoint, "10.96.4.2", 80, 0), "the second");
        refused(balance(endpoint, "10.96.4.3", 80, 0), codes[knob], "the third");
        accepted(balance(endpoint, "10.96.4.4", 80, 1), "one with direct server return");
        destroy(BALANCER, first);
        accepted(balance(endpoint, "10.96.4.3", 80, 0), "after one is gone");
        refused(balance(endpoint, "10.96.4.5", 80, 0), codes[knob], "one more");
    }
}

static void destinations(const char *setup, size_t most)
{
    fresh(setup);
    GUID network = make(NETWORK, no_id, bridge());
    GUID *endpoints = json_keep(sizeof(GUID) * (most + 1));
    for (size_t index = 0; index <= most; index++)
        endpoints[index] = make(ENDPOINT, network, remote_at(say("10.70.%zu.%zu", index / 250, index % 250 + 1)));
    Answer answer = try_make(BALANCER, no_id, balancer_at(endpoints, most + 1, "10.96.4.7", 80, 0));
    refused(answer, CODE(0x80070057), say("%zu endpoints", most + 1));
    expect(strstr(json_text(answer.record, "Error"), "invalid number of destinations"), "its text is %s",
        json_text(answer.record, "Error"));
    GUID made = make(BALANCER, no_id, balancer_at(endpoints, most, "10.96.4.7", 80, 0));
    expect(json_count(shown(BALANCER, made), "HostComputeEndpoints") == most, "some are lost");
}

static void e16(void)
{
    destinations("{\"version\":{\"Major\":9,\"Minor\":3}}", 64);
    destinations("{\"knobs\":{\"maximumDestinations\":3}}", 3);
    destinations(NULL, 1024);
}

static void e17(void)
{
    fresh(NULL);
    GUID network = make(NETWORK, no_id, bridge());
    GUID endpoint = make(ENDPOINT, network, local_at("10.61.3.20"));
    GUID remote = make(ENDPOINT, network, remote_at("10.61.9.9"));
    const char *path = say("/endpoints/%s", text_of(endpoint));
    accepted(hns_call("POST", say("%s/attach", path), say("{'SystemType':'Host','CompartmentId':1}")), "attach");
    accepted(hns_call("POST", say("%s/detach", path), say("{'SystemType':'Host'}")), "detach");
    expect(json_number(in_version_1("endpoints", endpoint), "State") == 4, "it is not detached");
    GUID both[] = {remote, endpoint};
    refused(balance(endpoint, "10.96.4.7", 80, 0), CODE(0x803B0007), "over it");
    refused(try_make(BALANCER, no_id, balancer_at(both, 2, "10.96.4.7", 80, 1)), CODE(0x803B0007), "over both");
    accepted(balance(remote, "10.96.4.7", 80, 0), "over the other");
}

static void e18(void)
{
    fresh(NULL);
    GUID network = make(NETWORK, no_id, bridge());
    GUID endpoints[3];
    for (int index = 0; index < 3; index++)
        endpoints[index] = make(ENDPOINT, network,
            say("{'IpConfigurations':[{'IpAddress':'10.61.9.%d'}],'MacAddress':'02-11-00-00-00-01','Flags':1}",
                index + 1));
    GUID made = make(BALANCER, no_id, balancer_at(endpoints, 3, "10.96.4.7", 80, 0));
    expect(json_count(shown(BALANCER, made), "HostComputeEndpoints") == 3, "some are lost");
}

/* A modification replaces the whole document, where HNS has it. */
static void modify(void)
{
    fresh(NULL);
    GUID network = make(NETWORK, no_id, bridge());
    GUID both[] = {make(ENDPOINT, network, remote_at("10.61.9.9")), make(ENDPOINT, network, remote_at("10.61.9.10"))};
    GUID made = make(BALANCER, no_id, balancer_at(both, 1, "10.96.4.7", 80, 1));
    change(BALANCER, made, balancer_at(both, 2, "10.96.4.7", 80, 0));
    const Json *document = shown(BALANCER, made);
    expect(json_count(document, "HostComputeEndpoints") == 2, "the endpoints are as they were");
    expect(!json_at(document, "Flags"), "the flags are as they were");
    expect(same(guid_of(json_text(document, "ID")), made), "the id has changed");
    refused(try_change(BALANCER, made, balancer_at(NULL, 0, "10.96.4.7", 80, 0)), CODE(0x803B001C), "none");
    expect(json_count(shown(BALANCER, made), "HostComputeEndpoints") == 2, "a refused change had its effect");
    GUID other = make(BALANCER, no_id, balancer_at(both, 1, "10.96.4.8", 80, 0));
    refused(try_change(BALANCER, other, balancer_at(both, 1, "10.96.4.7", 80, 0)), ALREADY_EXISTS,
        "the frontend of another");
}

static void modify_by_version(void)
{
    const int versions[][2] = {{9, 3}, {11, 10}, {13, 2}, {15, 1}, {15, 4}, {15, 5}, {16, 0}};
    for (size_t index = 0; index < sizeof(versions) / sizeof(*versions); index++) {
        int major = versions[index][0], minor = versions[index][1];
        fresh(say("{'version':{'Major':%d,'Minor':%d}}", major, minor));
        Answer version = accepted(hns_call("GET", "/globals/version", ""), "version");
        expect(json_number(version.body, "Major") == major && json_number(version.body, "Minor") == minor,
            "it says it is %s", version.text);
        GUID network = make(NETWORK, no_id, bridge());
        GUID both[] = {make(ENDPOINT, network, remote_at("10.61.9.9")),
            make(ENDPOINT, network, remote_at("10.61.9.10"))};
        GUID made = make(BALANCER, no_id, balancer_at(both, 1, "10.96.4.7", 80, 0));
        Answer answer = try_change(BALANCER, made, balancer_at(both, 2, "10.96.4.7", 80, 0));
        bool accepts = major > 15 || (major == 15 && minor >= 4);
        bool works = major > 15 || (major == 15 && minor >= 5);
        expect(answer.code == (accepts ? S_OK : NOT_IMPLEMENTED), "%d.%d answers 0x%08lX", major, minor,
            answer.code);
        expect(json_count(shown(BALANCER, made), "HostComputeEndpoints") == (works ? 2u : 1u),
            "%d.%d: the endpoints are not as they should be", major, minor);
    }
}

const Check balancer_checks[] = {
    {"E11", "a load balancer needs endpoints that exist", e11},
    {"E12", "one frontend, one load balancer", e12},
    {"E13", "the internal port is not 0", e13},
    {"E14", "a port that a process has bound is refused", e14},
    {"E15", "64-port blocks run out, and direct server return needs none", e15},
    {"E16", "a load balancer has at most 64 or 1,024 endpoints, by the build", e16},
    {"E17", "an endpoint that has lost its port is refused", e17},
    {"E18", "equal hardware addresses are accepted", e18},
    {"BALANCER-modify", "a modification replaces the document", modify},
    {"BALANCER-modify-by-version", "older builds do not modify, 15.4 pretends to", modify_by_version},
    {0},
};
