/* What a process writes under one folder, and when it made it durable: an operation log for the replayer.
 *
 * Set by LD_PRELOAD, with PCUT_PREFIX (a folder, absolute, without a link in it) and PCUT_LOG (a file outside it).
 * One lock is held over each call and its record, so the log's order is the order in which things happened, whatever
 * the threads. Every way of writing that is not recorded here is recorded as "unseen", and the replayer refuses such a
 * log: a write that it cannot see would be durable for nothing.
 *
 * A record, little-endian: kind u8, 7 bytes, inode u64, number u64, length of path u32, length of data u32; the path
 * below the prefix, the data.
 *
 *   O open for writing   number: 1 made by it, 2 emptied by it      W write      number: offset
 *   T truncate           number: length                             S sync of a file    D sync of the folder
 *   U unlink             path                                       R rename     path, data: the new one
 *   M mark               data: what the program says it has told    X unseen     data: which call
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
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

#define MOST_FILES 4096
#define CREATED 1
#define EMPTIED 2

enum { UNKNOWN = 0, FOREIGN = 1, OURS = 2 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char prefix[PATH_MAX];
static size_t prefix_length;
static int log_file = -1;
static unsigned char known[MOST_FILES]; /* by descriptor: what an open said of it */

#define REAL(type, name, ...)                                                                                         \
    static type (*real)(__VA_ARGS__);                                                                                 \
    if (!real) real = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

/* What the log itself needs: system calls, past our own functions. */
static void put(const void *data, size_t size) {
    const char *at = data;
    while (size > 0) {
        long done = syscall(SYS_write, log_file, at, size);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) abort(); /* a log with a hole in it proves nothing */
        at += done;
        size -= (size_t)done;
    }
}

static void record(char kind, uint64_t inode, uint64_t number, const char *path, const void *data, size_t size) {
    int before = errno;
    struct {
        uint8_t kind, pad[7];
        uint64_t inode, number;
        uint32_t path_length, data_length;
    } head = {(uint8_t)kind, {0}, inode, number, path ? (uint32_t)strlen(path) : 0, (uint32_t)size};
    put(&head, sizeof head);
    if (path) put(path, head.path_length);
    if (size) put(data, size);
    errno = before;
}

static void unseen(const char *call, const char *path) { record('X', 0, 0, path, call, strlen(call)); }

/* The part of an absolute path below the prefix, "" for the folder itself; NULL: elsewhere. */
static const char *below(const char *path) {
    if (log_file < 0 || strncmp(path, prefix, prefix_length)) return NULL;
    if (path[prefix_length] == 0) return path + prefix_length;
    return path[prefix_length] == '/' ? path + prefix_length + 1 : NULL;
}

/* A path as a program gives it, made absolute where it is relative to the working folder. */
static const char *named(const char *path, char *space) {
    if (!path) return NULL;
    if (path[0] != '/') {
        if (!getcwd(space, PATH_MAX - 1)) return NULL;
        size_t length = strlen(space);
        snprintf(space + length, PATH_MAX - length, "/%s", path);
        path = space;
    }
    return below(path);
}

/* Where a descriptor points to, below the prefix; NULL: elsewhere. */
static const char *pointed(int file, char *space) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, space, PATH_MAX - 1);
    if (length <= 0) return NULL;
    space[length] = 0;
    return below(space);
}

static uint64_t inode_of(int file) {
    struct stat found;
    return fstat(file, &found) ? 0 : (uint64_t)found.st_ino;
}

/* Whether writes to a descriptor are recorded. The lock is held. */
static int ours(int file, const char *call) {
    if (log_file < 0 || file < 0 || file >= MOST_FILES || file == log_file) return 0;
    if (known[file] == UNKNOWN) {
        char space[PATH_MAX];
        const char *path = pointed(file, space);
        known[file] = path ? OURS : FOREIGN;
        if (path) unseen(call, path); /* opened in a way that is not seen here */
    }
    return known[file] == OURS;
}

static void opened(int file, int flags, int existed) {
    char space[PATH_MAX];
    if (file < 0 || file >= MOST_FILES) return;
    known[file] = UNKNOWN;
    if ((flags & O_ACCMODE) == O_RDONLY) return;
    const char *path = pointed(file, space);
    known[file] = path ? OURS : FOREIGN;
    if (!path) return;
    uint64_t how = existed ? (flags & O_TRUNC ? EMPTIED : 0) : CREATED;
    record('O', inode_of(file), how, path, NULL, 0);
}

static int exists(const char *path) {
    struct stat found;
    return !stat(path, &found);
}

#define OPEN(symbol)                                                                                                  \
    int symbol(const char *path, int flags, ...) {                                                                    \
        REAL(int, #symbol, const char *, int, ...);                                                                   \
        va_list more;                                                                                                 \
        va_start(more, flags);                                                                                        \
        mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(more, mode_t) : 0;                                     \
        va_end(more);                                                                                                 \
        if (log_file < 0) return real(path, flags, mode);                                                             \
        pthread_mutex_lock(&lock);                                                                                    \
        int existed = exists(path);                                                                                   \
        int file = real(path, flags, mode);                                                                           \
        opened(file, flags, existed);                                                                                 \
        pthread_mutex_unlock(&lock);                                                                                  \
        return file;                                                                                                  \
    }
OPEN(open)
OPEN(open64)

int close(int file) {
    REAL(int, "close", int);
    if (log_file < 0 || file < 0 || file >= MOST_FILES) return real(file);
    pthread_mutex_lock(&lock);
    known[file] = UNKNOWN;
    int done = real(file);
    pthread_mutex_unlock(&lock);
    return done;
}

#define PWRITE(symbol)                                                                                                \
    ssize_t symbol(int file, const void *data, size_t size, off64_t offset) {                                         \
        REAL(ssize_t, #symbol, int, const void *, size_t, off64_t);                                                   \
        if (log_file < 0) return real(file, data, size, offset);                                                      \
        pthread_mutex_lock(&lock);                                                                                    \
        ssize_t done = real(file, data, size, offset);                                                                \
        if (done > 0 && ours(file, #symbol))                                                                          \
            record('W', inode_of(file), (uint64_t)offset, NULL, data, (size_t)done);                                  \
        pthread_mutex_unlock(&lock);                                                                                  \
        return done;                                                                                                  \
    }
PWRITE(pwrite)
PWRITE(pwrite64)

ssize_t write(int file, const void *data, size_t size) {
    REAL(ssize_t, "write", int, const void *, size_t);
    if (log_file < 0) return real(file, data, size);
    pthread_mutex_lock(&lock);
    int recorded = ours(file, "write");
    ssize_t done = real(file, data, size);
    if (done > 0 && recorded)
        record('W', inode_of(file), (uint64_t)(lseek64(file, 0, SEEK_CUR) - done), NULL, data, (size_t)done);
    pthread_mutex_unlock(&lock);
    return done;
}

#define FTRUNCATE(symbol)                                                                                             \
    int symbol(int file, off64_t length) {                                                                            \
        REAL(int, #symbol, int, off64_t);                                                                             \
        if (log_file < 0) return real(file, length);                                                                  \
        pthread_mutex_lock(&lock);                                                                                    \
        int done = real(file, length);                                                                                \
        if (!done && ours(file, #symbol)) record('T', inode_of(file), (uint64_t)length, NULL, NULL, 0);               \
        pthread_mutex_unlock(&lock);                                                                                  \
        return done;                                                                                                  \
    }
FTRUNCATE(ftruncate)
FTRUNCATE(ftruncate64)

#define SYNC(symbol)                                                                                                  \
    int symbol(int file) {                                                                                            \
        REAL(int, #symbol, int);                                                                                      \
        if (log_file < 0) return real(file);                                                                          \
        pthread_mutex_lock(&lock);                                                                                    \
        int done = real(file);                                                                                        \
        char space[PATH_MAX];                                                                                         \
        const char *path = done ? NULL : pointed(file, space);                                                        \
        if (path) record(*path ? 'S' : 'D', inode_of(file), 0, path, NULL, 0);                                        \
        pthread_mutex_unlock(&lock);                                                                                  \
        return done;                                                                                                  \
    }
SYNC(fsync)
SYNC(fdatasync)

int unlink(const char *path) {
    REAL(int, "unlink", const char *);
    char space[PATH_MAX];
    const char *part = named(path, space);
    if (!part) return real(path);
    pthread_mutex_lock(&lock);
    int done = real(path);
    if (!done) record('U', 0, 0, part, NULL, 0);
    pthread_mutex_unlock(&lock);
    return done;
}

int rename(const char *from, const char *to) {
    REAL(int, "rename", const char *, const char *);
    char space[PATH_MAX], more[PATH_MAX];
    const char *part = named(from, space), *target = named(to, more);
    if (!part && !target) return real(from, to);
    pthread_mutex_lock(&lock);
    int done = real(from, to);
    if (!done && part && target) record('R', 0, 0, part, target, strlen(target));
    if (!done && !(part && target)) unseen("rename across the prefix", part ? part : target);
    pthread_mutex_unlock(&lock);
    return done;
}

/* Other ways to change what is in a folder: not to be used there, or not without our knowing. */

static void watch_path(const char *path, const char *call) {
    char space[PATH_MAX];
    const char *part = log_file < 0 ? NULL : named(path, space);
    if (!part) return;
    pthread_mutex_lock(&lock);
    unseen(call, part);
    pthread_mutex_unlock(&lock);
}

static void watch_file(int file, const char *call) {
    char space[PATH_MAX];
    if (log_file < 0) return;
    pthread_mutex_lock(&lock);
    const char *part = pointed(file, space);
    if (part) unseen(call, part);
    pthread_mutex_unlock(&lock);
}

#define BY_FILE(type, symbol, declared, passed, file)                                                                 \
    type symbol declared {                                                                                            \
        static type(*real) declared;                                                                                  \
        if (!real) real = (type(*) declared)dlsym(RTLD_NEXT, #symbol);                                                \
        watch_file(file, #symbol);                                                                                    \
        return real passed;                                                                                           \
    }
#define BY_PATH(type, symbol, declared, passed, path)                                                                 \
    type symbol declared {                                                                                            \
        static type(*real) declared;                                                                                  \
        if (!real) real = (type(*) declared)dlsym(RTLD_NEXT, #symbol);                                                \
        watch_path(path, #symbol);                                                                                    \
        return real passed;                                                                                           \
    }
BY_FILE(ssize_t, writev, (int file, const struct iovec *parts, int count), (file, parts, count), file)
BY_FILE(ssize_t, pwritev, (int file, const struct iovec *parts, int count, off_t at), (file, parts, count, at), file)
BY_FILE(ssize_t, pwritev64, (int file, const struct iovec *parts, int count, off64_t at), (file, parts, count, at),
        file)
BY_FILE(int, fallocate, (int file, int mode, off_t at, off_t size), (file, mode, at, size), file)
BY_FILE(int, fallocate64, (int file, int mode, off64_t at, off64_t size), (file, mode, at, size), file)
BY_FILE(int, posix_fallocate, (int file, off_t at, off_t size), (file, at, size), file)
BY_FILE(int, posix_fallocate64, (int file, off64_t at, off64_t size), (file, at, size), file)
BY_FILE(ssize_t, sendfile, (int to, int from, off_t *at, size_t size), (to, from, at, size), to)
BY_FILE(ssize_t, sendfile64, (int to, int from, off64_t *at, size_t size), (to, from, at, size), to)
BY_FILE(ssize_t, copy_file_range, (int from, off64_t *at, int to, off64_t *target, size_t size, unsigned int flags),
        (from, at, to, target, size, flags), to)
BY_PATH(int, truncate, (const char *path, off_t length), (path, length), path)
BY_PATH(int, truncate64, (const char *path, off64_t length), (path, length), path)
BY_PATH(int, mkdir, (const char *path, mode_t mode), (path, mode), path)
BY_PATH(int, rmdir, (const char *path), (path), path)
BY_PATH(int, link, (const char *from, const char *to), (from, to), to)
BY_PATH(int, symlink, (const char *from, const char *to), (from, to), to)
BY_PATH(int, creat, (const char *path, mode_t mode), (path, mode), path)
BY_PATH(int, creat64, (const char *path, mode_t mode), (path, mode), path)
BY_PATH(int, unlinkat, (int folder, const char *path, int flags), (folder, path, flags), path)
BY_PATH(int, renameat, (int folder, const char *from, int other, const char *to), (folder, from, other, to), to)

/* A mapping that is written to is no call at all. SQLite maps its index of the log so, which a start makes anew. */
static void watch_map(int protection, int flags, int file) {
    char space[PATH_MAX];
    if (log_file < 0 || file < 0 || !(flags & MAP_SHARED) || !(protection & PROT_WRITE)) return;
    pthread_mutex_lock(&lock);
    const char *part = pointed(file, space);
    size_t length = part ? strlen(part) : 0;
    if (part && (length < 4 || strcmp(part + length - 4, "-shm"))) unseen("mmap", part);
    pthread_mutex_unlock(&lock);
}

#define MMAP(symbol)                                                                                                  \
    void *symbol(void *at, size_t size, int protection, int flags, int file, off64_t offset) {                        \
        REAL(void *, #symbol, void *, size_t, int, int, int, off64_t);                                                \
        watch_map(protection, flags, file);                                                                           \
        return real(at, size, protection, flags, file, offset);                                                       \
    }
MMAP(mmap)
MMAP(mmap64)

/* The program says what it has told. */
void pcut_mark(const char *data, size_t size) {
    pthread_mutex_lock(&lock);
    if (log_file >= 0) record('M', 0, 0, NULL, data, size);
    pthread_mutex_unlock(&lock);
}

/* A forked child must not write into the log: it is another process, with another order. */
static void in_child(void) {
    log_file = -1;
    pthread_mutex_init(&lock, NULL);
}

__attribute__((constructor)) static void begin(void) {
    const char *folder = getenv("PCUT_PREFIX"), *log = getenv("PCUT_LOG");
    if (!folder || !log || strlen(folder) >= sizeof prefix) return;
    strcpy(prefix, folder);
    prefix_length = strlen(prefix);
    int file = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (file < 0) abort();
    pthread_atfork(NULL, NULL, in_child);
    /* Nor may a program that it starts. */
    unsetenv("LD_PRELOAD");
    unsetenv("PCUT_PREFIX");
    unsetenv("PCUT_LOG");
    log_file = file;
}
