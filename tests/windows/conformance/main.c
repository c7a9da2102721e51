/* conformance.exe: HNS held against what is known of it, from outside.
 *
 *   conformance.exe [--only ID] [--processes] [--list]
 *
 * prints one JSON line for each check, {"id":"E12","status":"pass","detail":"..."}, and ends with 1 if any
 * failed. With --processes it runs the checks of several processes alone, else all others; with --list it
 * prints their ids and runs none. */

#include "check.h"
#include "groups.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const Check *const of_one_process[] = {abi_checks, text_checks, unserved_checks, network_checks,
    endpoint_checks, member_checks, balancer_checks, generated_checks, query_checks, lifetime_checks,
    fault_checks, callback_checks, thread_checks, NULL};

static const Check *const of_several_processes[] = {process_checks, environment_checks, NULL};

static const Work *const all_work[] = {process_work, environment_work, NULL};

static int run_groups(const Check *const *groups, const char *only)
{
    int failed = 0;
    for (; *groups; groups++)
        failed += run_checks(*groups, only);
    return failed;
}

static int list_groups(const Check *const *groups)
{
    for (; *groups; groups++)
        for (const Check *check = *groups; check->id; check++)
            puts(check->id);
    return 0;
}

/* Does what a check of another process asks for; the exit code. */
static int work(int count, char **words)
{
    for (const Work *const *list = all_work; *list; list++)
        for (const Work *work = *list; work->name; work++) {
            if (count != work->words || strcmp(words[0], work->name) != 0)
                continue;
            const char *why = guarded(work->part, words);
            if (why)
                fprintf(stderr, "%s: %s\n", words[0], why);
            return why ? 1 : 0;
        }
    fprintf(stderr, "no such work\n");
    return 2;
}

int main(int count, char **words)
{
    const char *only = NULL;
    bool processes = false, list = false;
    if (count > 1 && !strcmp(words[1], "work"))
        return work(count - 2, words + 2);
    for (int index = 1; index < count; index++) {
        if (!strcmp(words[index], "--processes")) {
            processes = true;
        } else if (!strcmp(words[index], "--list")) {
            list = true;
        } else if (!strcmp(words[index], "--only") && index + 1 < count) {
            only = words[++index];
        } else {
            fprintf(stderr, "usage: conformance.exe [--only ID] [--processes] [--list]\n");
            return 2;
        }
    }
    const Check *const *groups = processes ? of_several_processes : of_one_process;
    return list ? list_groups(groups) : run_groups(groups, only) ? 1 : 0;
}
