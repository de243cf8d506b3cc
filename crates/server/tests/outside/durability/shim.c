/* What a disk still has after the power fails: a copy of each file as it was at its last fsync.
 *
 * Preloaded into a program, this follows fsync, fdatasync, rename, link and unlink of files under
 * $SHADOW_OF and keeps the durable image of each under $SHADOW. (That names are durable at once is the
 * kinder reading; that a write is durable before it was synced is never assumed: the copy is made before the
 * caller of fsync goes on, and both databases hold a lock there that keeps others from writing the log.) Once the file $SHADOW_LIES exists nothing
 * more is copied, though the program is told that it was: that is how a test shows that it can fail. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

/* The path of `path` in the durable image; 0 when it is none of ours, or when nothing is to be kept any more. */
static int durable_path(const char *path, char *out) {
    const char *live = getenv("SHADOW_OF"), *shadow = getenv("SHADOW"), *lies = getenv("SHADOW_LIES");
    if (!live || !shadow || (lies && access(lies, F_OK) == 0)) return 0;
    char full[PATH_MAX];
    if (path[0] != '/') {
        char here[PATH_MAX];
        if (!getcwd(here, sizeof here)) return 0;
        if (snprintf(full, sizeof full, "%s/%s", here, path) >= (int)sizeof full) return 0;
        path = full;
    }
    size_t length = strlen(live);
    if (strncmp(path, live, length) != 0 || path[length] != '/') return 0;
    return snprintf(out, PATH_MAX, "%s%s", shadow, path + length) < PATH_MAX;
}

static void die(const char *what) {
    perror(what);
    abort();
}

/* The C library's own function of this name. */
static void *real(const char *name) {
    void *found = dlsym(RTLD_NEXT, name);
    if (!found) die(name);
    return found;
}

static void make_parents(const char *path) {
    char folder[PATH_MAX];
    strcpy(folder, path);
    for (char *slash = strchr(folder + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        if (mkdir(folder, 0700) != 0 && errno != EEXIST) die("shim: mkdir");
        *slash = '/';
    }
}

/* The whole file, written beside its old image and put in its place. */
static void keep(int fd) {
    char link[64], path[PATH_MAX], kept[PATH_MAX], fresh[PATH_MAX + 8], lock[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    struct stat stat;
    if (length < 0 || fstat(fd, &stat) != 0 || !S_ISREG(stat.st_mode) || stat.st_nlink == 0) return;
    path[length] = 0;
    if (!durable_path(path, kept)) return;
    snprintf(fresh, sizeof fresh, "%s.fresh", kept);
    pthread_mutex_lock(&one_at_a_time);
    /* Of all processes too: an older copy must not take the place of a newer one. */
    snprintf(lock, sizeof lock, "%s.lock", getenv("SHADOW"));
    int turn = open(lock, O_RDWR | O_CREAT, 0600);
    if (turn < 0 || flock(turn, LOCK_EX) != 0) die("shim: lock");
    make_parents(kept);
    int from = open(link, O_RDONLY), to = open(fresh, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (from < 0 || to < 0) die("shim: open");
    static char block[1 << 20];
    off_t at = 0;
    for (ssize_t got; (got = pread(from, block, sizeof block, at)) > 0; at += got)
        if (write(to, block, got) != got) die("shim: write");
    close(from);
    close(to);
    if (((int (*)(const char *, const char *))real("rename"))(fresh, kept) != 0) die("shim: rename");
    close(turn);
    pthread_mutex_unlock(&one_at_a_time);
}

int fsync(int fd) {
    int result = ((int (*)(int))real("fsync"))(fd);
    int error = errno;
    if (result == 0) keep(fd);
    errno = error;
    return result;
}

int fdatasync(int fd) {
    int result = ((int (*)(int))real("fdatasync"))(fd);
    int error = errno;
    if (result == 0) keep(fd);
    errno = error;
    return result;
}

int unlink(const char *path) {
    int (*go)(const char *) = real("unlink");
    int result = go(path);
    int error = errno;
    char kept[PATH_MAX];
    if (result == 0 && durable_path(path, kept)) go(kept);
    errno = error;
    return result;
}

int rename(const char *from, const char *to) {
    int (*go)(const char *, const char *) = real("rename");
    int result = go(from, to);
    int error = errno;
    char kept_from[PATH_MAX], kept_to[PATH_MAX];
    if (result == 0 && durable_path(from, kept_from) && durable_path(to, kept_to)) go(kept_from, kept_to);
    errno = error;
    return result;
}

int link(const char *from, const char *to) {
    int (*go)(const char *, const char *) = real("link");
    int result = go(from, to);
    int error = errno;
    char kept_from[PATH_MAX], kept_to[PATH_MAX];
    if (result == 0 && durable_path(from, kept_from) && durable_path(to, kept_to)) go(kept_from, kept_to);
    errno = error;
    return result;
}
