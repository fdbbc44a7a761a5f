// The seccomp filter: what a program that only computes never needs is refused.
#define _GNU_SOURCE
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define NATIVE_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

#ifdef NATIVE_ARCHITECTURE

// Calls that are refused at any level with a filter.
static const int refused[] = {
    // Network and other ways to reach other programs.
    SYS_socket, SYS_connect, SYS_bind, SYS_listen, SYS_accept, SYS_accept4, SYS_sendmmsg,
    SYS_shmget, SYS_shmat, SYS_shmctl, SYS_msgget, SYS_msgsnd, SYS_msgrcv, SYS_msgctl,
    SYS_semget, SYS_semop, SYS_semctl, SYS_semtimedop, SYS_mq_open, SYS_mq_unlink,
    SYS_memfd_create,
    // Signals to others and looking into others.
    SYS_kill, SYS_tkill, SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo, SYS_ptrace,
    SYS_process_vm_readv, SYS_process_vm_writev, SYS_kcmp,
    SYS_pidfd_send_signal,
#ifdef SYS_pidfd_open
    SYS_pidfd_open,
#endif
#ifdef SYS_pidfd_getfd
    SYS_pidfd_getfd,
#endif
#ifdef SYS_process_madvise
    SYS_process_madvise,
#endif
    // Leaving the group that is killed together.
    SYS_setsid, SYS_setpgid,
    // Changing what the machine is.
    SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_unshare, SYS_setns, SYS_bpf,
    SYS_perf_event_open, SYS_userfaultfd, SYS_keyctl, SYS_add_key, SYS_request_key,
    SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_kexec_load, SYS_reboot, SYS_swapon,
    SYS_swapoff, SYS_acct, SYS_quotactl, SYS_settimeofday, SYS_clock_settime, SYS_adjtimex,
    SYS_clock_adjtime, SYS_sethostname, SYS_setdomainname, SYS_personality, SYS_syslog,
    SYS_open_by_handle_at, SYS_name_to_handle_at, SYS_fanotify_init, SYS_vhangup,
    SYS_open_tree, SYS_move_mount, SYS_fsopen, SYS_fsconfig, SYS_fsmount, SYS_fspick,
    SYS_io_setup, SYS_io_submit,
#ifdef SYS_mount_setattr
    SYS_mount_setattr,
#endif
#ifdef SYS_io_uring_setup
    SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register,
#endif
#ifdef SYS_iopl
    SYS_iopl, SYS_ioperm, SYS_modify_ldt,
#endif
#ifdef SYS_fork
    SYS_fork, SYS_vfork,
#endif
};

// Calls that change files by name; refused where the program has no root of its own.
static const int refused_writes[] = {
    SYS_unlinkat, SYS_mkdirat, SYS_mknodat, SYS_linkat, SYS_symlinkat, SYS_renameat2, SYS_fchmodat,
    SYS_fchownat, SYS_truncate, SYS_utimensat, SYS_setxattr, SYS_lsetxattr, SYS_removexattr,
    SYS_lremovexattr, SYS_fchmod, SYS_fchown, SYS_fsetxattr, SYS_fremovexattr,
#ifdef SYS_renameat
    SYS_renameat,
#endif
#ifdef SYS_fchmodat2
    SYS_fchmodat2,
#endif
#ifdef SYS_unlink
    SYS_unlink, SYS_rmdir, SYS_mkdir, SYS_mknod, SYS_link, SYS_symlink, SYS_rename, SYS_chmod,
    SYS_chown, SYS_lchown, SYS_creat, SYS_utime, SYS_utimes, SYS_futimesat,
#endif
};

#define CALL offsetof(struct seccomp_data, nr)
#define ARGUMENT(n) (offsetof(struct seccomp_data, args) + 8 * (n))
#define LOAD(offset) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(offset))
#define IF_EQUAL(value, then, otherwise) \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(value), then, otherwise)
#define IF_BITS(value, then, otherwise) \
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (uint32_t)(value), then, otherwise)
#define RETURN(value) BPF_STMT(BPF_RET | BPF_K, (uint32_t)(value))
#define REFUSE RETURN(SECCOMP_RET_ERRNO | EPERM)
#define UNKNOWN RETURN(SECCOMP_RET_ERRNO | ENOSYS)
#define ALLOW RETURN(SECCOMP_RET_ALLOW)

enum { capacity = 512 };

typedef struct {
    struct sock_filter code[capacity];
    unsigned count;
} builder;

static void add(builder *b, struct sock_filter instruction) {
    // The lists above fit by far; a filter that is cut off is refused by the kernel.
    if (b->count < capacity) b->code[b->count++] = instruction;
}

static void refuse_all(builder *b, const int *calls, size_t count) {
    for (size_t i = 0; i < count; i++) {
        add(b, (struct sock_filter)IF_EQUAL(calls[i], 0, 1));
        add(b, (struct sock_filter)REFUSE);
    }
}

/// Refuses `call` when its argument `n` has one of `bits`; the accumulator holds the call before and after.
static void refuse_bits(builder *b, int call, int n, uint32_t bits) {
    add(b, (struct sock_filter)IF_EQUAL(call, 0, 4));
    add(b, (struct sock_filter)LOAD(ARGUMENT(n)));
    add(b, (struct sock_filter)IF_BITS(bits, 0, 1));
    add(b, (struct sock_filter)REFUSE);
    add(b, (struct sock_filter)ALLOW);
}

int sandbox_filter(int writes) {
    builder b = {.count = 0};
    add(&b, (struct sock_filter)LOAD(offsetof(struct seccomp_data, arch)));
    add(&b, (struct sock_filter)IF_EQUAL(NATIVE_ARCHITECTURE, 1, 0));
    add(&b, (struct sock_filter)RETURN(SECCOMP_RET_KILL_PROCESS));
    add(&b, (struct sock_filter)LOAD(CALL));
#ifdef __x86_64__
    // The calls of the x32 ABI have other numbers.
    add(&b, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1));
    add(&b, (struct sock_filter)RETURN(SECCOMP_RET_KILL_PROCESS));
#endif
    // Threads are allowed, processes aren't. What clone3 makes can't be seen by a filter; the C library falls back.
    add(&b, (struct sock_filter)IF_EQUAL(SYS_clone, 0, 4));
    add(&b, (struct sock_filter)LOAD(ARGUMENT(0)));
    add(&b, (struct sock_filter)IF_BITS(CLONE_THREAD, 1, 0));
    add(&b, (struct sock_filter)REFUSE);
    add(&b, (struct sock_filter)ALLOW);
#ifdef SYS_clone3
    add(&b, (struct sock_filter)IF_EQUAL(SYS_clone3, 0, 1));
    add(&b, (struct sock_filter)UNKNOWN);
#endif
#ifdef SYS_openat2
    add(&b, (struct sock_filter)IF_EQUAL(SYS_openat2, 0, 1));
    add(&b, (struct sock_filter)UNKNOWN);
#endif
    // abort() signals the process itself; its number stays the same through exec.
    add(&b, (struct sock_filter)IF_EQUAL(SYS_tgkill, 0, 4));
    add(&b, (struct sock_filter)LOAD(ARGUMENT(0)));
    add(&b, (struct sock_filter)IF_EQUAL(getpid(), 1, 0));
    add(&b, (struct sock_filter)REFUSE);
    add(&b, (struct sock_filter)ALLOW);
    // Limits of itself only.
    add(&b, (struct sock_filter)IF_EQUAL(SYS_prlimit64, 0, 4));
    add(&b, (struct sock_filter)LOAD(ARGUMENT(0)));
    add(&b, (struct sock_filter)IF_EQUAL(0, 1, 0));
    add(&b, (struct sock_filter)REFUSE);
    add(&b, (struct sock_filter)ALLOW);
    // socketpair reaches nobody and event loops need it; descriptors of others can't come through it.
    refuse_all(&b, refused, sizeof refused / sizeof *refused);
    if (!writes) {
        uint32_t bits = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY);
        refuse_bits(&b, SYS_openat, 2, bits);
#ifdef SYS_open
        refuse_bits(&b, SYS_open, 1, bits);
#endif
        refuse_all(&b, refused_writes, sizeof refused_writes / sizeof *refused_writes);
    }
    add(&b, (struct sock_filter)ALLOW);
    struct sock_fprog program = {.len = (unsigned short)b.count, .filter = b.code};
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

#else

int sandbox_filter(int writes) {
    (void)writes;
    errno = ENOSYS;
    return -1;
}

#endif
