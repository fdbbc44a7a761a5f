#pragma once

#include "CSandbox.h"

/// Restricts the calling process by a seccomp filter; -1 with errno where the kernel refuses.
///
/// @param writes whether files may be opened for writing.
int sandbox_filter(int writes);

/// Gives the calling process namespaces of its own; -1 with errno.
int sandbox_unshare(void);

/// Makes an empty file system with the readable paths the root; -1 with errno.
int sandbox_root(const sandbox_program *program);

/// Kills and reaps all descendants of the calling process, which has to be a subreaper.
void sandbox_reap_all(void);
