/* The lists of checks, in the order they run. */

#ifndef CONFORMANCE_GROUPS_H
#define CONFORMANCE_GROUPS_H

#include "check.h"

extern const Check abi_checks[];
extern const Check text_checks[];
extern const Check unserved_checks[];
extern const Check network_checks[];
extern const Check endpoint_checks[];
extern const Check member_checks[];
extern const Check balancer_checks[];
extern const Check generated_checks[];
extern const Check query_checks[];
extern const Check lifetime_checks[];
extern const Check fault_checks[];
extern const Check callback_checks[];
extern const Check thread_checks[];
extern const Check process_checks[];
extern const Check environment_checks[];

/* What a process does that a check starts: its name, the number of words with it, and the part, which gets them. */
typedef struct {
    const char *name;
    int words;
    void (*part)(void *);
} Work;

extern const Work process_work[];
extern const Work environment_work[];

#endif
