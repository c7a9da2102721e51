/* The harness: runs checks, keeps one that fails from stopping the rest, ends one that hangs. */

#include "check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <windows.h>

#include "json.h"

/* A check that takes longer is taken to hang. */
enum { PATIENCE_MILLISECONDS = 240000 };

static _Thread_local void **escape;
static _Thread_local char reason[2000];

/* What runs at present, for the line of a check that ends the program. */
static const char *volatile current;
static volatile LONG64 began;

char *say(const char *format, ...)
{
    char *quoted = json_keep(strlen(format) + 1);
    strcpy(quoted, format);
    for (char *letter = quoted; *letter; letter++)
        if (*letter == '\'')
            *letter = '"';
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, quoted, arguments);
    va_end(arguments);
    char *text = json_keep((size_t)length + 1);
    va_start(arguments, format);
    vsnprintf(text, (size_t)length + 1, quoted, arguments);
    va_end(arguments);
    return text;
}

_Noreturn void fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, sizeof(reason), format, arguments);
    va_end(arguments);
    if (escape)
        __builtin_longjmp(escape, 1);
    fprintf(stderr, "%s\n", reason);
    exit(1);
}

const char *guarded(void (*part)(void *), void *argument)
{
    void *here[5];
    void **outer = escape;
    /* Set after the jump, too, so it must not live in a register. */
    volatile bool failed = true;
    reason[0] = '\0';
    if (__builtin_setjmp(here) == 0) {
        escape = here;
        part(argument);
        failed = false;
    }
    escape = outer;
    return failed ? reason : NULL;
}

static void print_text(const char *text)
{
    putchar('"');
    for (; *text; text++) {
        unsigned char letter = (unsigned char)*text;
        if (letter == '"' || letter == '\\')
            printf("\\%c", letter);
        else if (letter < 0x20)
            printf("\\u%04x", letter);
        else
            putchar(letter);
    }
    putchar('"');
}

static void print_line(const char *id, const char *status, const char *detail)
{
    fputs("{\"id\":", stdout);
    print_text(id);
    printf(",\"status\":\"%s\",\"detail\":", status);
    print_text(detail);
    puts("}");
    fflush(stdout);
}

static LONG WINAPI on_exception(EXCEPTION_POINTERS *pointers)
{
    char detail[100];
    snprintf(detail, sizeof(detail), "exception 0x%08lX at %p",
        pointers->ExceptionRecord->ExceptionCode, pointers->ExceptionRecord->ExceptionAddress);
    print_line(current ? current : "start", "fail", detail);
    TerminateProcess(GetCurrentProcess(), 1);
    return EXCEPTION_EXECUTE_HANDLER;
}

static DWORD WINAPI watch(void *unused)
{
    (void)unused;
    const char *id;
    do {
        Sleep(1000);
        id = current;
    } while (!id || (LONG64)GetTickCount64() - began <= PATIENCE_MILLISECONDS);
    print_line(id, "fail", "it hangs");
    TerminateProcess(GetCurrentProcess(), 1);
    return 1;
}

static void start_watching(void)
{
    static bool watching;
    if (watching)
        return;
    watching = true;
    SetUnhandledExceptionFilter(on_exception);
    CloseHandle(CreateThread(NULL, 0, watch, NULL, 0, NULL));
}

static void run_check(void *argument)
{
    const Check *check = argument;
    check->run();
}

static bool is_wanted(const Check *check, const char *only)
{
    return !only || _stricmp(check->id, only) == 0;
}

int run_checks(const Check *checks, const char *only)
{
    int failed = 0;
    start_watching();
    for (const Check *check = checks; check->id; check++) {
        if (!is_wanted(check, only))
            continue;
        began = (LONG64)GetTickCount64();
        current = check->id;
        const char *why = guarded(run_check, (void *)check);
        current = NULL;
        print_line(check->id, why ? "fail" : "pass", why ? why : check->what);
        failed += why != NULL;
        json_forget();
    }
    return failed;
}
