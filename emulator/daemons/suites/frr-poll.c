/* FRR cuts the time until its next timer to whole milliseconds, waits for those, and then looks at the clock again
 * and again until the rest is over. Each look is a few system calls, slow ones in a uml kernel, and in virtual time
 * the clock goes on only because it is looked at: a second of BFD on six nodes took minutes. With this library in
 * between, FRR waits a millisecond longer and has nothing left to wait for.
 *
 * It needs no header files, so that a bare compiler will do.
 */
struct timespec {
    long tv_sec, tv_nsec;
};

void *dlsym(void *handle, const char *name);

int ppoll(void *fds, unsigned long count, const struct timespec *wait, const void *signals)
{
    int (*next)(void *, unsigned long, const struct timespec *, const void *) = dlsym((void *)-1, "ppoll");
    struct timespec longer;

    if (wait) {
        longer.tv_sec = wait->tv_sec + (wait->tv_nsec >= 999000000);
        longer.tv_nsec = (wait->tv_nsec + 1000000) % 1000000000;
        wait = &longer;
    }
    return next(fds, count, wait, signals);
}
