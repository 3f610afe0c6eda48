/* A disk that fails when it is told to, and notes what was asked of it: an LD_PRELOAD library.
 *
 * It stands before the system calls that change files or make them durable, for files under the
 * folder FAULTY_DISK_ROOT. All processes share the file FAULTY_DISK_CONTROL, which counts these
 * calls and says which of them fail, and how. Each call is noted in the file FAULTY_DISK_LOG.
 * faulty_disk.py writes the one, reads the other, and has the layouts of both.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum how { WELL, SKIPPED, MADE, SHORT, KILLED_BEFORE, KILLED_AFTER };
enum call { CREATE, MKDIR, WRITE, SYNC, SYNC_FOLDER, RENAME, UNLINK, TRUNCATE };

struct control { uint64_t calls, first, end; uint32_t how; int32_t error; };
struct record { uint32_t call, how, path, other, data, is_synced; uint64_t inode, offset; };

static struct control *control;
static char root[PATH_MAX];
static int log_file = -1;

__attribute__((constructor)) static void set_up(void) {
    int file = syscall(SYS_openat, AT_FDCWD, getenv("FAULTY_DISK_CONTROL"), O_RDWR | O_CLOEXEC);
    control = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    log_file = syscall(SYS_openat, AT_FDCWD, getenv("FAULTY_DISK_LOG"),
                       O_WRONLY | O_APPEND | O_CLOEXEC);
    if (file < 0 || control == MAP_FAILED || log_file < 0) _exit(99);
    snprintf(root, sizeof root, "%s", getenv("FAULTY_DISK_ROOT"));
    syscall(SYS_close, file);
}

#define REAL(name) ((__typeof__(&name))real(#name))
static void *real(const char *name) { return dlsym(RTLD_NEXT, name); }

static int is_watched(const char *path) {
    size_t size = strlen(root);
    return strncmp(path, root, size) == 0 && (path[size] == '/' || path[size] == 0);
}

static int path_of(int descriptor, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t size = readlink(link, path, PATH_MAX - 1);
    path[size < 0 ? 0 : size] = 0;
    return is_watched(path);
}

/* Count a call, and say how it goes. */
static enum how next(void) {
    uint64_t number = __atomic_fetch_add(&control->calls, 1, __ATOMIC_SEQ_CST);
    enum how how = number >= control->first && number < control->end ? control->how : WELL;
    if (how == KILLED_BEFORE) raise(SIGKILL);
    return how;
}

static void note(struct record record, const char *path, const char *other, const void *data) {
    record.path = strlen(path);
    record.other = strlen(other);
    struct iovec parts[] = {{&record, sizeof record}, {(void *)path, record.path},
                            {(void *)other, record.other}, {(void *)data, record.data}};
    syscall(SYS_writev, log_file, parts, 4);
    if (record.how == KILLED_AFTER) raise(SIGKILL);
}

static int fail(void) { errno = control->error; return -1; }

static int exists(const char *path) {
    struct stat facts;
    return syscall(SYS_newfstatat, AT_FDCWD, path, &facts, 0) == 0;
}

/* Calls on names: made or not made. One that would be refused anyway is left alone. */
#define ON_NAMES(do_it, kind, path, other) \
    if (!is_watched(path) || exists(path) == (kind == MKDIR)) return do_it; \
    enum how how = next(); \
    int result = how == SKIPPED || how == SHORT ? -1 : do_it; \
    int error = errno; \
    if (result == 0) note((struct record){.call = kind, .how = how}, path, other, ""); \
    errno = error; \
    return how == WELL ? result : fail();

int rename(const char *old, const char *new) { ON_NAMES(REAL(rename)(old, new), RENAME, old, new) }
int unlink(const char *path) { ON_NAMES(REAL(unlink)(path), UNLINK, path, "") }
int mkdir(const char *path, mode_t mode) { ON_NAMES(REAL(mkdir)(path, mode), MKDIR, path, "") }

static int open_file(const char *path, int flags, mode_t mode) {
    struct stat facts;
    int is_new = flags & O_CREAT && !exists(path);
    if (!is_watched(path) || !(is_new || flags & O_TRUNC))
        return syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    enum how how = next();
    if (how == SKIPPED || how == SHORT) return fail();
    int file = syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    if (file >= 0) {
        fstat(file, &facts);
        note((struct record){.call = is_new ? CREATE : TRUNCATE, .how = how,
                             .inode = facts.st_ino}, path, "", "");
    }
    if (how != MADE) return file;
    if (file >= 0) syscall(SYS_close, file);
    return fail();
}

#define OPEN(name) int name(const char *path, int flags, ...) { \
    va_list rest; \
    va_start(rest, flags); \
    mode_t mode = flags & O_CREAT ? va_arg(rest, int) : 0; \
    va_end(rest); \
    return open_file(path, flags, mode); \
}
OPEN(open)
OPEN(open64)

/* Calls on what is in a file. */
static int change(int descriptor, enum call call, off_t size) {
    char path[PATH_MAX];
    int is_ours = path_of(descriptor, path);
    enum how how = is_ours ? next() : WELL;
    int is_made = how != SKIPPED && how != SHORT;
    if (is_made) {
        int result = syscall(call == TRUNCATE ? SYS_ftruncate : SYS_fsync, descriptor, size);
        if (!is_ours || result != 0) return result;
    }
    struct stat facts;
    fstat(descriptor, &facts);
    if (call == SYNC && S_ISDIR(facts.st_mode)) call = SYNC_FOLDER;
    note((struct record){.call = call, .how = how, .inode = facts.st_ino, .offset = size}, path, "",
         "");
    return how == WELL || how == KILLED_AFTER ? 0 : fail();
}

int fsync(int descriptor) { return change(descriptor, SYNC, 0); }
int fdatasync(int descriptor) { return change(descriptor, SYNC, 0); }
int ftruncate(int descriptor, off_t size) { return change(descriptor, TRUNCATE, size); }
int ftruncate64(int descriptor, off_t size) { return change(descriptor, TRUNCATE, size); }

static ssize_t put(int descriptor, const char *data, size_t size, off_t offset, int is_placed) {
    char path[PATH_MAX];
    struct stat facts;
    if (!path_of(descriptor, path) || fstat(descriptor, &facts) || !S_ISREG(facts.st_mode))
        return is_placed ? syscall(SYS_pwrite64, descriptor, data, size, offset)
                         : syscall(SYS_write, descriptor, data, size);
    int flags = fcntl(descriptor, F_GETFL);
    if (!is_placed)
        offset = flags & O_APPEND ? facts.st_size : lseek(descriptor, 0, SEEK_CUR);
    enum how how = next();
    if (how == SHORT) size /= 2;
    ssize_t done = how == SKIPPED ? (ssize_t)size
                   : is_placed    ? syscall(SYS_pwrite64, descriptor, data, size, offset)
                                  : syscall(SYS_write, descriptor, data, size);
    if (done < 0) return done;
    note((struct record){.call = WRITE, .how = how, .data = done, .inode = facts.st_ino,
                         .offset = offset, .is_synced = (flags & O_DSYNC) != 0}, path, "", data);
    return how == WELL || how == SHORT ? done : fail();
}

ssize_t write(int file, const void *data, size_t size) { return put(file, data, size, 0, 0); }
ssize_t pwrite(int file, const void *data, size_t size, off_t offset) {
    return put(file, data, size, offset, 1);
}
ssize_t pwrite64(int file, const void *data, size_t size, off_t offset) {
    return put(file, data, size, offset, 1);
}

ssize_t writev(int file, const struct iovec *parts, int count) {
    char path[PATH_MAX];
    if (!path_of(file, path)) return syscall(SYS_writev, file, parts, count);
    size_t size = 0, at = 0;
    for (int i = 0; i < count; i++) size += parts[i].iov_len;
    char *data = malloc(size);
    for (int i = 0; i < count; at += parts[i++].iov_len)
        memcpy(data + at, parts[i].iov_base, parts[i].iov_len);
    ssize_t done = put(file, data, size, 0, 0);
    int error = errno;
    free(data);
    errno = error;
    return done;
}
