/* L1 to L6: what outlives what. */

#include "groups.h"
#include "hns.h"
#include "work.h"

#include <string.h>
#include <wchar.h>

#define WRONG_DISK CODE(0x80070022)

typedef struct {
    GUID of[KINDS];
    GUID remote;
} World;

static World build(const char *setup)
{
    World world;
    fresh(setup);
    world.of[NETWORK] = make(NETWORK, no_id, bridge());
    world.of[ENDPOINT] = make(ENDPOINT, world.of[NETWORK], local_at("10.61.3.20"));
    world.remote = make(ENDPOINT, world.of[NETWORK], remote_at("10.61.9.9"));
    world.of[NAMESPACE] = make(NAMESPACE, no_id, "{}");
    GUID both[] = {world.of[ENDPOINT], world.remote};
    world.of[BALANCER] = make(BALANCER, no_id, balancer_at(both, 2, "10.96.4.7", 80, 1));
    return world;
}

static void expect_counts(size_t networks, size_t endpoints, size_t balancers)
{
    expect(counted(NETWORK) == networks && counted(ENDPOINT) == endpoints && counted(BALANCER) == balancers,
        "%zu networks, %zu endpoints, %zu load balancers; expected %zu, %zu, %zu", counted(NETWORK),
        counted(ENDPOINT), counted(BALANCER), networks, endpoints, balancers);
}

/* Whether all is as `before`: documents of version 2. */
static const Json *snapshot(const World *world)
{
    Json *all = json_keep(sizeof(Json));
    Json **last = &all->first;
    *all = (Json){.kind = JSON_ARRAY, .count = KINDS};
    for (Kind kind = 0; kind < KINDS; kind++) {
        *last = json_keep(sizeof(Json));
        **last = *shown(kind, world->of[kind]);
        (*last)->next = NULL;
        last = &(*last)->next;
    }
    return all;
}

static void l1(void)
{
    fresh(NULL);
    HANDLE process = start_process("leave");
    DWORD code = end_process(process);
    expect(code == 0, "the other process ended with %lu", code);
    expect_counts(1, 2, 1);
    expect(counted(NAMESPACE) == 1, "%zu namespaces", counted(NAMESPACE));
    Answer list = accepted(enumerate(BALANCER, IN_VERSION_2), "enumerate");
    GUID balancer = guid_of(json_text(list.body, "[0]"));
    expect(json_count(shown(BALANCER, balancer), "HostComputeEndpoints") == 2, "its load balancer is another");
    destroy(BALANCER, balancer);
    World world = build(NULL);
    const Json *before = snapshot(&world);
    Handle handle;
    for (int round = 0; round < 100; round++)
        accepted(open_object(BALANCER, world.of[BALANCER], &handle), "open and forget");
    expect(json_equal(before, snapshot(&world)), "something has changed");
    destroy(BALANCER, world.of[BALANCER]);
}

static void rehydrate(const char *kind, size_t networks, size_t endpoints, size_t balancers)
{
    World world = build(say("{'knobs':{'rehydration':'%s'}}", kind));
    steer("restart", NULL);
    if (!strcmp(kind, "withoutEndpoints"))
        expect(counted(NETWORK) == networks && counted(ENDPOINT) == endpoints, "something else came back");
    else
        expect_counts(networks, endpoints, balancers);
    if (networks)
        expect(same(guid_of(json_text(shown(NETWORK, world.of[NETWORK]), "ID")), world.of[NETWORK]), "another");
}

static void l2(void)
{
    World world = build(NULL);
    const Json *before = snapshot(&world);
    Handle handles[KINDS];
    for (Kind kind = 0; kind < KINDS; kind++)
        accepted(open_object(kind, world.of[kind], &handles[kind]), "open");
    steer("stop", NULL);
    refused(enumerate(NETWORK, IN_VERSION_2), STOPPING, "the call in flight");
    for (Kind kind = 0; kind < KINDS; kind++)
        refused(enumerate(kind, IN_VERSION_2), STOPPED, "a call in the gap");
    steer("start", NULL);
    expect(json_equal(before, snapshot(&world)), "something has changed");
    for (Kind kind = 0; kind < KINDS; kind++)
        refused(query_object(kind, handles[kind], IN_VERSION_2), BAD_HANDLE, "a handle from before");
    refused(try_make(BALANCER, no_id, balancer_of(world.remote)), CODE(0x800700B7), "the frontend is held");
    rehydrate("all", 1, 2, 1);
    rehydrate("withoutLoadBalancers", 1, 2, 0);
    rehydrate("withoutEndpoints", 1, 0, 0);
    rehydrate("networksAlone", 1, 0, 0);
    rehydrate("nothing", 0, 0, 0);
}

static void reboot(const char *setup, bool id_changes)
{
    fresh(setup);
    GUID kept = make(NETWORK, no_id, bridge());
    make(NETWORK, no_id, say("{'Name':'passing','Type':'L2Bridge','Flags':8}"));
    make(NETWORK, no_id, say("{'Name':'nat','Type':'NAT'}"));
    make(ENDPOINT, kept, local_at("10.61.3.20"));
    steer("reboot", NULL);
    Answer list = accepted(enumerate(NETWORK, IN_VERSION_2), "enumerate");
    expect(list.body->count == 1, "networks: %s", list.text);
    GUID now = guid_of(json_text(list.body, "[0]"));
    expect(!strcmp(json_text(shown(NETWORK, now), "Name"), "cbr0"), "the wrong network is left");
    expect(same(now, kept) != id_changes, "its id is %s, and was %s", text_of(now), text_of(kept));
    expect(counted(ENDPOINT) == 0, "a pod's endpoint is left");
}

static void l3(void)
{
    reboot(NULL, true);
    reboot("{\"knobs\":{\"rebootChangesNetworkIds\":false}}", false);
}

static void l4(void)
{
    World world = build(NULL);
    steer("stop", NULL);
    steer("start", say("{'data':'mismatched'}"));
    for (int round = 0; round < 2; round++) {
        for (Kind kind = 0; kind < KINDS; kind++)
            refused(enumerate(kind, IN_VERSION_2), WRONG_DISK, "enumerate");
        refused(try_make(NETWORK, no_id, overlay()), WRONG_DISK, "create");
        refused(delete_object(BALANCER, world.of[BALANCER]), WRONG_DISK, "delete");
        refused(hns_call("GET", "/globals/version", ""), WRONG_DISK, "version");
        steer("restart", NULL);
    }
    steer("start", say("{'data':'removed'}"));
    expect_counts(0, 0, 0);
    make(NETWORK, no_id, bridge());
}

typedef struct {
    volatile LONG about;
    volatile LONG networks;
    wchar_t *quiet[2];
} Heard;

static void CALLBACK on_notification(DWORD type, void *context, HRESULT status, PCWSTR data)
{
    Heard *heard = context;
    (void)status;
    for (int index = 0; data && index < 2; index++)
        if (wcsstr(data, heard->quiet[index]))
            InterlockedIncrement(&heard->about);
    if (type == HcnNotificationNetworkCreate)
        InterlockedIncrement(&heard->networks);
}

static bool heard_of_a_network(void *argument)
{
    return ((Heard *)argument)->networks > 0;
}

/* Nobody is told; whoever has a handle learns it by a call. */
static void l5(void)
{
    World world = build(NULL);
    Heard heard = {.quiet = {wide(text_of(world.of[ENDPOINT])), wide(text_of(world.of[BALANCER]))}};
    HCN_CALLBACK registration = NULL;
    expect(HcnRegisterServiceCallback(on_notification, &heard, &registration) == S_OK, "register");
    Handle handle;
    accepted(open_object(BALANCER, world.of[BALANCER], &handle), "open");
    accepted(hns_call("DELETE", say("/policylists/%s", text_of(world.of[BALANCER])), ""), "by version 1");
    accepted(hns_call("DELETE", say("/endpoints/%s", text_of(world.of[ENDPOINT])), ""), "by version 1");
    Answer answer = query_object(BALANCER, handle, IN_VERSION_2);
    expect(FAILED(answer.code) && answer.code != BAD_HANDLE, "a deleted one answers 0x%08lX", answer.code);
    expect(close_object(BALANCER, handle) == S_OK, "close");
    make(NETWORK, no_id, overlay());
    wait_until(heard_of_a_network, &heard, "the notification of the network after them");
    expect(HcnUnregisterServiceCallback(registration) == S_OK, "unregister");
    expect(heard.about == 0, "%ld notifications of what has none", heard.about);
    expect_counts(2, 1, 0);
}

static void delete_that_hangs(void *argument)
{
    refused(delete_object(BALANCER, *(GUID *)argument), STOPPING, "the call that hung");
}

static void version_that_hangs(void *argument)
{
    (void)argument;
    refused(hns_call("GET", "/globals/version", ""), STOPPING, "the call that hung");
}

static void hang(const char *call, void (*part)(void *), GUID id)
{
    Errand errand;
    fault(call, say("{'fault':'hang'}"));
    start_errand(&errand, part, &id);
    bool early = errand_is_over(&errand, 300);
    steer("restart", NULL);
    bool late = errand_is_over(&errand, SOON_MILLISECONDS);
    expect(late, "%s hangs on when HNS is restarted", call);
    end_errand(&errand);
    expect(!early, "%s did not hang", call);
}

static void l6(void)
{
    World world = build(NULL);
    hang("HcnDeleteLoadBalancer", delete_that_hangs, world.of[BALANCER]);
    expect_counts(1, 2, 1);
    destroy(BALANCER, world.of[BALANCER]);
    world = build(NULL);
    hang("HNSCall", version_that_hangs, no_id);
    expect_counts(1, 2, 1);
}

const Check lifetime_checks[] = {
    {"L1", "objects outlive the process that made them, and handles that nobody closed", l1},
    {"L2", "objects come back after a restart, handles do not", l2},
    {"L3", "a reboot takes what does not persist, and may change ids", l3},
    {"L4", "data of another build is refused until it is removed", l4},
    {"L5", "nobody is told of a deletion by somebody else", l5},
    {"L6", "a call that hangs ends when HNS is restarted", l6},
    {0},
};
