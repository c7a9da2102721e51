/* What the environment says to an emulated HNS: where its state is, how it begins, where it logs its calls. And what it
 * does to the process that it is loaded into. */

#include "groups.h"
#include "hns.h"
#include "work.h"

#include <objbase.h>
#include <psapi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

static const wchar_t of_folder[] = L"SWITCHYARD_HNS_DIR";
static const wchar_t of_setup[] = L"SWITCHYARD_HNS_SETUP";
static const wchar_t of_log[] = L"SWITCHYARD_HNS_CALL_LOG";

/* A path among the temporary files that no other process has. */
static void own_path(wchar_t *path, const wchar_t *name)
{
    wchar_t temporary[MAX_PATH];
    GetTempPathW(MAX_PATH, temporary);
    _snwprintf(path, MAX_PATH, L"%lsswitchyard-%lu-%ls", temporary, GetCurrentProcessId(), name);
}

static void remove_folder(const wchar_t *folder)
{
    WIN32_FIND_DATAW found;
    wchar_t path[MAX_PATH];
    _snwprintf(path, MAX_PATH, L"%ls\\*", folder);
    HANDLE search = FindFirstFileW(path, &found);
    if (search == INVALID_HANDLE_VALUE)
        return;
    do {
        _snwprintf(path, MAX_PATH, L"%ls\\%ls", folder, found.cFileName);
        DeleteFileW(path);
    } while (FindNextFileW(search, &found));
    FindClose(search);
    RemoveDirectoryW(folder);
}

/* The environment of processes that are started from now on; it is as before after `restore`. */
typedef struct {
    const wchar_t *name;
    wchar_t before[MAX_PATH];
    bool was_set;
} Variable;

static Variable set(const wchar_t *name, const wchar_t *value)
{
    Variable variable = {.name = name};
    variable.was_set = GetEnvironmentVariableW(name, variable.before, MAX_PATH) > 0;
    SetEnvironmentVariableW(name, value);
    return variable;
}

static void restore(const Variable *variable)
{
    SetEnvironmentVariableW(variable->name, variable->was_set ? variable->before : NULL);
}

static void expect_left(void *argument)
{
    (void)argument;
    expect(counted(NETWORK) == 1 && counted(ENDPOINT) == 2 && counted(NAMESPACE) == 1 && counted(BALANCER) == 1,
        "%zu networks, %zu endpoints, %zu namespaces, %zu load balancers", counted(NETWORK), counted(ENDPOINT),
        counted(NAMESPACE), counted(BALANCER));
}

/* Another folder is another HNS, and it lives while no process does. */
static void folders(void)
{
    wchar_t folder[MAX_PATH];
    fresh(NULL);
    own_path(folder, L"hns");
    CreateDirectoryW(folder, NULL);
    Variable variable = set(of_folder, folder);
    DWORD made = end_process(start_process("leave"));
    DWORD found = end_process(start_process("left"));
    restore(&variable);
    remove_folder(folder);
    expect(made == 0, "the first process ended with %lu", made);
    expect(found == 0, "the second process ended with %lu; see its standard error", found);
    expect(counted(NETWORK) == 0, "its objects are here");
}

static void expect_setup(void *argument)
{
    (void)argument;
    Answer version = accepted(hns_call("GET", "/globals/version", ""), "version");
    expect(json_number(version.body, "Major") == 13 && json_number(version.body, "Minor") == 2, "%s", version.text);
    Answer list = accepted(enumerate(NETWORK, IN_VERSION_2), "enumerate");
    expect(list.body->count == 1 && has_id(list.body, id_of(3)), "networks: %s", list.text);
    expect(!strcmp(json_text(shown(NETWORK, id_of(3)), "Name"), "given"), "it is another");
    expect(counted(NAMESPACE) == 0, "a namespace is left of the first process");
}

static void setup(void)
{
    wchar_t folder[MAX_PATH], file[MAX_PATH];
    own_path(folder, L"hns");
    own_path(file, L"setup.json");
    CreateDirectoryW(folder, NULL);
    FILE *written = _wfopen(file, L"wb");
    expect(written, "no file for the setup");
    fputs(say("{'version':{'Major':13,'Minor':2},'state':{'networks':[{'ID':'%s','Name':'given','Type':'L2Bridge'}]}}",
        text_of(id_of(3))), written);
    fclose(written);
    Variable one = set(of_folder, folder), other = set(of_setup, file);
    DWORD first = end_process(start_process("setup"));
    DWORD second = end_process(start_process("setup"));
    restore(&other);
    restore(&one);
    DeleteFileW(file);
    remove_folder(folder);
    expect(first == 0, "the first process ended with %lu; see its standard error", first);
    expect(second == 0, "the second process ended with %lu; see its standard error", second);
}

static char *read_file(const wchar_t *path)
{
    FILE *file = _wfopen(path, L"rb");
    expect(file, "there is no log");
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    fseek(file, 0, SEEK_SET);
    char *text = json_keep((size_t)size + 1);
    size_t length = fread(text, 1, (size_t)size, file);
    fclose(file);
    text[length] = '\0';
    return text;
}

/* Each line is whole, however many processes write; gives the number of those of this call that succeeded. */
static int read_log(char *text, const char *call)
{
    int found = 0;
    for (char *line = strtok(text, "\r\n"); line; line = strtok(NULL, "\r\n")) {
        const Json *row = json_read(line);
        expect(row && row->kind == JSON_OBJECT && row->count == 4, "the line %.300s", line);
        expect(json_number(row, "seq") > 0, "no seq in %.300s", line);
        const char *name = json_text(row, "call");
        expect(!strncmp(name, "Hcn", 3) || !strcmp(name, "HNSCall"), "no call in %.300s", line);
        const Json *id = json_at(row, "id"), *code = json_at(row, "hresult");
        expect(id && (id->kind == JSON_NULL || id->kind == JSON_TEXT), "no id in %.300s", line);
        expect(code && code->kind == JSON_NUMBER, "no hresult in %.300s", line);
        found += !strcmp(name, call) && code->number == 0;
    }
    return found;
}

/* Makes and deletes endpoints of its own. */
static void make_endpoints(void *argument)
{
    char **words = argument;
    Answer list = accepted(enumerate(NETWORK, IN_VERSION_2), "enumerate");
    GUID network = guid_of(json_text(list.body, "[0]"));
    for (int round = 0; round < 20; round++) {
        GUID endpoint = make(ENDPOINT, network, remote_at(say("10.73.%s.%d", words[1], round + 1)));
        destroy(ENDPOINT, endpoint);
    }
}

static void call_log(void)
{
    wchar_t file[MAX_PATH];
    HANDLE processes[3];
    own_path(file, L"calls.jsonl");
    DeleteFileW(file);
    fresh(NULL);
    make(NETWORK, no_id, bridge());
    Variable variable = set(of_log, file);
    for (int index = 0; index < 3; index++)
        processes[index] = start_process(say("endpoints %d", index));
    DWORD worst = 0;
    for (int index = 0; index < 3; index++) {
        DWORD code = end_process(processes[index]);
        worst = code ? code : worst;
    }
    restore(&variable);
    expect(worst == 0, "a process ended with %lu; see its standard error", worst);
    char *text = read_file(file);
    char *copy = say("%s", text);
    DeleteFileW(file);
    int created = read_log(text, "HcnCreateEndpoint"), deleted = read_log(copy, "HcnDeleteEndpoint");
    expect(created == 60 && deleted == 60, "%d creations and %d deletions of 60 are logged", created, deleted);
}

/* Loads the older library and lets it go, as often as a program likes. */
static void load_and_unload(void *argument)
{
    (void)argument;
    for (int round = 0; round < 20; round++) {
        HMODULE module = LoadLibraryExW(L"vmcompute.dll", NULL, LOAD_LIBRARY_SEARCH_SYSTEM32);
        expect(module, "it cannot be loaded: error %lu", GetLastError());
        HRESULT(WINAPI * call)(PCWSTR, PCWSTR, PCWSTR, PWSTR *);
        call = (HRESULT(WINAPI *)(PCWSTR, PCWSTR, PCWSTR, PWSTR *))(void *)GetProcAddress(module, "HNSCall");
        PWSTR response = NULL;
        expect(call && call(L"GET", L"/globals/version", L"", &response) == S_OK, "no version");
        CoTaskMemFree(response);
        expect(FreeLibrary(module), "it cannot be let go: error %lu", GetLastError());
    }
}

static void unload(void)
{
    DWORD code = end_process(start_process("unload"));
    expect(code == 0, "the process ended with 0x%08lX; see its standard error", code);
}

/* Calls from threads that live for one call each. */
static void call_once(void *argument)
{
    (void)argument;
    accepted(enumerate(NETWORK, IN_VERSION_2), "enumerate");
}

static size_t memory_in_use(void)
{
    PROCESS_MEMORY_COUNTERS counters = {.cb = sizeof(counters)};
    expect(GetProcessMemoryInfo(GetCurrentProcess(), &counters, sizeof(counters)), "error %lu", GetLastError());
    return counters.PagefileUsage;
}

/* Answers of 80,000 bytes are asked for and freed; were each kept, they would take 80 megabytes. */
static void memory(void)
{
    enum { LENGTH = 40000, WARM = 50, ROUNDS = 1000, MOST_GROWTH = 32 << 20 };
    fresh(NULL);
    char *name = json_keep(LENGTH + 1);
    memset(name, 'n', LENGTH);
    GUID network = make(NETWORK, no_id, bridge());
    GUID endpoint = make(ENDPOINT, network,
        say("{'Name':'%s','Flags':1,'IpConfigurations':[{'IpAddress':'10.0.0.9'}]}", name));
    Handle handle = NULL;
    size_t before = 0;
    for (int round = 0; round < WARM + ROUNDS; round++) {
        if (round == WARM)
            before = memory_in_use();
        PWSTR text = NULL, record = NULL;
        expect(HcnOpenEndpoint(&endpoint, &handle, &record) == S_OK, "open");
        expect(HcnQueryEndpointProperties(handle, NULL, &text, &record) == S_OK, "query");
        CoTaskMemFree(text);
        expect(HcnCloseEndpoint(handle) == S_OK, "close");
    }
    size_t after = memory_in_use();
    expect(after < before + MOST_GROWTH, "%zu bytes became %zu", before, after);
    for (int round = 0; round < 20; round++)
        on_threads(16, call_once);
}

const Work environment_work[] = {
    {"left", 1, expect_left},
    {"setup", 1, expect_setup},
    {"endpoints", 2, make_endpoints},
    {"unload", 1, load_and_unload},
    {0},
};

const Check environment_checks[] = {
    {"ENVIRONMENT-folders", "another folder is another HNS, which outlives every process", folders},
    {"ENVIRONMENT-setup", "the first process of a folder reads the setup, and no other does", setup},
    {"ENVIRONMENT-log", "calls of several processes are logged in whole lines", call_log},
    {"ENVIRONMENT-unload", "the older library can be loaded and let go", unload},
    {"ENVIRONMENT-memory", "nothing is kept of answers that were freed", memory},
    {0},
};
