/* Threads and processes. */

#include "work.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hns.h"

static DWORD WINAPI run_errand(void *argument)
{
    Errand *errand = argument;
    const char *why = guarded(errand->part, errand->argument);
    errand->failed = why != NULL;
    snprintf(errand->why, sizeof(errand->why), "%s", why ? why : "");
    json_forget();
    return 0;
}

void start_errand(Errand *errand, void (*part)(void *), void *argument)
{
    *errand = (Errand){.part = part, .argument = argument};
    errand->thread = CreateThread(NULL, 0, run_errand, errand, 0, NULL);
    expect(errand->thread, "no thread: error %lu", GetLastError());
}

bool errand_is_over(Errand *errand, DWORD milliseconds)
{
    return WaitForSingleObject(errand->thread, milliseconds) == WAIT_OBJECT_0;
}

void end_errand(Errand *errand)
{
    expect(errand_is_over(errand, INFINITE), "no waiting for a thread");
    CloseHandle(errand->thread);
    expect(!errand->failed, "%s", errand->why);
}

int number_of(void *argument)
{
    return (int)(intptr_t)argument;
}

void on_threads(int count, void (*part)(void *))
{
    Errand *errands = json_keep(sizeof(Errand) * (size_t)count);
    for (int index = 0; index < count; index++)
        start_errand(&errands[index], part, (void *)(intptr_t)index);
    for (int index = 0; index < count; index++)
        expect(errand_is_over(&errands[index], INFINITE), "no waiting for a thread");
    for (int index = 0; index < count; index++)
        end_errand(&errands[index]);
}

HANDLE start_process(const char *words)
{
    wchar_t path[MAX_PATH];
    STARTUPINFOW startup = {.cb = sizeof(startup)};
    PROCESS_INFORMATION process;
    GetModuleFileNameW(NULL, path, MAX_PATH);
    wchar_t *line = wide(say("'%s' work %s", narrow(path), words));
    BOOL started = CreateProcessW(path, line, NULL, NULL, FALSE, 0, NULL, NULL, &startup, &process);
    expect(started, "no process: error %lu", GetLastError());
    CloseHandle(process.hThread);
    return process.hProcess;
}

DWORD end_process(HANDLE process)
{
    DWORD code;
    expect(WaitForSingleObject(process, 4 * SOME_MILLISECONDS) == WAIT_OBJECT_0, "a process does not end");
    expect(GetExitCodeProcess(process, &code), "no exit code: error %lu", GetLastError());
    CloseHandle(process);
    return code;
}

void kill_process(HANDLE process)
{
    expect(TerminateProcess(process, 99), "a process cannot be killed: error %lu", GetLastError());
    expect(WaitForSingleObject(process, SOON_MILLISECONDS) == WAIT_OBJECT_0, "a killed process lives on");
    CloseHandle(process);
}

HANDLE shared_event(const char *name)
{
    HANDLE event = CreateEventW(NULL, TRUE, FALSE, wide(say("switchyard-conformance-%s", name)));
    expect(event, "no event: error %lu", GetLastError());
    return event;
}

void wait_until(bool (*holds)(void *), void *argument, const char *what)
{
    ULONGLONG end = GetTickCount64() + SOON_MILLISECONDS;
    while (!holds(argument)) {
        expect(GetTickCount64() < end, "it never comes: %s", what);
        Sleep(5);
    }
}
