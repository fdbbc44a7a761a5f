// The seccomp filter: the calls that a program which only computes needs. Everything else is refused, what kernels of
// later years add as well.
#define _GNU_SOURCE
#include "internal.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define NATIVE_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

#ifdef NATIVE_ARCHITECTURE

// Calls whose numbers are the same everywhere and that headers of some years don't have.
enum {
    call_rseq =
#if defined(__x86_64__)
        334,
#else
        293,
#endif
    call_clone3 = 435,
    call_close_range = 436,
    call_openat2 = 437,
    call_faccessat2 = 439,
    call_epoll_pwait2 = 441,
    call_fchmodat2 = 452,
    /// From here on programs have to take it that a kernel doesn't know a call.
    call_first_recent = 424,
};

// Calls that are allowed whatever their arguments are: they reach the process itself and what it has opened.
static const int allowed[] = {
    // Memory.
    SYS_brk, SYS_mmap, SYS_munmap, SYS_mprotect, SYS_mremap, SYS_madvise, SYS_msync, SYS_mlock, SYS_munlock,
    SYS_membarrier,
    // Descriptors that it has.
    SYS_read, SYS_write, SYS_readv, SYS_writev, SYS_pread64, SYS_pwrite64, SYS_preadv, SYS_pwritev, SYS_preadv2,
    SYS_pwritev2, SYS_lseek, SYS_close, call_close_range, SYS_dup, SYS_dup3, SYS_pipe2, SYS_ftruncate, SYS_fallocate,
    SYS_sendfile, SYS_copy_file_range, SYS_fadvise64, SYS_readahead, SYS_getdents64,
    SYS_ppoll, SYS_pselect6, SYS_epoll_create1, SYS_epoll_ctl, SYS_epoll_pwait, call_epoll_pwait2,
    SYS_eventfd2, SYS_signalfd4, SYS_timerfd_create, SYS_timerfd_settime, SYS_timerfd_gettime,
    SYS_getsockname, SYS_getpeername, SYS_getsockopt, SYS_recvfrom, SYS_shutdown,
    // Looking at files.
    SYS_newfstatat, SYS_fstat, SYS_statx, SYS_statfs, SYS_fstatfs, SYS_faccessat, call_faccessat2, SYS_readlinkat,
    SYS_getcwd, SYS_chdir, SYS_fchdir, SYS_umask, SYS_getxattr, SYS_lgetxattr, SYS_fgetxattr, SYS_listxattr,
    SYS_llistxattr, SYS_flistxattr,
    // Time.
    SYS_gettimeofday, SYS_clock_gettime, SYS_clock_getres, SYS_clock_nanosleep, SYS_nanosleep, SYS_times,
    SYS_getitimer, SYS_setitimer, SYS_timer_create, SYS_timer_settime, SYS_timer_gettime, SYS_timer_getoverrun,
    SYS_timer_delete,
    // Threads, signals, and what it is.
    SYS_futex, SYS_set_robust_list, SYS_set_tid_address, call_rseq, SYS_sched_yield, SYS_sched_getaffinity,
    SYS_sched_getparam, SYS_sched_getscheduler, SYS_sched_get_priority_max, SYS_sched_get_priority_min,
    SYS_getpriority, SYS_getcpu,
    SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_rt_sigtimedwait, SYS_rt_sigpending,
    SYS_rt_sigsuspend, SYS_sigaltstack, SYS_restart_syscall,
    SYS_getpid, SYS_getppid, SYS_gettid, SYS_getpgid, SYS_getsid, SYS_getuid, SYS_geteuid, SYS_getgid, SYS_getegid,
    SYS_getresuid, SYS_getresgid, SYS_getgroups, SYS_capget, SYS_getrusage, SYS_uname, SYS_sysinfo, SYS_getrandom,
    SYS_wait4, SYS_waitid, SYS_exit, SYS_exit_group,
#ifdef SYS_open
    // Older names of the above.
    SYS_dup2, SYS_pipe, SYS_getdents, SYS_poll, SYS_select, SYS_epoll_create, SYS_epoll_wait, SYS_eventfd, SYS_signalfd,
    SYS_stat, SYS_lstat, SYS_access, SYS_readlink, SYS_time, SYS_alarm, SYS_pause, SYS_getpgrp, SYS_arch_prctl,
#endif
};

// Calls that change files by name; allowed where the program has a root of its own.
static const int allowed_writes[] = {
    SYS_unlinkat, SYS_mkdirat, SYS_mknodat, SYS_linkat, SYS_symlinkat, SYS_renameat2, SYS_fchmodat, call_fchmodat2,
    SYS_truncate, SYS_utimensat, SYS_fchmod, SYS_flock, SYS_fsync, SYS_fdatasync,
#ifdef SYS_renameat
    SYS_renameat,
#endif
#ifdef SYS_open
    SYS_unlink, SYS_rmdir, SYS_mkdir, SYS_mknod, SYS_link, SYS_symlink, SYS_rename, SYS_chmod, SYS_creat, SYS_utime,
    SYS_utimes, SYS_futimesat,
#endif
};

// Commands of fcntl. The others tell somebody of events (F_SETOWN, F_SETSIG, F_NOTIFY, F_SETLEASE), or have a use
// for few.
static const int descriptor_commands[] = {
    F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, 1032 /* F_GETPIPE_SZ */, 1034 /* F_GET_SEALS */,
};

// Locks on files: others wait for them.
static const int lock_commands[] = {
    F_GETLK, F_SETLK, F_SETLKW, 36 /* F_OFD_GETLK */, 37 /* F_OFD_SETLK */, 38 /* F_OFD_SETLKW */,
};

// What can be asked of a device or a pipe. FIOASYNC, FS_IOC_SETFLAGS, TIOCSTI and the like aren't here.
static const int device_requests[] = {TCGETS, TIOCGWINSZ, FIONREAD, FIOCLEX, FIONCLEX, FIONBIO};

// What a process may ask of itself. Its death with its parent, its dumps and its tracer stay as they are.
static const int process_options[] = {
    PR_SET_NAME, PR_GET_NAME, PR_GET_DUMPABLE, PR_GET_PDEATHSIG, PR_GET_NO_NEW_PRIVS, PR_GET_SECCOMP, PR_CAPBSET_READ,
    PR_GET_TIMERSLACK,
};

// In both kinds: a thread shares all with its process. Anything else would be a process, or a namespace.
enum {
    thread_needs = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD,
    thread_may = thread_needs | CLONE_SYSVSEM | CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID
        | CLONE_CHILD_SETTID | 0x400000 /* CLONE_DETACHED, which does nothing */,
    /// O_TMPFILE without the bit that it shares with O_DIRECTORY.
    opens_for_writing = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_APPEND | (O_TMPFILE & ~O_DIRECTORY),
};

#define CALL offsetof(struct seccomp_data, nr)
// Both architectures keep the low half first.
#define LOW(n) (offsetof(struct seccomp_data, args) + 8 * (n))
#define HIGH(n) (LOW(n) + 4)
#define COUNT(list) (sizeof(list) / sizeof *(list))

enum { capacity = 2048 };

typedef struct {
    struct sock_filter code[capacity];
    unsigned count;
} builder;

static void add(builder *b, uint16_t operation, uint8_t then, uint8_t otherwise, uint32_t value) {
    // The lists above fit by far; a filter that is cut off is refused by the kernel.
    if (b->count < capacity) b->code[b->count++] = (struct sock_filter){operation, then, otherwise, value};
}

static void load(builder *b, size_t offset) { add(b, BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)offset); }

static void give(builder *b, uint32_t verdict) { add(b, BPF_RET | BPF_K, 0, 0, verdict); }

static void allow(builder *b) { give(b, SECCOMP_RET_ALLOW); }

static void refuse(builder *b) { give(b, SECCOMP_RET_ERRNO | EPERM); }

/// Gives a verdict on calls of one number, whatever their arguments.
static void give_call(builder *b, int call, uint32_t verdict) {
    add(b, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, (uint32_t)call);
    give(b, verdict);
}

static void allow_calls(builder *b, const int *calls, size_t count) {
    for (size_t i = 0; i < count; i++) give_call(b, calls[i], SECCOMP_RET_ALLOW);
}

/// Begins the rules of one call; the number of the jump over them is given to `end`.
///
/// The accumulator is free in between: every path there ends in a verdict.
static unsigned begin(builder *b, int call) {
    add(b, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, (uint32_t)call);
    return b->count - 1;
}

/// Ends the rules of one call: what none of them allowed is refused.
static void end(builder *b, unsigned jump) {
    refuse(b);
    // At most 64 instructions belong to one call.
    b->code[jump].jf = (uint8_t)(b->count - jump - 1);
}

/// Allows where the accumulator has one of the values.
static void allow_values(builder *b, const int *values, size_t count) {
    for (size_t i = 0; i < count; i++) give_call(b, values[i], SECCOMP_RET_ALLOW);
}

/// Refuses where the accumulator has one of the bits.
static void refuse_bits(builder *b, uint32_t bits) {
    add(b, BPF_JMP | BPF_JSET | BPF_K, 0, 1, bits);
    refuse(b);
}

/// Refuses unless the accumulator is the value.
static void demand(builder *b, uint32_t value) {
    add(b, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, value);
    refuse(b);
}

/// Allows the call where its first argument, a number of 32 bits, is one of the values.
static void allow_first(builder *b, int call, const int *values, size_t count) {
    unsigned jump = begin(b, call);
    load(b, LOW(0));
    allow_values(b, values, count);
    end(b, jump);
}

static void allow_open(builder *b, int call, int flags, int writes) {
    unsigned jump = begin(b, call);
    load(b, LOW(flags));
    refuse_bits(b, writes ? O_ASYNC : O_ASYNC | opens_for_writing);
    allow(b);
    end(b, jump);
}

/// Refuses unless argument `n` is the address.
static void demand_address(builder *b, unsigned n, uintptr_t address) {
    load(b, LOW(n));
    demand(b, (uint32_t)address);
    load(b, HIGH(n));
    demand(b, (uint32_t)((uint64_t)address >> 32));
}

static void add_processes(builder *b, int self, const char *path, char *const *arguments) {
    unsigned jump = begin(b, SYS_clone);
    load(b, LOW(0));
    add(b, BPF_ALU | BPF_AND | BPF_K, 0, 0, ~(uint32_t)(thread_may & ~thread_needs));
    demand(b, thread_needs);
    allow(b);
    end(b, jump);
    // What clone3 makes can't be seen by a filter; the C library falls back. The same for the flags of openat2.
    give_call(b, call_clone3, SECCOMP_RET_ERRNO | ENOSYS);
    give_call(b, call_openat2, SECCOMP_RET_ERRNO | ENOSYS);
    // The program is executed once: a thread that executes another program would no longer die with its parent. The
    // number of the descriptor is none that it can have itself, but the kernel doesn't look at it where the path is
    // absolute; what the path is a filter can't see, but where it stands.
    jump = begin(b, SYS_execveat);
    load(b, LOW(0));
    demand(b, SANDBOX_EXECUTABLE);
    demand_address(b, 1, (uintptr_t)path);
    demand_address(b, 2, (uintptr_t)arguments);
    load(b, LOW(4));
    demand(b, AT_EMPTY_PATH);
    allow(b);
    end(b, jump);
    // Signals to itself; its number stays the same through exec.
    allow_first(b, SYS_kill, &self, 1);
    allow_first(b, SYS_tkill, &self, 1);
    allow_first(b, SYS_tgkill, &self, 1);
    const int own[] = {0, self};
    allow_first(b, SYS_prlimit64, own, COUNT(own));
#ifdef SYS_getrlimit
    give_call(b, SYS_getrlimit, SECCOMP_RET_ALLOW);
    give_call(b, SYS_setrlimit, SECCOMP_RET_ALLOW);
#endif
    allow_first(b, SYS_prctl, process_options, COUNT(process_options));
}

static void add_descriptors(builder *b, int writes) {
    unsigned jump = begin(b, SYS_fcntl);
    load(b, LOW(1));
    allow_values(b, descriptor_commands, COUNT(descriptor_commands));
    // A lock on a file of others makes them wait.
    if (writes) allow_values(b, lock_commands, COUNT(lock_commands));
    demand(b, F_SETFL);
    load(b, LOW(2));
    refuse_bits(b, O_ASYNC);
    allow(b);
    end(b, jump);

    jump = begin(b, SYS_ioctl);
    load(b, LOW(1));
    allow_values(b, device_requests, COUNT(device_requests));
    end(b, jump);

    // Pairs that are connected with one another for good: one of datagrams sends to any socket that has a name.
    jump = begin(b, SYS_socketpair);
    load(b, LOW(0));
    demand(b, AF_UNIX);
    load(b, LOW(1));
    add(b, BPF_ALU | BPF_AND | BPF_K, 0, 0, ~(uint32_t)(SOCK_CLOEXEC | SOCK_NONBLOCK));
    demand(b, SOCK_STREAM);
    allow(b);
    end(b, jump);

    jump = begin(b, SYS_sendto);
    load(b, LOW(4));
    demand(b, 0);
    load(b, HIGH(4));
    demand(b, 0);
    allow(b);
    end(b, jump);
}

int sandbox_filter(int writes, const char *path, char *const *arguments) {
    builder b = {.count = 0};
    load(&b, offsetof(struct seccomp_data, arch));
    add(&b, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, NATIVE_ARCHITECTURE);
    give(&b, SECCOMP_RET_KILL_PROCESS);
    load(&b, CALL);
#ifdef __x86_64__
    // The calls of the x32 ABI have other numbers.
    add(&b, BPF_JMP | BPF_JGE | BPF_K, 0, 1, 0x40000000);
    give(&b, SECCOMP_RET_KILL_PROCESS);
#endif
    allow_calls(&b, allowed, COUNT(allowed));
    if (writes) allow_calls(&b, allowed_writes, COUNT(allowed_writes));
    add_processes(&b, getpid(), path, arguments);
    add_descriptors(&b, writes);
    allow_open(&b, SYS_openat, 2, writes);
#ifdef SYS_open
    allow_open(&b, SYS_open, 1, writes);
#endif
    add(&b, BPF_JMP | BPF_JGE | BPF_K, 0, 1, call_first_recent);
    give(&b, SECCOMP_RET_ERRNO | ENOSYS);
    refuse(&b);
    struct sock_fprog program = {.len = (unsigned short)b.count, .filter = b.code};
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

#else

int sandbox_filter(int writes, const char *path, char *const *arguments) {
    (void)writes, (void)path, (void)arguments;
    errno = ENOSYS;
    return -1;
}

#endif
