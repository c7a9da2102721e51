/* E26 and E27: HNS stops, and HNS pretends. */

#include "groups.h"
#include "hns.h"
#include "work.h"

#include <string.h>

/* Every call there is to one kind; each must fail with the code. */
static void all_calls(Kind kind, GUID network, GUID id, const char *settings, HRESULT code)
{
    Handle handle;
    refused(enumerate(kind, IN_VERSION_2), code, "enumerate");
    refused(open_object(kind, id, &handle), code, "open");
    refused(delete_object(kind, id), code, "delete");
    refused(try_make(kind, network, settings), code, "create");
}

static void e26(void)
{
    fresh(NULL);
    GUID network = make(NETWORK, no_id, bridge());
    GUID endpoint = make(ENDPOINT, network, remote_at("10.61.9.9"));
    GUID of[KINDS] = {network, endpoint, make(NAMESPACE, no_id, "{}"), make(BALANCER, no_id, balancer_of(endpoint))};
    const char *const settings[KINDS] = {overlay(), remote_at("10.61.9.10"), "{}",
        balancer_at(&endpoint, 1, "10.96.4.8", 80, 0)};
    Handle handle;
    accepted(open_object(NETWORK, network, &handle), "open");
    steer("stop", NULL);
    refused(delete_object(BALANCER, of[BALANCER]), STOPPING, "the call in flight");
    for (int round = 0; round < 2; round++)
        for (Kind kind = 0; kind < KINDS; kind++)
            all_calls(kind, network, of[kind], settings[kind], STOPPED);
    refused(query_object(NETWORK, handle, IN_VERSION_2), STOPPED, "query");
    refused(modify_object(NETWORK, handle, acl_request("Add")), STOPPED, "modify");
    Answer answer = hns_call("GET", "/globals/version", "");
    expect(answer.code == STOPPED, "HNSCall: 0x%08lX", answer.code);
    steer("start", NULL);
    for (Kind kind = 0; kind < KINDS; kind++)
        expect(counted(kind) == 1, "%zu of %s", counted(kind), kind_names[kind]);
}

static bool answers(void *unused)
{
    (void)unused;
    Answer answer = enumerate(NETWORK, IN_VERSION_2);
    expect(SUCCEEDED(answer.code) || answer.code == STOPPED, "0x%08lX in the gap", answer.code);
    return SUCCEEDED(answer.code);
}

static void stop_for_a_while(void)
{
    fresh(NULL);
    GUID network = make(NETWORK, no_id, bridge());
    GUID endpoint = make(ENDPOINT, network, remote_at("10.61.9.9"));
    GUID balancer = make(BALANCER, no_id, balancer_of(endpoint));
    fault("HcnDeleteLoadBalancer", say("{'fault':'stop','milliseconds':300}"));
    refused(delete_object(BALANCER, balancer), STOPPING, "the call in flight");
    wait_until(answers, NULL, "HNS after its stop");
    expect(counted(NETWORK) == 1, "the network is gone");
}

static void e27(void)
{
    fresh(NULL);
    GUID network = make(NETWORK, no_id, bridge());
    GUID endpoint = make(ENDPOINT, network, remote_at("10.61.9.9"));
    GUID balancer = make(BALANCER, no_id, balancer_of(endpoint));
    fault("HcnDeleteLoadBalancer", say("{'fault':'pretend'}"));
    destroy(BALANCER, balancer);
    expect(counted(BALANCER) == 1, "it is gone");
    shown(BALANCER, balancer);
    destroy(BALANCER, balancer);
    expect(counted(BALANCER) == 0, "it is still there");
    fault("HcnDeleteEndpoint", say("{'fault':'pretend'}"));
    destroy(ENDPOINT, endpoint);
    expect(counted(ENDPOINT) == 1, "it is gone");
}

static void codes_by_wish(void)
{
    fresh(NULL);
    GUID network = make(NETWORK, no_id, bridge());
    GUID endpoint = make(ENDPOINT, network, remote_at("10.61.9.9"));
    fault("HcnCreateLoadBalancer", say("{'fault':'refuse','code':'0x803B0013'}"));
    refused(try_make(BALANCER, no_id, balancer_of(endpoint)), CODE(0x803B0013), "by a fault");
    expect(counted(BALANCER) == 0, "it had its effect");
    fault("HcnCreateLoadBalancer", say("{'fault':'refuse','code':'0x800706BA','after':true}"));
    refused(try_make(BALANCER, no_id, balancer_of(endpoint)), STOPPED, "by a fault, after");
    expect(counted(BALANCER) == 1, "it had no effect");
}

const Check fault_checks[] = {
    {"E26", "the call in flight is told that HNS stops, those after it that it is away", e26},
    {"E26-for-a-while", "HNS comes back by itself", stop_for_a_while},
    {"E27", "a deletion may be a pretence", e27},
    {"FAULT-codes", "any call can be refused with any code", codes_by_wish},
    {0},
};
