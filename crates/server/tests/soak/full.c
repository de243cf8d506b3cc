/* A disk that can be made full while a program runs: no write of a database's pages goes through while the file
   $DISK_FULL_WHILE is there. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static int full(void) {
    const char *path = getenv("DISK_FULL_WHILE");
    return path && access(path, F_OK) == 0;
}

ssize_t pwrite64(int fd, const void *from, size_t length, off64_t at) {
    static ssize_t (*go)(int, const void *, size_t, off64_t);
    if (!go) go = (ssize_t (*)(int, const void *, size_t, off64_t))dlsym(RTLD_NEXT, "pwrite64");
    if (full()) {
        errno = ENOSPC;
        return -1;
    }
    return go(fd, from, length, at);
}

ssize_t pwrite(int fd, const void *from, size_t length, off_t at) {
    return pwrite64(fd, from, length, at);
}
