/* Work beside the check: threads, and processes of this program. */

#ifndef CONFORMANCE_WORK_H
#define CONFORMANCE_WORK_H

#include <stdbool.h>
#include <windows.h>

/* How long something is waited for that must happen. */
enum { SOON_MILLISECONDS = 20000, SOME_MILLISECONDS = 60000 };

/* Runs `part` with each of `count` numbers on threads of their own, and fails as the first that failed. */
void on_threads(int count, void (*part)(void *));

/* The number that this thread was given. */
int number_of(void *argument);

/* One thread that may fail by itself; the reason is copied out. */
typedef struct {
    void (*part)(void *);
    void *argument;
    HANDLE thread;
    bool failed;
    char why[500];
} Errand;

void start_errand(Errand *errand, void (*part)(void *), void *argument);
bool errand_is_over(Errand *errand, DWORD milliseconds);

/* Waits for it and fails as it failed. */
void end_errand(Errand *errand);

/* This program once more, as `work` with these words. */
HANDLE start_process(const char *words);

/* Waits until it ends, and gives its exit code. */
DWORD end_process(HANDLE process);

/* Ends it from outside, in the middle of whatever it does. */
void kill_process(HANDLE process);

/* An event that all processes know by this name. */
HANDLE shared_event(const char *name);

/* Waits until something holds; fails after a while, naming it. */
void wait_until(bool (*holds)(void *), void *argument, const char *what);

#endif
