#pragma once

#include <stdint.h>
#include <sys/types.h>

/// How a program is kept from everything else; each level has what the ones below have.
enum {
    /// Not at all: a program that the user gave leave to run. It is ended with all that it started.
    SANDBOX_OPEN = -1,
    /// Resource limits, no new privileges, a session of its own, closed descriptors.
    SANDBOX_LIMITS = 0,
    /// A seccomp filter that allows what a computation needs: no sockets, no processes, no signals to others, nothing
    /// written to files.
    SANDBOX_SECCOMP = 1,
    /// Own user, mount, process, network and IPC namespaces with a root of their own.
    SANDBOX_NAMESPACES = 2,
};

/// Where setting up stopped; sent with `errno` by the process that couldn't go on.
enum {
    SANDBOX_STEP_START = 1,
    SANDBOX_STEP_USER = 2,
    SANDBOX_STEP_NAMESPACES = 3,
    SANDBOX_STEP_ROOT = 4,
    SANDBOX_STEP_LIMITS = 5,
    SANDBOX_STEP_FILTER = 6,
    SANDBOX_STEP_EXECUTE = 7,
};

/// What is run, and within which bounds.
typedef struct {
    const char *executable;
    char *const *arguments;
    char *const *environment;
    /// Standard input.
    int input;
    /// Standard output and error; -1 for /dev/null.
    int output;
    int errors;
    /// Descriptor 3 of the program; -1 for none.
    int result;
    /// The reading end of a pipe: when its other end is closed, the program is ended with all that it started. -1 for
    /// none. For SANDBOX_OPEN only.
    int life;
    /// An empty folder: where the program is, or what its root is mounted on.
    const char *folder;
    /// Absolute paths that the program may read where it has a root of its own; ends with NULL.
    const char *const *readable;
    int level;
    /// Time by the clock that isn't spent waiting for a processor.
    uint64_t own_milliseconds;
    /// Time by the clock after which the machine is held to be too busy.
    uint64_t wall_milliseconds;
    uint64_t cpu_seconds;
    /// Bytes of address space.
    uint64_t memory;
    /// Bytes of one file; with a root of its own, of all files.
    uint64_t files;
    /// Processes and threads of the user; 0 for no limit of their own.
    uint64_t processes;
    /// User and group that the program runs as; (uint32_t)-1 to stay as it is.
    uint32_t user;
} sandbox_program;

/// Why a program was stopped.
enum {
    /// Its time was over.
    SANDBOX_TIMED_OUT = 1,
    /// It got too little of the processors to say so.
    SANDBOX_STARVED = 2,
    /// The other end of `life` was closed.
    SANDBOX_STOPPED = 3,
};

/// How a program ended.
typedef struct {
    /// As waitpid gives it.
    int32_t status;
    /// 0, or why it was stopped.
    int32_t timed_out;
    /// A SANDBOX_STEP where setting up failed, else 0.
    int32_t failed_step;
    int32_t error;
} sandbox_ending;

/// Starts a program and the process that watches over it.
///
/// @param ending receives a descriptor from which one `sandbox_ending` can be read when the program is gone.
/// @returns the process that watches; kill and wait for it. -1 with errno when it can't be started.
pid_t sandbox_start(const sandbox_program *program, int *ending);

/// A pipe that other children don't inherit, whose reading end doesn't wait; -1 with errno.
int sandbox_pipe(int ends[2]);

/// Whether a program has to stop.
///
/// All in milliseconds: since it began, of that waiting for a processor, and the bounds of `sandbox_program`.
/// @returns 0, SANDBOX_TIMED_OUT or SANDBOX_STARVED.
int sandbox_verdict(int64_t elapsed, int64_t waited, int64_t own, int64_t wall);

/// Keeps memory and `/proc` entries of the calling process from other processes of its user; -1 with errno.
int sandbox_protect(void);
