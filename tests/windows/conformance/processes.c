/* Several processes on one HNS, some of which are killed. */

#include "groups.h"
#include "hns.h"
#include "work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORKERS = 4, ROUNDS = 15, KEPT_EVERY = 3 };

/* The network that all of them use. */
static GUID common_network(void)
{
    Answer list = accepted(enumerate(NETWORK, say("{'SchemaVersion':{'Major':2},'Filter':"
                                                  "'{\\'Name\\':\\'cbr0\\'}'}")), "enumerate");
    expect(list.body->count == 1, "the common network: %s", list.text);
    return guid_of(json_text(list.body, "[0]"));
}

/* One round of a worker. What it keeps is: a namespace with a local endpoint, a remote one, and a load balancer. */
static void work_round(GUID network, int worker, int round, bool keeps)
{
    const char *name = say("w%d-r%d", worker, round);
    GUID local = make(ENDPOINT, network, say("{'Name':'%s-local','SchemaVersion':{'Major':2}}", name));
    GUID remote = make(ENDPOINT, network, say("{'Name':'%s-remote','Flags':1,'MacAddress':'02-11-%02d-%02d-00-01',"
        "'IpConfigurations':[{'IpAddress':'10.72.%d.%d'}],'SchemaVersion':{'Major':2}}", name, worker, round % 100,
        worker, round % 250 + 1));
    GUID space = make(NAMESPACE, no_id, "{}");
    change(NAMESPACE, space, member_request("Add", local));
    GUID both[] = {local, remote};
    const char *frontend = say("10.97.%d.%d", worker, round % 250 + 1);
    GUID balancer = make(BALANCER, no_id, balancer_at(both, 1, frontend, 80, 1));
    change(BALANCER, balancer, balancer_at(both, 2, frontend, 80, 0));
    GUID own = make(NETWORK, no_id, network_of("L2Bridge", name, ""));
    expect(json_count(shown(BALANCER, balancer), "HostComputeEndpoints") == 2, "a change is lost");
    Answer list = accepted(enumerate(ENDPOINT, IN_VERSION_2), "enumerate");
    expect(has_id(list.body, local) && has_id(list.body, remote), "its own endpoints are not listed");
    destroy(NETWORK, own);
    if (keeps)
        return;
    destroy(BALANCER, balancer);
    change(NAMESPACE, space, member_request("Remove", local));
    destroy(NAMESPACE, space);
    destroy(ENDPOINT, remote);
    destroy(ENDPOINT, local);
}

static void work_rounds(void *argument)
{
    char **words = argument;
    int worker = atoi(words[1]);
    GUID network = common_network();
    expect(WaitForSingleObject(shared_event("start"), SOME_MILLISECONDS) == WAIT_OBJECT_0, "no start");
    for (int round = 0; round < ROUNDS; round++) {
        work_round(network, worker, round, round % KEPT_EVERY == 0);
        json_forget();
    }
}

/* The number of endpoints whose name begins so. One that another process deletes meanwhile does not count. */
static int named(const char *beginning)
{
    size_t count;
    int found = 0;
    GUID *ids = ids_of(accepted(enumerate(ENDPOINT, IN_VERSION_2), "enumerate"), &count);
    for (size_t index = 0; index < count; index++) {
        Handle handle;
        if (open_object(ENDPOINT, ids[index], &handle).code == ENDPOINT_NOT_FOUND)
            continue;
        Answer answer = query_object(ENDPOINT, handle, IN_VERSION_2);
        expect(close_object(ENDPOINT, handle) == S_OK, "the handle cannot be closed");
        expect(SUCCEEDED(answer.code) || answer.code == ENDPOINT_NOT_FOUND || answer.code == ELEMENT_NOT_FOUND,
            "query: 0x%08lX", answer.code);
        found += !strncmp(json_text(answer.body, "Name"), beginning, strlen(beginning));
    }
    return found;
}

static void all_is_kept(void)
{
    enum { KEPT = (ROUNDS + KEPT_EVERY - 1) / KEPT_EVERY };
    expect(counted(NETWORK) == 1, "%zu networks", counted(NETWORK));
    expect(counted(ENDPOINT) == 2 * KEPT * WORKERS, "%zu endpoints", counted(ENDPOINT));
    expect(counted(NAMESPACE) == KEPT * WORKERS, "%zu namespaces", counted(NAMESPACE));
    expect(counted(BALANCER) == KEPT * WORKERS, "%zu load balancers", counted(BALANCER));
    for (int worker = 0; worker < WORKERS; worker++)
        for (int round = 0; round < ROUNDS; round += KEPT_EVERY)
            expect(named(say("w%d-r%d-", worker, round)) == 2, "worker %d, round %d has %d endpoints", worker, round,
                named(say("w%d-r%d-", worker, round)));
    size_t count;
    GUID *ids = ids_of(enumerate(BALANCER, IN_VERSION_2), &count);
    for (size_t index = 0; index < count; index++) {
        const Json *document = shown(BALANCER, ids[index]);
        expect(json_count(document, "HostComputeEndpoints") == 2, "a load balancer has lost its change");
        for (const Json *item = json_at(document, "HostComputeEndpoints")->first; item; item = item->next)
            shown(ENDPOINT, guid_of(item->text));
    }
    ids = ids_of(enumerate(NAMESPACE, IN_VERSION_2), &count);
    for (size_t index = 0; index < count; index++)
        expect(json_count(shown(NAMESPACE, ids[index]), "Resources") == 1, "a namespace has lost its member");
}

static void several(void)
{
    HANDLE workers[WORKERS];
    fresh(NULL);
    make(NETWORK, no_id, bridge());
    HANDLE start = shared_event("start");
    ResetEvent(start);
    for (int worker = 0; worker < WORKERS; worker++)
        workers[worker] = start_process(say("rounds %d", worker));
    SetEvent(start);
    DWORD worst = 0;
    for (int worker = 0; worker < WORKERS; worker++) {
        DWORD code = end_process(workers[worker]);
        worst = code ? code : worst;
    }
    CloseHandle(start);
    expect(worst == 0, "a worker ended with %lu; see its standard error", worst);
    all_is_kept();
}

/* Makes objects without end. */
static void work_without_end(void *argument)
{
    char **words = argument;
    int worker = atoi(words[1]);
    GUID network = common_network();
    for (int round = 0;; round++) {
        work_round(network, worker, round, false);
        json_forget();
    }
}

static bool is_at_work(void *argument)
{
    return named(say("w%d-", number_of(argument))) > 0;
}

/* Everything that is listed can be read and deleted: load balancers first, as they name endpoints. */
static void clear(void)
{
    const Kind order[] = {BALANCER, NAMESPACE, ENDPOINT};
    for (int step = 0; step < 3; step++) {
        size_t count;
        GUID *ids = ids_of(accepted(enumerate(order[step], IN_VERSION_2), "enumerate"), &count);
        for (size_t index = 0; index < count; index++) {
            shown(order[step], ids[index]);
            destroy(order[step], ids[index]);
        }
        expect(counted(order[step]) == 0, "some of %s cannot be deleted", kind_names[order[step]]);
    }
}

static void killed(void)
{
    fresh(NULL);
    make(NETWORK, no_id, bridge());
    for (int round = 0; round < 6; round++) {
        HANDLE victim = start_process("forever 50");
        wait_until(is_at_work, (void *)(intptr_t)50, "a worker at work");
        Sleep((DWORD)(7 * round));
        kill_process(victim);
        work_round(common_network(), 51, round, false);
        clear();
        expect(named("w5") == 0, "endpoints are left");
        Answer list = enumerate(NETWORK, IN_VERSION_2);
        size_t count;
        GUID *ids = ids_of(list, &count);
        for (size_t index = 0; index < count; index++)
            if (!same(ids[index], common_network()))
                destroy(NETWORK, ids[index]);
    }
}

/* One is killed while others are at work: nothing of theirs is lost. */
static void killed_among_others(void)
{
    HANDLE workers[WORKERS];
    fresh(NULL);
    make(NETWORK, no_id, bridge());
    HANDLE start = shared_event("start");
    ResetEvent(start);
    for (int worker = 0; worker < WORKERS; worker++)
        workers[worker] = start_process(say("rounds %d", worker));
    SetEvent(start);
    for (int round = 0; round < 4; round++) {
        HANDLE victim = start_process("forever 60");
        Sleep((DWORD)(200 + 30 * round));
        kill_process(victim);
    }
    DWORD worst = 0;
    for (int worker = 0; worker < WORKERS; worker++) {
        DWORD code = end_process(workers[worker]);
        worst = code ? code : worst;
    }
    CloseHandle(start);
    expect(worst == 0, "a worker ended with %lu; see its standard error", worst);
    for (int worker = 0; worker < WORKERS; worker++)
        for (int round = 0; round < ROUNDS; round += KEPT_EVERY)
            expect(named(say("w%d-r%d-", worker, round)) == 2, "worker %d, round %d", worker, round);
    clear();
}

static void delete_and_hang(void *argument)
{
    char **words = argument;
    GUID balancer = guid_of(words[1]);
    /* A first call may take its time: it meets an HNS that others have used. */
    expect(counted(BALANCER) == 1, "there is no load balancer to delete");
    SetEvent(shared_event("hanging"));
    delete_object(BALANCER, balancer);
    fail("it did not hang");
}

/* A process that hangs in a call is killed, and the others go on. */
static void killed_while_it_hangs(void)
{
    fresh(NULL);
    GUID network = make(NETWORK, no_id, bridge());
    GUID endpoint = make(ENDPOINT, network, remote_at("10.61.9.9"));
    GUID balancer = make(BALANCER, no_id, balancer_of(endpoint));
    HANDLE hanging = shared_event("hanging");
    ResetEvent(hanging);
    fault("HcnDeleteLoadBalancer", say("{'fault':'hang'}"));
    HANDLE victim = start_process(say("hang %s", text_of(balancer)));
    expect(WaitForSingleObject(hanging, SOON_MILLISECONDS) == WAIT_OBJECT_0, "it never came to the call");
    Sleep(300);
    expect(WaitForSingleObject(victim, 0) == WAIT_TIMEOUT, "it does not hang");
    kill_process(victim);
    CloseHandle(hanging);
    /* Had it been killed before it came to the call, the fault would wait for somebody else. */
    steer("faults", say("{'faults':[]}"));
    expect(counted(BALANCER) == 1, "%zu load balancers", counted(BALANCER));
    steer("restart", NULL);
    destroy(BALANCER, balancer);
    destroy(ENDPOINT, endpoint);
}

/* A handle means nothing in another process, and one process's close does nothing to another's handles. */
static void own_handles(void)
{
    fresh(NULL);
    GUID network = make(NETWORK, no_id, bridge());
    Handle handle;
    accepted(open_object(NETWORK, network, &handle), "open");
    DWORD code = end_process(start_process(say("borrow %llu", (unsigned long long)(uintptr_t)handle)));
    expect(code == 0, "the other process ended with %lu; see its standard error", code);
    accepted(query_object(NETWORK, handle, IN_VERSION_2), "the handle after that");
    expect(close_object(NETWORK, handle) == S_OK, "close");
}

static void borrow(void *argument)
{
    char **words = argument;
    Handle handle = (Handle)(uintptr_t)strtoull(words[1], NULL, 10);
    refused(query_object(NETWORK, handle, IN_VERSION_2), BAD_HANDLE, "a handle of another process");
    expect(close_object(NETWORK, handle) == BAD_HANDLE, "it can be closed here");
}

static void CALLBACK ignore(DWORD type, void *context, HRESULT status, PCWSTR data)
{
    (void)type, (void)context, (void)status, (void)data;
}

/* Makes one of each, opens handles and a callback, and ends without giving anything back. */
static void leave(void *argument)
{
    Handle handle;
    HCN_CALLBACK registration;
    (void)argument;
    expect(HcnRegisterServiceCallback(ignore, NULL, &registration) == S_OK, "register");
    GUID network = make(NETWORK, no_id, bridge());
    GUID both[] = {make(ENDPOINT, network, local_at("10.61.3.20")), make(ENDPOINT, network, remote_at("10.61.9.9"))};
    GUID balancer = make(BALANCER, no_id, balancer_at(both, 2, "10.96.4.7", 80, 1));
    make(NAMESPACE, no_id, "{}");
    accepted(open_object(NETWORK, network, &handle), "open");
    accepted(open_object(BALANCER, balancer, &handle), "open");
}

static void restart(void *argument)
{
    (void)argument;
    steer("restart", NULL);
}

const Work process_work[] = {
    {"rounds", 2, work_rounds},
    {"forever", 2, work_without_end},
    {"hang", 2, delete_and_hang},
    {"borrow", 2, borrow},
    {"leave", 1, leave},
    {"restart", 1, restart},
    {0},
};

const Check process_checks[] = {
    {"PROCESSES-several", "four processes at once lose and double nothing", several},
    {"PROCESSES-killed", "a process that is killed leaves a usable HNS", killed},
    {"PROCESSES-killed-among-others", "and does no harm to others at work", killed_among_others},
    {"PROCESSES-killed-while-it-hangs", "nor when a call of it hangs", killed_while_it_hangs},
    {"PROCESSES-handles", "a handle is of one process", own_handles},
    {0},
};
