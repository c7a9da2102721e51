/* Functions that an HNS for service proxies does not serve: they are there, they say so, and do no harm. */

#include "groups.h"
#include "hns.h"

#include <objbase.h>

/* Any function of these: on x86_64 the caller clears the stack, so more arguments do no harm. */
typedef HRESULT(WINAPI *Function)(const void *, const void *, const void *, const void *, const void *,
    const void *);

static Function find(const char *name)
{
    HMODULE module = LoadLibraryExW(L"computenetwork.dll", NULL, LOAD_LIBRARY_SEARCH_SYSTEM32);
    Function found = (Function)(void *)GetProcAddress(module, name);
    expect(found, "no export %s", name);
    return found;
}

/* That the function answers E_NOTIMPL, and in its record too. `out` is where a text or a handle would go. */
static void not_implemented(const char *name, HRESULT code, PWSTR out, PWSTR record)
{
    expect(code == NOT_IMPLEMENTED, "%s answers 0x%08lX", name, code);
    expect(out != GARBAGE, "%s leaves its out-parameter unwritten", name);
    expect(!out, "%s gives a result", name);
    expect(record != GARBAGE, "%s leaves its error record unwritten", name);
    taken(name, code, NULL, record);
}

static void routes(void)
{
    GUID id = id_of(1);
    PWSTR out = GARBAGE, record = GARBAGE;
    const wchar_t *settings = L"{\"SchemaVersion\":{\"Major\":2,\"Minor\":0}}";
    HRESULT code = find("HcnEnumerateSdnRoutes")(settings, &out, &record, 0, 0, 0);
    not_implemented("HcnEnumerateSdnRoutes", code, out, record);
    out = record = GARBAGE;
    code = find("HcnCreateSdnRoute")(&no_id, settings, &out, &record, 0, 0);
    not_implemented("HcnCreateSdnRoute", code, out, record);
    out = record = GARBAGE;
    code = find("HcnOpenSdnRoute")(&id, &out, &record, 0, 0, 0);
    not_implemented("HcnOpenSdnRoute", code, out, record);
    record = GARBAGE;
    code = find("HcnModifySdnRoute")(NULL, settings, &record, 0, 0, 0);
    not_implemented("HcnModifySdnRoute", code, NULL, record);
    out = record = GARBAGE;
    code = find("HcnQuerySdnRouteProperties")(NULL, settings, &out, &record, 0, 0);
    not_implemented("HcnQuerySdnRouteProperties", code, out, record);
    record = GARBAGE;
    code = find("HcnDeleteSdnRoute")(&id, &record, 0, 0, 0, 0);
    not_implemented("HcnDeleteSdnRoute", code, NULL, record);
    code = find("HcnCloseSdnRoute")(NULL, 0, 0, 0, 0, 0);
    expect(code == NOT_IMPLEMENTED, "HcnCloseSdnRoute answers 0x%08lX", code);
}

static void guest_services(void)
{
    GUID id = id_of(1);
    PWSTR record = GARBAGE;
    HCN_GUESTNETWORKSERVICE service = GARBAGE;
    HRESULT code = HcnCreateGuestNetworkService(&no_id, L"{}", &service, &record);
    not_implemented("HcnCreateGuestNetworkService", code, service, record);
    record = GARBAGE;
    code = HcnModifyGuestNetworkService(NULL, L"{}", &record);
    not_implemented("HcnModifyGuestNetworkService", code, NULL, record);
    record = GARBAGE;
    code = HcnDeleteGuestNetworkService(&id, &record);
    not_implemented("HcnDeleteGuestNetworkService", code, NULL, record);
    code = HcnCloseGuestNetworkService(NULL);
    expect(code == NOT_IMPLEMENTED, "HcnCloseGuestNetworkService answers 0x%08lX", code);
    PWSTR out = record = GARBAGE;
    code = find("HcnEnumerateGuestNetworkServices")(L"", &out, &record, 0, 0, 0);
    not_implemented("HcnEnumerateGuestNetworkServices", code, out, record);
    out = record = GARBAGE;
    code = find("HcnOpenGuestNetworkService")(&id, &out, &record, 0, 0, 0);
    not_implemented("HcnOpenGuestNetworkService", code, out, record);
    out = record = GARBAGE;
    code = find("HcnQueryGuestNetworkServiceProperties")(NULL, L"", &out, &record, 0, 0);
    not_implemented("HcnQueryGuestNetworkServiceProperties", code, out, record);
}

static void CALLBACK never(DWORD type, void *context, HRESULT status, PCWSTR data)
{
    (void)type, (void)status, (void)data;
    *(volatile LONG *)context = 1;
}

static void guest_callbacks(void)
{
    volatile LONG called = 0;
    HCN_CALLBACK handle = GARBAGE;
    HRESULT code = HcnRegisterGuestNetworkServiceCallback(NULL, never, (void *)&called, &handle);
    expect(code == NOT_IMPLEMENTED && !handle, "register answers 0x%08lX and %p", code, handle);
    code = HcnUnregisterGuestNetworkServiceCallback(NULL);
    expect(code == NOT_IMPLEMENTED, "unregister answers 0x%08lX", code);
    expect(!called, "it was called");
}

static void guest_ports(void)
{
    HANDLE reservation = GARBAGE;
    HCN_PORT_RANGE_RESERVATION range = {1, 2};
    HRESULT code = HcnReserveGuestNetworkServicePort(NULL, HCN_PORT_PROTOCOL_TCP,
        HCN_PORT_ACCESS_EXCLUSIVE, 8080, &reservation);
    expect(code == NOT_IMPLEMENTED && !reservation, "a port: 0x%08lX and %p", code, reservation);
    reservation = GARBAGE;
    code = HcnReserveGuestNetworkServicePortRange(NULL, 4, &range, &reservation);
    expect(code == NOT_IMPLEMENTED && !reservation, "a range: 0x%08lX and %p", code, reservation);
    code = HcnReleaseGuestNetworkServicePortReservationHandle(NULL);
    expect(code == NOT_IMPLEMENTED, "a release: 0x%08lX", code);
    ULONG count = 0xDEADBEEF;
    HCN_PORT_RANGE_ENTRY *entries = GARBAGE;
    code = HcnEnumerateGuestNetworkPortReservations(&count, &entries);
    expect(code == NOT_IMPLEMENTED && count == 0 && !entries, "a list: 0x%08lX, %lu at %p", code, count,
        (void *)entries);
    HcnFreeGuestNetworkPortReservations(NULL);
}

/* Statistics and addresses of an endpoint: an answer, or E_NOTIMPL. */
static void endpoint_questions(void)
{
    const char *const names[] = {"HcnQueryEndpointStats", "HcnQueryEndpointAddresses"};
    fresh(NULL);
    GUID network = make(NETWORK, no_id, bridge());
    GUID endpoint = make(ENDPOINT, network, local_at("10.61.3.20"));
    for (int index = 0; index < 2; index++) {
        Handle handle;
        PWSTR out = GARBAGE, record = GARBAGE;
        accepted(open_object(ENDPOINT, endpoint, &handle), "open");
        HRESULT code = find(names[index])(handle, L"", &out, &record, 0, 0);
        Answer answer = taken(names[index], code, out, record);
        expect(code == NOT_IMPLEMENTED || answer.body, "%s answers 0x%08lX and nothing", names[index], code);
        expect(code == NOT_IMPLEMENTED || code == S_OK, "%s answers 0x%08lX", names[index], code);
        expect(close_object(ENDPOINT, handle) == S_OK, "close");
    }
}

/* No published header has these: they are served in a way that holds together, or answer E_NOTIMPL. */
static void without_header(void)
{
    PWSTR service = GARBAGE, record = GARBAGE;
    HRESULT code = find("HcnOpenService")(&service, &record, 0, 0, 0, 0);
    if (code == S_OK) {
        code = find("HcnCloseService")(service, 0, 0, 0, 0, 0);
        expect(code == S_OK, "HcnCloseService answers 0x%08lX", code);
    } else {
        not_implemented("HcnOpenService", code, service, record);
    }
    expect(FAILED(find("HcnCloseService")(GARBAGE, 0, 0, 0, 0, 0)), "what is no service is closed");
    expect(FAILED(find("HcnRegisterNetworkCallback")(0, 0, 0, 0, 0, 0)), "nothing is registered");
    expect(FAILED(find("HcnUnregisterNetworkCallback")(0, 0, 0, 0, 0, 0)), "nothing is unregistered");
}

const Check unserved_checks[] = {
    {"UNSERVED-routes", "the seven functions of routes answer E_NOTIMPL", routes},
    {"UNSERVED-guest-services", "so do those of guest network services", guest_services},
    {"UNSERVED-guest-callbacks", "and their callbacks", guest_callbacks},
    {"UNSERVED-guest-ports", "and their ports", guest_ports},
    {"UNSERVED-endpoint-questions", "statistics and addresses are answered or E_NOTIMPL", endpoint_questions},
    {"UNSERVED-without-header", "what no header has is served or answers E_NOTIMPL", without_header},
    {0},
};
