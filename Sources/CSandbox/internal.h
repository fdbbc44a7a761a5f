#pragma once

#include "CSandbox.h"

/// The descriptor of the program's executable until it runs; above all that a program can have.
enum { SANDBOX_EXECUTABLE = 100 };

/// Restricts the calling process by a seccomp filter; -1 with errno where the kernel refuses.
///
/// A program is executed only by a call with exactly these two addresses. They are drawn at random and hold nothing any
/// more once a program runs, which can neither guess both nor read the filter.
///
/// @param writes whether files may be opened for writing.
/// @param path where the empty path stands that is executed by.
/// @param arguments where the list of arguments stands.
int sandbox_filter(int writes, const char *path, char *const *arguments);

/// Gives the calling process namespaces of its own; -1 with errno.
int sandbox_unshare(void);

/// Makes an empty file system with the readable paths the root; -1 with errno.
int sandbox_root(const sandbox_program *program);

/// Kills and reaps all descendants of the calling process, which has to be a subreaper.
void sandbox_reap_all(void);

/// The first child of a process, 0 where it isn't known; `machine` is a descriptor of /proc.
pid_t sandbox_first_child(int machine, pid_t process);

/// Whether a process has one child alone, and that child none.
int sandbox_is_alone(int machine, pid_t process, pid_t child);

/// Milliseconds that the thread of a process that waited longest for a processor has waited for it.
int64_t sandbox_run_delay(int machine, pid_t process);
