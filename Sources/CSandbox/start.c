// Starts a program: a process that watches, and below it the program.
//
// Between fork and exec only system calls are made: the process that forks has threads, whose locks may be held.
#define _GNU_SOURCE
#include "internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static pid_t make_process(void) {
    // Not fork(): its handlers belong to a process whose threads aren't here.
    return (pid_t)syscall(SYS_clone, (long)SIGCHLD, 0L, 0L, 0L, 0L);
}

static void report(int channel, sandbox_ending ending) {
    while (write(channel, &ending, sizeof ending) < 0 && errno == EINTR) {}
}

static _Noreturn void fail(int channel, int step) {
    report(channel, (sandbox_ending){.failed_step = step, .error = errno});
    _exit(126);
}

static int limit(int resource, uint64_t value) {
    struct rlimit both = {value, value};
    struct rlimit now;
    // What is narrower already stays.
    if (getrlimit(resource, &now) == 0 && now.rlim_max < value) both.rlim_cur = both.rlim_max = now.rlim_max;
    return setrlimit(resource, &both);
}

static int set_limits(const sandbox_program *program) {
    // A second apart: the first signal says why, the second can't be ignored.
    if (limit(RLIMIT_CPU, program->cpu_seconds + 1) < 0) return -1;
    struct rlimit time;
    if (getrlimit(RLIMIT_CPU, &time) < 0) return -1;
    if (time.rlim_cur > program->cpu_seconds) time.rlim_cur = program->cpu_seconds;
    if (setrlimit(RLIMIT_CPU, &time) < 0) return -1;
    if (program->processes && limit(RLIMIT_NPROC, program->processes) < 0) return -1;
    return limit(RLIMIT_AS, program->memory) < 0 || limit(RLIMIT_FSIZE, program->files) < 0
            || limit(RLIMIT_NOFILE, 64) < 0 || limit(RLIMIT_CORE, 0) < 0 || limit(RLIMIT_MEMLOCK, 0) < 0
            || limit(RLIMIT_STACK, 64 << 20) < 0
        ? -1
        : 0;
}

/// A copy out of the way of those that the program has; -1 for none.
static int aside(int file) { return file < 0 ? -1 : fcntl(file, F_DUPFD_CLOEXEC, 16); }

/// Puts the descriptors of the program in their places and closes all others but `channel`, which becomes 4, and `life`,
/// which becomes 5.
static int place_descriptors(const sandbox_program *program, int *channel, int *life) {
    // Out of the way first, so that none is overwritten before it is moved.
    int nothing = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (nothing < 0) return -1;
    int input = aside(program->input), result = aside(program->result), own = aside(*channel), alive = aside(*life);
    int output = aside(program->output < 0 ? nothing : program->output);
    int errors = aside(program->errors < 0 ? nothing : program->errors);
    if (input < 0 || own < 0 || output < 0 || errors < 0) return -1;
    if ((program->result >= 0 && result < 0) || (*life >= 0 && alive < 0)) return -1;
    if (dup2(input, 0) < 0 || dup2(output, 1) < 0 || dup2(errors, 2) < 0) return -1;
    if (result < 0) {
        close(3);
    } else if (dup2(result, 3) < 0) {
        return -1;
    }
    if (dup3(own, 4, O_CLOEXEC) < 0) return -1;
    *channel = 4;
    unsigned first = 5;
    if (alive >= 0) {
        if (dup3(alive, 5, O_CLOEXEC) < 0) return -1;
        *life = 5;
        first = 6;
    }
#ifdef SYS_close_range
    if (syscall(SYS_close_range, first, ~0U, 0U) == 0) return 0;
#endif
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) < 0) return -1;
    for (rlim_t file = first; file < files.rlim_cur && file < 1 << 20; file++) close((int)file);
    return 0;
}

/// Opens the executable under a number above the program's limit of descriptors, which the filter lets through.
static int open_executable(const char *path) {
    int file = open(path, O_PATH | O_CLOEXEC);
    if (file < 0) return -1;
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur <= SANDBOX_EXECUTABLE
        && files.rlim_max > SANDBOX_EXECUTABLE) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    if (dup3(file, SANDBOX_EXECUTABLE, O_CLOEXEC) < 0) return -1;
    return close(file);
}

/// Memory for `size` bytes at a random place, zeroed; NULL with errno.
///
/// The place within it is random too, by multiples of `step`.
static void *hidden(size_t size, size_t step) {
#ifdef __x86_64__
    const int bits = 46;
#else
    const int bits = 38;
#endif
    // A page of any kernel.
    const size_t page = 65536;
    const size_t room = (size + page - 1) / page * page + page;
    for (int round = 0; round < 64; round++) {
        uint64_t draws[2];
        if (syscall(SYS_getrandom, draws, sizeof draws, 0) != (long)sizeof draws) return NULL;
        uintptr_t place = (uintptr_t)((draws[0] & ((UINT64_C(1) << bits) - 1)) | (UINT64_C(1) << 32)) & ~(page - 1);
        char *found = mmap(
            (void *)place, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
        if (found == MAP_FAILED) continue;
        // Older kernels take the place as a hint.
        if ((uintptr_t)found == place) return found + draws[1] % ((room - size) / step) * step;
        munmap(found, room);
    }
    errno = ENOMEM;
    return NULL;
}

/// Becomes the program.
static _Noreturn void execute(const sandbox_program *program, int channel) {
    if (program->level == SANDBOX_OPEN) {
        execve(program->executable, program->arguments, program->environment);
        fail(channel, SANDBOX_STEP_EXECUTE);
    }
    int is_filtered = program->level >= SANDBOX_SECCOMP;
    if (is_filtered && open_executable(program->executable) < 0) fail(channel, SANDBOX_STEP_EXECUTE);
    char *path = NULL, **arguments = NULL;
    if (is_filtered) {
        // Before the limit of memory, which this process may be above.
        size_t count = 0;
        while (program->arguments[count]) count++;
        path = hidden(1, 1);
        arguments = hidden((count + 1) * sizeof *arguments, sizeof *arguments);
        if (!path || !arguments) fail(channel, SANDBOX_STEP_EXECUTE);
        memcpy(arguments, program->arguments, count * sizeof *arguments);
    }
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || set_limits(program) < 0) fail(channel, SANDBOX_STEP_LIMITS);
    if (is_filtered) {
        if (sandbox_filter(program->level >= SANDBOX_NAMESPACES, path, arguments) < 0)
            fail(channel, SANDBOX_STEP_FILTER);
        syscall(SYS_execveat, SANDBOX_EXECUTABLE, path, arguments, program->environment, AT_EMPTY_PATH);
    } else {
        execve(program->executable, program->arguments, program->environment);
    }
    fail(channel, SANDBOX_STEP_EXECUTE);
}

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

int sandbox_verdict(int64_t elapsed, int64_t waited, int64_t own, int64_t wall) {
    // The threads of a program wait beside one another; none waits longer than it is there.
    if (waited > elapsed) waited = elapsed;
    if (elapsed - waited >= own) return SANDBOX_TIMED_OUT;
    return elapsed >= wall ? SANDBOX_STARVED : 0;
}

/// Whether the other end of a pipe is closed; never for -1.
static int is_closed(int life) {
    struct pollfd entry = {.fd = life, .events = 0};
    return life >= 0 && poll(&entry, 1, 0) > 0;
}

/// Waits for a process, and kills it when the time of the program is over.
///
/// @param program the process whose time counts; 0 for the first child of `process`.
/// @param life as in `sandbox_program`, in its place.
static sandbox_ending watch(
    pid_t process, pid_t program, const sandbox_program *bounds, int machine, int life, int kills_group) {
    sandbox_ending ending = {0};
    int64_t start = now(), waited = 0, asked = 0;
    int is_alone = 1;
    long pause = 200000;
    while (1) {
        int status;
        pid_t found = waitpid(process, &status, WNOHANG);
        if (found == process) {
            ending.status = status;
            return ending;
        }
        if (found < 0 && errno != EINTR) return ending;
        int64_t elapsed = now() - start;
        int is_due = elapsed - waited >= (int64_t)bounds->own_milliseconds;
        // Threads that have ended can't be asked any more: now and then is enough for those that last.
        if (!ending.timed_out && (is_due || elapsed - asked >= 500)) {
            asked = elapsed;
            if (program == 0) program = sandbox_first_child(machine, process);
            // A program that starts others may wait for its own.
            is_alone = is_alone && (!kills_group || sandbox_is_alone(machine, getpid(), program));
            int64_t found_wait = program > 0 && is_alone ? sandbox_run_delay(machine, program) : 0;
            if (found_wait > waited || !is_alone) waited = found_wait;
        }
        if (!ending.timed_out) {
            ending.timed_out = sandbox_verdict(
                elapsed, waited, (int64_t)bounds->own_milliseconds, (int64_t)bounds->wall_milliseconds);
            if (is_closed(life)) ending.timed_out = SANDBOX_STOPPED;
            if (ending.timed_out) {
                kill(process, SIGKILL);
                if (kills_group) kill(-process, SIGKILL);
            }
        }
        struct timespec rest = {0, pause};
        nanosleep(&rest, NULL);
        if (pause < 5000000) pause *= 2;
    }
}

void sandbox_reap_all(void) {
    // Processes without a parent come to this one, those that they made before as well.
    for (int round = 0; round < 10000; round++) {
        char path[] = "/proc/thread-self/children";
        int list = open(path, O_RDONLY | O_CLOEXEC);
        if (list >= 0) {
            char text[4096];
            ssize_t count = read(list, text, sizeof text - 1);
            close(list);
            pid_t child = 0;
            for (ssize_t i = 0; i < count; i++) {
                if (text[i] >= '0' && text[i] <= '9') {
                    child = child * 10 + text[i] - '0';
                } else {
                    if (child > 1) kill(child, SIGKILL);
                    child = 0;
                }
            }
        }
        pid_t gone = waitpid(-1, NULL, list < 0 ? WNOHANG : 0);
        if (gone == 0 || (gone < 0 && errno == ECHILD)) return;
    }
}

static void die_with_parent(pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    // It may have died before it was asked for.
    if (parent && getppid() != parent) _exit(126);
}

static void hear_signals(void) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = SIG_DFL;
    for (int number = 1; number < 65; number++) sigaction(number, &action, NULL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static int become(uint32_t user) {
    if (user == (uint32_t)-1) return 0;
    return syscall(SYS_setgroups, 0, NULL) < 0 || syscall(SYS_setresgid, user, user, user) < 0
            || syscall(SYS_setresuid, user, user, user) < 0
        ? -1
        : 0;
}

/// The first process of a process namespace: when it ends, the kernel ends all others there.
static _Noreturn void serve(const sandbox_program *program, int channel) {
    pid_t child = make_process();
    if (child < 0) fail(channel, SANDBOX_STEP_START);
    if (child == 0) {
        die_with_parent(1);
        execute(program, channel);
    }
    int status = 0;
    while (1) {
        pid_t gone = waitpid(-1, &status, 0);
        if (gone == child) break;
        if (gone < 0 && errno == ECHILD) break;
    }
    report(channel, (sandbox_ending){.status = status});
    _exit(0);
}

static _Noreturn void supervise(const sandbox_program *program, int channel, pid_t parent) {
    hear_signals();
    setsid();
    int alive = program->level == SANDBOX_OPEN ? program->life : -1;
    if (place_descriptors(program, &channel, &alive) < 0) fail(channel, SANDBOX_STEP_START);
    // Opened before the root changes. Without it no wait for a processor is known.
    int machine = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    sandbox_program own = *program;
    own.result = 3;
    if (program->level >= SANDBOX_NAMESPACES) {
        if (become(program->user) < 0) fail(channel, SANDBOX_STEP_USER);
        // The files of /proc/self, by which a user is mapped, belong to root otherwise. Not for longer than that: this
        // process has the memory of the one that it was made from.
        prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
        int made = sandbox_unshare();
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
        if (made < 0) fail(channel, SANDBOX_STEP_NAMESPACES);
        die_with_parent(parent);
        int life[2];
        if (pipe2(life, O_CLOEXEC) < 0) fail(channel, SANDBOX_STEP_START);
        pid_t server = make_process();
        if (server < 0) fail(channel, SANDBOX_STEP_START);
        if (server == 0) {
            close(life[1]);
            die_with_parent(0);
            // Its parent, whose number can't be seen, may be gone.
            if (is_closed(life[0])) _exit(126);
            // In the new process namespace, so that nothing outside is seen while the root is built.
            if (sandbox_root(&own) < 0) fail(channel, SANDBOX_STEP_ROOT);
            serve(&own, channel);
        }
        sandbox_ending ending = watch(server, 0, program, machine, -1, 0);
        // The first process of the namespace has told how the program ended, unless it was killed.
        if (ending.timed_out || !WIFEXITED(ending.status)) report(channel, ending);
        _exit(0);
    }
    // Stays the user that it is: where that is root, the program can't reach the process that watches it.
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    // The end of a pipe that closes says the same, and leaves time to end what the program started.
    if (alive < 0) die_with_parent(parent);
    if (chdir(program->folder) < 0) fail(channel, SANDBOX_STEP_ROOT);
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    pid_t self = getpid();
    pid_t child = make_process();
    if (child < 0) fail(channel, SANDBOX_STEP_START);
    if (child == 0) {
        // Not in the group of the process that watches: what it sends to its group shouldn't stop that.
        setsid();
        if (become(program->user) < 0) fail(channel, SANDBOX_STEP_USER);
        // Behind the change of the user, which takes it back.
        die_with_parent(self);
        execute(&own, channel);
    }
    sandbox_ending ending = watch(child, child, program, machine, alive, 1);
    kill(-child, SIGKILL);
    sandbox_reap_all();
    report(channel, ending);
    _exit(0);
}

pid_t sandbox_start(const sandbox_program *program, int *ending) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) return -1;
    pid_t parent = getpid();
    sigset_t all, before;
    sigfillset(&all);
    // No handler of this process may run in the new one.
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t process = make_process();
    if (process == 0) {
        close(ends[0]);
        supervise(program, ends[1], parent);
    }
    int reason = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(ends[1]);
    if (process < 0) {
        close(ends[0]);
        errno = reason;
        return -1;
    }
    *ending = ends[0];
    return process;
}

int sandbox_pipe(int ends[2]) {
    if (pipe2(ends, O_CLOEXEC) < 0) return -1;
    return fcntl(ends[0], F_SETFL, O_NONBLOCK);
}
