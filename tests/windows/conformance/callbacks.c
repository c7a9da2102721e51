/* Notifications: registered, told, and silent for good once unregistering has returned. */

#include "groups.h"
#include "hns.h"
#include "work.h"

#include <objbase.h>

#include <string.h>

enum { MOST = 256, LONGEST = 300 };

/* What one registration was told. */
typedef struct {
    SRWLOCK lock;
    int count;
    struct {
        DWORD type;
        HRESULT status;
        char data[LONGEST];
        DWORD thread;
    } told[MOST];
    HCN_CALLBACK registration;
    /* What the callback does besides. */
    enum { LISTEN, UNREGISTER, ASK } habit;
    volatile LONG unregistered;
    volatile LONG late;
    volatile HRESULT own_answer;
} Listener;

/* It may run on any thread, so it keeps nothing as checks do. */
static void CALLBACK on_notification(DWORD type, void *context, HRESULT status, PCWSTR data)
{
    Listener *listener = context;
    if (listener->unregistered)
        InterlockedIncrement(&listener->late);
    AcquireSRWLockExclusive(&listener->lock);
    if (listener->count < MOST) {
        int index = listener->count++;
        listener->told[index].type = type;
        listener->told[index].status = status;
        listener->told[index].thread = GetCurrentThreadId();
        if (data)
            WideCharToMultiByte(CP_UTF8, 0, data, -1, listener->told[index].data, LONGEST, NULL, NULL);
    }
    ReleaseSRWLockExclusive(&listener->lock);
    if (listener->habit == UNREGISTER) {
        listener->own_answer = HcnUnregisterServiceCallback(listener->registration);
        InterlockedExchange(&listener->unregistered, 1);
    } else if (listener->habit == ASK) {
        PWSTR text = NULL;
        listener->own_answer = HcnEnumerateNetworks(NULL, &text, NULL);
        CoTaskMemFree(text);
    }
}

static Listener *new_listener(void)
{
    Listener *listener = json_keep(sizeof(Listener));
    InitializeSRWLock(&listener->lock);
    listener->registration = GARBAGE;
    listener->own_answer = E_PENDING;
    return listener;
}

static void start_listening(Listener *listener)
{
    HRESULT code = HcnRegisterServiceCallback(on_notification, listener, &listener->registration);
    expect(code == S_OK, "register: 0x%08lX", code);
    expect(listener->registration && listener->registration != GARBAGE, "no registration was given");
}

static void stop_listening(Listener *listener)
{
    HRESULT code = HcnUnregisterServiceCallback(listener->registration);
    InterlockedExchange(&listener->unregistered, 1);
    expect(code == S_OK, "unregister: 0x%08lX", code);
}

typedef struct {
    Listener *listener;
    DWORD type;
    GUID about;
    int index;
} Search;

/* The index of a notification of this type about this object, or -1. */
static int find(Listener *listener, DWORD type, GUID about)
{
    int found = -1;
    AcquireSRWLockExclusive(&listener->lock);
    for (int index = 0; index < listener->count && found < 0; index++) {
        if (listener->told[index].type != type)
            continue;
        const Json *data = json_read(listener->told[index].data);
        if (same(about, no_id) || (*json_text(data, "ID") && same(guid_of(json_text(data, "ID")), about)))
            found = index;
    }
    ReleaseSRWLockExclusive(&listener->lock);
    return found;
}

static bool was_told(void *argument)
{
    Search *search = argument;
    search->index = find(search->listener, search->type, search->about);
    return search->index >= 0;
}

static int await(Listener *listener, DWORD type, GUID about)
{
    Search search = {listener, type, about, -1};
    wait_until(was_told, &search, say("notification 0x%lX", type));
    return search.index;
}

static void networks(void)
{
    Listener *listener = new_listener();
    fresh(NULL);
    start_listening(listener);
    GUID first = make(NETWORK, no_id, bridge());
    int created = await(listener, HcnNotificationNetworkCreate, first);
    GUID second = make(NETWORK, no_id, overlay());
    await(listener, HcnNotificationNetworkCreate, second);
    destroy(NETWORK, first);
    int deleted = await(listener, HcnNotificationNetworkDelete, first);
    expect(created < deleted, "it was deleted before it was made");
    expect(find(listener, HcnNotificationNetworkDelete, second) < 0, "the other one was not deleted");
    for (int index = 0; index < listener->count; index++)
        expect(listener->told[index].status == S_OK, "the status 0x%08lX", listener->told[index].status);
    int preparing = find(listener, HcnNotificationNetworkPreDelete, first);
    expect(preparing < deleted, "the preparation came after the deletion");
    stop_listening(listener);
}

static void namespaces(void)
{
    Listener *listener = new_listener();
    fresh(NULL);
    start_listening(listener);
    GUID space = make(NAMESPACE, no_id, "{}");
    await(listener, HcnNotificationNamespaceCreate, space);
    destroy(NAMESPACE, space);
    await(listener, HcnNotificationNamespaceDelete, space);
    stop_listening(listener);
}

static void disconnect(const char *setup, bool survives)
{
    Listener *listener = new_listener();
    fresh(setup);
    start_listening(listener);
    steer("restart", NULL);
    await(listener, HcnNotificationServiceDisconnect, no_id);
    Listener *later = new_listener();
    start_listening(later);
    GUID network = make(NETWORK, no_id, bridge());
    await(later, HcnNotificationNetworkCreate, network);
    if (survives)
        await(listener, HcnNotificationNetworkCreate, network);
    else
        expect(find(listener, HcnNotificationNetworkCreate, network) < 0, "it was told after the restart");
    stop_listening(later);
    /* Whether a registration from before can still be given back is not known; it must do no harm. */
    HRESULT code = HcnUnregisterServiceCallback(listener->registration);
    expect(code == S_OK || code == BAD_HANDLE, "unregister after the restart: 0x%08lX", code);
}

static void restarts(void)
{
    disconnect(NULL, false);
    disconnect("{\"knobs\":{\"callbacksSurviveRestart\":true}}", true);
}

/* A stop is told too, and a start brings HNS back for new registrations. */
static void stops(void)
{
    Listener *listener = new_listener();
    fresh(NULL);
    start_listening(listener);
    steer("stop", NULL);
    enumerate(NETWORK, IN_VERSION_2);
    await(listener, HcnNotificationServiceDisconnect, no_id);
    steer("start", NULL);
    HcnUnregisterServiceCallback(listener->registration);
    Listener *later = new_listener();
    start_listening(later);
    await(later, HcnNotificationNetworkCreate, make(NETWORK, no_id, bridge()));
    stop_listening(later);
}

/* Each of many is told of its own, with its own context. */
static void many(void)
{
    enum { COUNT = 20 };
    Listener *listeners[COUNT];
    fresh(NULL);
    for (int index = 0; index < COUNT; index++) {
        listeners[index] = new_listener();
        start_listening(listeners[index]);
    }
    GUID network = make(NETWORK, no_id, bridge());
    for (int index = 0; index < COUNT; index++)
        await(listeners[index], HcnNotificationNetworkCreate, network);
    for (int index = 0; index < COUNT; index += 2)
        stop_listening(listeners[index]);
    destroy(NETWORK, network);
    for (int index = 1; index < COUNT; index += 2) {
        await(listeners[index], HcnNotificationNetworkDelete, network);
        stop_listening(listeners[index]);
    }
    for (int index = 0; index < COUNT; index += 2)
        expect(find(listeners[index], HcnNotificationNetworkDelete, network) < 0 && !listeners[index]->late,
            "one was told after it had unregistered");
}

static void inside(void)
{
    Listener *listener = new_listener(), *witness = new_listener();
    listener->habit = UNREGISTER;
    fresh(NULL);
    start_listening(listener);
    start_listening(witness);
    GUID network = make(NETWORK, no_id, bridge());
    Search search = {witness, HcnNotificationNetworkCreate, network, -1};
    wait_until(was_told, &search, "the witness is told");
    destroy(NETWORK, network);
    await(witness, HcnNotificationNetworkDelete, network);
    stop_listening(witness);
    expect(listener->own_answer == S_OK, "unregistering from inside answers 0x%08lX", listener->own_answer);
    expect(listener->late == 0, "it was called %ld times after that", listener->late);
}

/* A callback may call HNS. */
static void asking(void)
{
    Listener *listener = new_listener();
    listener->habit = ASK;
    fresh(NULL);
    start_listening(listener);
    GUID network = make(NETWORK, no_id, bridge());
    await(listener, HcnNotificationNetworkCreate, network);
    destroy(NETWORK, network);
    await(listener, HcnNotificationNetworkDelete, network);
    stop_listening(listener);
    expect(listener->own_answer == S_OK, "a call from inside answers 0x%08lX", listener->own_answer);
}

static volatile LONG enough;

static void make_networks(void *argument)
{
    for (int round = 0; !enough; round++) {
        const char *name = say("n%d-%d", number_of(argument), round);
        GUID network = make(NETWORK, no_id, network_of("L2Bridge", name, ""));
        destroy(NETWORK, network);
        if (round % 50 == 0)
            json_forget();
    }
}

/* No call once unregistering has returned, however busy HNS is. */
static void races(void)
{
    Errand errands[2];
    enough = 0;
    fresh(NULL);
    for (int index = 0; index < 2; index++)
        start_errand(&errands[index], make_networks, (void *)(intptr_t)index);
    LONG late = 0;
    int told = 0;
    const char *why = NULL;
    for (int round = 0; round < 100 && !why; round++) {
        Listener *listener = new_listener();
        HRESULT code = HcnRegisterServiceCallback(on_notification, listener, &listener->registration);
        if (code != S_OK)
            why = "register";
        if (round % 4 == 0)
            Sleep(2);
        code = HcnUnregisterServiceCallback(listener->registration);
        InterlockedExchange(&listener->unregistered, 1);
        if (code != S_OK)
            why = "unregister";
        Sleep(1);
        late += listener->late;
        told += listener->count;
    }
    enough = 1;
    for (int index = 0; index < 2; index++)
        end_errand(&errands[index]);
    expect(!why, "%s failed", why);
    expect(late == 0, "%ld calls after unregistering had returned", late);
    expect(told > 0, "nobody was told anything");
}

static void misuse(void)
{
    Listener *listener = new_listener();
    fresh(NULL);
    HCN_CALLBACK registration = GARBAGE;
    expect(FAILED(HcnRegisterServiceCallback(NULL, listener, &registration)), "no callback is registered");
    expect(registration != GARBAGE, "its handle was left unwritten");
    expect(FAILED(HcnRegisterServiceCallback(on_notification, listener, NULL)), "registered into nothing");
    Handle unknown[] = {NULL, GARBAGE, INVALID_HANDLE_VALUE, listener};
    for (int index = 0; index < 4; index++) {
        HRESULT code = HcnUnregisterServiceCallback(unknown[index]);
        expect(code == BAD_HANDLE, "unregister by %p: 0x%08lX", unknown[index], code);
    }
    start_listening(listener);
    stop_listening(listener);
    HRESULT code = HcnUnregisterServiceCallback(listener->registration);
    expect(code == BAD_HANDLE, "unregister twice: 0x%08lX", code);
    GUID network = make(NETWORK, no_id, bridge());
    expect(close_object(NETWORK, listener->registration) == BAD_HANDLE, "it closes as a network");
    destroy(NETWORK, network);
}

/* A network that another process makes and deletes. */
static void other_process(void)
{
    Listener *listener = new_listener();
    fresh(NULL);
    start_listening(listener);
    DWORD code = end_process(start_process("leave"));
    expect(code == 0, "the other process ended with %lu", code);
    size_t count;
    GUID *ids = ids_of(enumerate(NETWORK, IN_VERSION_2), &count);
    expect(count == 1, "%zu networks", count);
    await(listener, HcnNotificationNetworkCreate, ids[0]);
    code = end_process(start_process("restart"));
    expect(code == 0, "the other process ended with %lu", code);
    await(listener, HcnNotificationServiceDisconnect, no_id);
}

const Check callback_checks[] = {
    {"CALLBACK-networks", "networks that are made and deleted are told of", networks},
    {"CALLBACK-namespaces", "so are namespaces", namespaces},
    {"CALLBACK-restart", "ServiceDisconnect when HNS is restarted", restarts},
    {"CALLBACK-stop", "and when it stops", stops},
    {"CALLBACK-many", "many callbacks, each with its own context", many},
    {"CALLBACK-inside", "a callback may unregister itself", inside},
    {"CALLBACK-asking", "a callback may call HNS", asking},
    {"CALLBACK-races", "no call once unregistering has returned", races},
    {"CALLBACK-misuse", "what is no registration is E_HANDLE", misuse},
    {"CALLBACK-processes", "what another process does is told of", other_process},
    {0},
};
