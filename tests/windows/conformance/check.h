/* Checks: each has an id and a sentence, and says in one line how it went. */

#ifndef CONFORMANCE_CHECK_H
#define CONFORMANCE_CHECK_H

#include <stdbool.h>

/* One check. A list of them ends with one that has no id. */
typedef struct {
    const char *id;
    const char *what;
    void (*run)(void);
} Check;

/* Ends the check, or the part that `guarded` runs, as failed. */
__attribute__((format(gnu_printf, 1, 2))) _Noreturn void fail(const char *format, ...);

/* Fails unless something holds. */
#define expect(holds, ...)     \
    do {                       \
        if (!(holds))          \
            fail(__VA_ARGS__); \
    } while (0)

/* Runs a part, on any thread. NULL when it went well, else why not; the text is the thread's. */
__attribute__((noinline)) const char *guarded(void (*part)(void *), void *argument);

/* Formats a text that lives until the check is over. Each ' in the format becomes ". */
__attribute__((format(gnu_printf, 1, 2))) char *say(const char *format, ...);

/* Runs those of the checks that are asked for and prints a line for each. The number that failed. */
int run_checks(const Check *checks, const char *only);

#endif
