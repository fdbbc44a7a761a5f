// How long a program waited for a processor, so that a busy machine isn't held against it.
//
// Without the C library's directories and formatting, which may take locks.
#define _GNU_SOURCE
#include "internal.h"

#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { path_capacity = 96 };

static char *add_text(char *end, const char *text) {
    while (*text) *end++ = *text++;
    *end = 0;
    return end;
}

static char *add_number(char *end, uint64_t number) {
    char digits[24];
    int count = 0;
    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    while (count) *end++ = digits[--count];
    *end = 0;
    return end;
}

/// Reads the beginning of a file as text; the number of its bytes, 0 where there are none.
static size_t read_text(int folder, const char *path, char *text, size_t capacity) {
    int file = openat(folder, path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    ssize_t count = read(file, text, capacity - 1);
    close(file);
    if (count < 0) count = 0;
    text[count] = 0;
    return (size_t)count;
}

static uint64_t number_at(const char **text) {
    uint64_t number = 0;
    while (**text == ' ') (*text)++;
    while (**text >= '0' && **text <= '9') number = number * 10 + (uint64_t)(*(*text)++ - '0');
    return number;
}

/// The first two children of a process's first thread; 0 where there are fewer.
static void children(int machine, pid_t process, pid_t found[2]) {
    char path[path_capacity], text[64];
    char *end = add_number(path, (uint64_t)process);
    end = add_number(add_text(end, "/task/"), (uint64_t)process);
    add_text(end, "/children");
    found[0] = found[1] = 0;
    if (read_text(machine, path, text, sizeof text) == 0) return;
    const char *from = text;
    found[0] = (pid_t)number_at(&from);
    found[1] = (pid_t)number_at(&from);
}

pid_t sandbox_first_child(int machine, pid_t process) {
    pid_t found[2];
    children(machine, process, found);
    return found[0];
}

int sandbox_is_alone(int machine, pid_t process, pid_t child) {
    pid_t found[2];
    children(machine, process, found);
    return found[1] == 0 && sandbox_first_child(machine, child) == 0;
}

int64_t sandbox_run_delay(int machine, pid_t process) {
    char path[path_capacity];
    add_text(add_number(path, (uint64_t)process), "/task");
    int threads = openat(machine, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (threads < 0) return 0;
    struct entry {
        uint64_t number;
        int64_t next;
        unsigned short length;
        unsigned char kind;
        char name[];
    };
    uint64_t longest = 0;
    _Alignas(8) char entries[4096];
    long count;
    while ((count = syscall(SYS_getdents64, threads, entries, sizeof entries)) > 0) {
        for (long at = 0; at < count;) {
            const struct entry *entry = (const struct entry *)(entries + at);
            at += entry->length;
            if (entry->name[0] < '0' || entry->name[0] > '9' || strlen(entry->name) > 20) continue;
            char text[96];
            add_text(add_text(path, entry->name), "/schedstat");
            if (read_text(threads, path, text, sizeof text) == 0) continue;
            // Nanoseconds on a processor, nanoseconds waiting for one, and how often it ran.
            const char *from = text;
            number_at(&from);
            uint64_t waited = number_at(&from);
            if (waited > longest) longest = waited;
        }
    }
    close(threads);
    return (int64_t)(longest / 1000000);
}
