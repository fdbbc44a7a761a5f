// Namespaces, and a root file system that has only what the program may read.
#define _GNU_SOURCE
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

static int write_file(const char *path, const char *text) {
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0) return -1;
    ssize_t count = write(file, text, strlen(text));
    int reason = errno;
    close(file);
    errno = reason;
    return count == (ssize_t)strlen(text) ? 0 : -1;
}

/// `before`, the number, `after`; without the C library's formatting, which may take locks.
static void number_line(char *line, const char *before, unsigned number, const char *after) {
    char digits[12];
    int count = 0;
    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    while (*before) *line++ = *before++;
    while (count) *line++ = digits[--count];
    while (*after) *line++ = *after++;
    *line = 0;
}

int sandbox_unshare(void) {
    unsigned user = geteuid(), group = getegid();
    int spaces = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;
    if (unshare(spaces) < 0) return -1;
    char line[64];
    // Not root inside either: nothing is left of the new powers after exec.
    number_line(line, "65534 ", user, " 1");
    if (write_file("/proc/self/uid_map", line) < 0) return -1;
    if (write_file("/proc/self/setgroups", "deny") < 0 && errno != ENOENT) return -1;
    number_line(line, "65534 ", group, " 1");
    return write_file("/proc/self/gid_map", line);
}

/// Makes all folders above the last part of a path.
static int make_parents(char *path, size_t root) {
    for (char *slash = strchr(path + root + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        int failed = mkdir(path, 0755) < 0 && errno != EEXIST;
        *slash = '/';
        if (failed) return -1;
    }
    return 0;
}

static int read_only(const char *target) {
    // Whatever is mounted below as well, where the kernel can do this at once.
#ifdef SYS_mount_setattr
    struct {
        uint64_t set, clear, propagation, user;
    } attributes = {.set = 0x1 | 0x2 | 0x4};  // read-only, no set-user-ID, no devices
    if (syscall(SYS_mount_setattr, AT_FDCWD, target, 0x8000 /* recursive */, &attributes, sizeof attributes) == 0)
        return 0;
#endif
    struct statvfs facts;
    if (statvfs(target, &facts) < 0) return -1;
    unsigned long flags = MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV;
    // A namespace that isn't the first may not take these off.
    if (facts.f_flag & ST_NOEXEC) flags |= MS_NOEXEC;
    if (facts.f_flag & ST_NOATIME) flags |= MS_NOATIME;
    if (facts.f_flag & ST_NODIRATIME) flags |= MS_NODIRATIME;
    if (facts.f_flag & ST_RELATIME) flags |= MS_RELATIME;
    return mount(NULL, target, NULL, flags, NULL);
}

/// Shows one path of the machine under the same name below the new root.
static int show(const char *root, const char *path, int is_device) {
    char target[PATH_MAX];
    if (strlen(root) + strlen(path) + 1 > sizeof target) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(target, root);
    strcat(target, path);
    struct stat facts;
    if (lstat(path, &facts) < 0) return errno == ENOENT ? 0 : -1;
    struct stat there;
    // A folder above it may have been shown already.
    if (lstat(target, &there) == 0 && there.st_dev == facts.st_dev && there.st_ino == facts.st_ino) return 0;
    if (make_parents(target, strlen(root)) < 0) return -1;
    if (S_ISLNK(facts.st_mode)) {
        char link[PATH_MAX];
        ssize_t count = readlink(path, link, sizeof link - 1);
        if (count < 0) return -1;
        link[count] = 0;
        return symlink(link, target) < 0 && errno != EEXIST ? -1 : 0;
    }
    if (S_ISDIR(facts.st_mode)) {
        if (mkdir(target, 0755) < 0 && errno != EEXIST) return -1;
    } else {
        int file = open(target, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        if (file < 0) return -1;
        close(file);
    }
    if (mount(path, target, NULL, MS_BIND | MS_REC, NULL) < 0) return -1;
    return is_device ? 0 : read_only(target);
}

int sandbox_root(const sandbox_program *program) {
    const char *root = program->folder;
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) return -1;
    char options[96];
    number_line(options, "mode=0755,nr_inodes=4096,size=", (unsigned)(program->files >> 10), "k");
    if (mount("tmpfs", root, "tmpfs", MS_NOSUID | MS_NODEV, options) < 0) return -1;
    static const char *const devices[] = {"/dev/null", "/dev/zero", "/dev/urandom"};
    for (size_t i = 0; i < sizeof devices / sizeof *devices; i++)
        if (show(root, devices[i], 1) < 0) return -1;
    for (const char *const *path = program->readable; *path; path++)
        if (show(root, *path, 0) < 0) return -1;
    if (chdir(root) < 0) return -1;
    if (mkdir("tmp", 0777) < 0 && errno != EEXIST) return -1;
    if (mkdir("work", 0777) < 0 && errno != EEXIST) return -1;
    if (syscall(SYS_pivot_root, ".", ".") < 0) return -1;
    if (umount2(".", MNT_DETACH) < 0) return -1;
    return chdir("/work");
}
