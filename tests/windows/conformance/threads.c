/* Many threads of one process at once. */

#include "groups.h"
#include "hns.h"
#include "work.h"

#include <stdio.h>
#include <string.h>

enum { THREADS = 16, ROUNDS = 12 };

static GUID shared_network;

/* One thread makes its own of each kind, reads, changes and deletes them, and keeps one of each. */
static void live(void *argument)
{
    int number = number_of(argument);
    for (int round = 0; round < ROUNDS; round++) {
        const char *address = say("10.71.%d.%d", number, round + 1);
        GUID endpoint = make(ENDPOINT, shared_network, remote_at(address));
        GUID space = make(NAMESPACE, no_id, "{}");
        const char *frontend = say("10.96.%d.%d", number, round + 1);
        GUID balancer = make(BALANCER, no_id, balancer_at(&endpoint, 1, frontend, 80, 1));
        expect(!strcmp(json_text(shown(ENDPOINT, endpoint), "IpConfigurations[0].IpAddress"), address),
            "another thread's endpoint");
        expect(!strcmp(json_text(shown(BALANCER, balancer), "FrontendVIPs[0]"), frontend),
            "another thread's load balancer");
        change(BALANCER, balancer, balancer_at(&endpoint, 1, frontend, 80, 0));
        Answer list = accepted(enumerate(BALANCER, IN_VERSION_2), "enumerate");
        expect(has_id(list.body, balancer), "its own load balancer is not listed");
        Handle handle;
        refused(open_object(ENDPOINT, id_of(1), &handle), ENDPOINT_NOT_FOUND, "what is missing");
        if (round == 0)
            continue;
        destroy(BALANCER, balancer);
        destroy(ENDPOINT, endpoint);
        destroy(NAMESPACE, space);
    }
}

static void at_once(void)
{
    fresh(NULL);
    shared_network = make(NETWORK, no_id, bridge());
    on_threads(THREADS, live);
    expect(counted(ENDPOINT) == THREADS && counted(NAMESPACE) == THREADS && counted(BALANCER) == THREADS,
        "%zu endpoints, %zu namespaces, %zu load balancers are left of %d threads", counted(ENDPOINT),
        counted(NAMESPACE), counted(BALANCER), THREADS);
}

static Handle shared_handles[KINDS];
static GUID shared_ids[KINDS];

static void use_handles(void *argument)
{
    (void)argument;
    for (int round = 0; round < 40; round++) {
        Kind kind = (Kind)(round % KINDS);
        Answer answer = accepted(query_object(kind, shared_handles[kind], IN_VERSION_2), "query");
        expect(same(guid_of(json_text(answer.body, "ID")), shared_ids[kind]), "another object");
    }
}

/* A handle is the process's, not the thread's. */
static void handles_of_others(void)
{
    fresh(NULL);
    shared_ids[NETWORK] = make(NETWORK, no_id, bridge());
    shared_ids[ENDPOINT] = make(ENDPOINT, shared_ids[NETWORK], local_at("10.61.3.20"));
    shared_ids[NAMESPACE] = make(NAMESPACE, no_id, "{}");
    shared_ids[BALANCER] = make(BALANCER, no_id, balancer_of(shared_ids[ENDPOINT]));
    for (Kind kind = 0; kind < KINDS; kind++)
        accepted(open_object(kind, shared_ids[kind], &shared_handles[kind]), "open");
    on_threads(THREADS, use_handles);
    for (Kind kind = 0; kind < KINDS; kind++)
        expect(close_object(kind, shared_handles[kind]) == S_OK, "close");
}

static volatile LONG closed;

static void close_shared(void *argument)
{
    (void)argument;
    HRESULT code = HcnCloseNetwork(shared_handles[NETWORK]);
    expect(code == S_OK || code == BAD_HANDLE, "close: 0x%08lX", code);
    if (code == S_OK)
        InterlockedIncrement(&closed);
}

/* Of many threads that close one handle, one does. */
static void close_at_once(void)
{
    fresh(NULL);
    GUID network = make(NETWORK, no_id, bridge());
    for (int round = 0; round < 20; round++) {
        closed = 0;
        accepted(open_object(NETWORK, network, &shared_handles[NETWORK]), "open");
        on_threads(8, close_shared);
        expect(closed == 1, "%ld threads closed one handle", closed);
    }
}

static volatile LONG won;

static void want_frontend(void *argument)
{
    (void)argument;
    Answer answer = try_make(BALANCER, no_id, balancer_of(shared_ids[ENDPOINT]));
    expect(answer.code == S_OK || answer.code == CODE(0x800700B7), "0x%08lX", answer.code);
    if (answer.code == S_OK)
        InterlockedIncrement(&won);
}

/* Of many threads that want one frontend, one gets it. */
static void want_at_once(void)
{
    for (int round = 0; round < 5; round++) {
        fresh(NULL);
        won = 0;
        shared_network = make(NETWORK, no_id, bridge());
        shared_ids[ENDPOINT] = make(ENDPOINT, shared_network, remote_at("10.61.9.9"));
        on_threads(THREADS, want_frontend);
        expect(won == 1 && counted(BALANCER) == 1, "%ld threads got one frontend", won);
    }
}

static void take_address(void *argument)
{
    (void)argument;
    for (int round = 0; round < 10; round++)
        make(ENDPOINT, shared_network, local_endpoint());
}

/* Addresses that HNS picks for many threads at once differ. */
static void pick_at_once(void)
{
    fresh(NULL);
    shared_network = make(NETWORK, no_id, overlay());
    on_threads(THREADS, take_address);
    size_t count;
    GUID *ids = ids_of(enumerate(ENDPOINT, IN_VERSION_2), &count);
    expect(count == THREADS * 10, "%zu endpoints", count);
    bool taken_addresses[256] = {false};
    for (size_t index = 0; index < count; index++) {
        const char *address = json_text(shown(ENDPOINT, ids[index]), "IpConfigurations[0].IpAddress");
        unsigned last;
        expect(sscanf(address, "10.61.3.%u", &last) == 1 && last < 256, "the address %s", address);
        expect(!taken_addresses[last], "%s twice", address);
        taken_addresses[last] = true;
    }
}

static volatile LONG enough;

static bool is_of_a_restart(HRESULT code)
{
    return code == S_OK || code == STOPPING || code == STOPPED || code == BAD_HANDLE;
}

/* Reads by handles that may become void at any moment, until it is enough. */
static void read_on(void *argument)
{
    Kind kind = (Kind)(number_of(argument) % KINDS);
    while (!enough) {
        Handle handle;
        Answer answer = open_object(kind, shared_ids[kind], &handle);
        expect(is_of_a_restart(answer.code), "open: 0x%08lX", answer.code);
        if (FAILED(answer.code))
            continue;
        answer = query_object(kind, handle, IN_VERSION_2);
        expect(is_of_a_restart(answer.code), "query: 0x%08lX", answer.code);
        HRESULT code = close_object(kind, handle);
        expect(is_of_a_restart(code), "close: 0x%08lX", code);
        json_forget();
    }
}

/* HNS goes and comes under threads that read: nobody hangs, nobody sees half of it. */
static void restart_under_threads(void)
{
    Errand errands[8];
    fresh(NULL);
    shared_ids[NETWORK] = make(NETWORK, no_id, bridge());
    shared_ids[ENDPOINT] = make(ENDPOINT, shared_ids[NETWORK], local_at("10.61.3.20"));
    shared_ids[NAMESPACE] = make(NAMESPACE, no_id, "{}");
    shared_ids[BALANCER] = make(BALANCER, no_id, balancer_of(shared_ids[ENDPOINT]));
    enough = 0;
    for (int index = 0; index < 8; index++)
        start_errand(&errands[index], read_on, (void *)(intptr_t)index);
    for (int round = 0; round < 10; round++) {
        steer("restart", NULL);
        Sleep(5);
        steer("stop", NULL);
        Sleep(5);
        steer("start", NULL);
    }
    enough = 1;
    for (int index = 0; index < 8; index++)
        end_errand(&errands[index]);
    for (Kind kind = 0; kind < KINDS; kind++)
        expect(same(guid_of(json_text(shown(kind, shared_ids[kind]), "ID")), shared_ids[kind]), "another %s",
            kind_names[kind]);
}

const Check thread_checks[] = {
    {"THREADS-at-once", "16 threads create, read, modify and delete", at_once},
    {"THREADS-handles", "a handle serves every thread", handles_of_others},
    {"THREADS-close", "one of eight threads closes a handle", close_at_once},
    {"THREADS-frontend", "one of 16 threads gets a frontend", want_at_once},
    {"THREADS-addresses", "16 threads get different addresses", pick_at_once},
    {"THREADS-restart", "HNS goes and comes under eight threads", restart_under_threads},
    {0},
};
