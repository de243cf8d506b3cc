/* A clock that can be moved while a program runs: the calendar clock, plus the milliseconds in $CLOCK_MOVED_BY. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* How far the clock is off now; 0 while there is no file. */
static long moved_by(void) {
    const char *path = getenv("CLOCK_MOVED_BY");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0) return 0;
    char text[32] = {0};
    ssize_t length = read(fd, text, sizeof text - 1);
    close(fd);
    return length > 0 ? strtol(text, NULL, 10) : 0;
}

int clock_gettime(clockid_t clock, struct timespec *at) {
    static int (*go)(clockid_t, struct timespec *);
    if (!go) go = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int result = go(clock, at);
    if (result != 0 || clock != CLOCK_REALTIME) return result;
    long long nanos = at->tv_nsec + moved_by() * 1000000LL;
    at->tv_sec += nanos / 1000000000;
    at->tv_nsec = nanos % 1000000000;
    if (at->tv_nsec < 0) {
        at->tv_nsec += 1000000000;
        at->tv_sec -= 1;
    }
    return 0;
}
