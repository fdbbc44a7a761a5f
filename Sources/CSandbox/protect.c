// Keeps the memory of the calling process from others of the same user.
#define _GNU_SOURCE
#include "internal.h"

#include <sys/prctl.h>

int sandbox_protect(void) { return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }
