// holds: Random delays lie between their bounds, have the distribution's mean, and are the same in the next run.
// source: kaio
// limit: 60
#include "../check.h"

enum { count = 400, size = 512 };
static struct aiocb controls[count];
static struct child runs[3];

static void work(void) {
    int file = scratch_file(0);
    write_pattern(file, count * 2 * size, 1, 0);
    unsigned char *blocks = aligned_buffer(count * size);
    int64_t began[count], took[count] = {0};
    for (int i = 0; i < count; i++) {
        controls[i] = request(file, blocks + i * size, size, (off_t)i * 2 * size);
        began[i] = nanoseconds();
        OK(aio_read(&controls[i]));
    }
    for (int left = count; left;) {
        sleep_for(0.0002);
        for (int i = 0; i < count; i++) {
            if (took[i] || aio_error(&controls[i]) == EINPROGRESS) continue;
            took[i] = nanoseconds() - began[i];
            EQUAL(aio_return(&controls[i]), size);
            left--;
        }
    }
    for (int i = 0; i < count; i++) printf("%lld ", (long long)took[i] / 1000);
}

// Reads the times, in microseconds.
static double take(const struct child *run, double times[count], double least, double most) {
    double sum = 0;
    const char *at = run->output;
    for (int i = 0; i < count; i++) {
        times[i] = strtod(at, (char **)&at);
        if (times[i] < least || times[i] > most) failed(__FILE__, __LINE__, "%g us", times[i]);
        sum += times[i];
    }
    return sum / count;
}

int main(int argc, char **argv) {
    if (argc > 1) {
        (void)argv;
        work();
        return 0;
    }
    putenv("KAIO_VFS_OBJECTS=ordered delay_inject aio_linux aio_poll");
    const char *const uniform[] = {"KAIO_VFS_PARAMETERS=delay_inject:minimum=100ms; delay_inject:maximum=300ms", NULL};
    const char *const exponential[] = {
        "KAIO_VFS_PARAMETERS=delay_inject:distribution=exponential; delay_inject:delay=100ms; delay_inject:minimum=50ms; delay_inject:maximum=1s",
        NULL};
    for (int i = 0; i < 3; i++) {
        run_again(&runs[i], "work", i < 2 ? uniform : exponential, NULL);
        SUCCEEDED(&runs[i]);
    }
    double first[count], second[count];
    // How late they may be, on the whole and each.
    const double late = 50000 * times_slower(), slow = 5000 * (times_slower() - 1);
    double mean = take(&runs[0], first, 100000, 300000 + late);
    // The standard deviation of one is 58 ms, of the mean 2.9 ms.
    if (mean < 185000 || mean > 225000 + slow) failed(__FILE__, __LINE__, "mean %g us", mean);
    take(&runs[1], second, 100000, 300000 + late);
    int apart = 0;
    for (int i = 0; i < count; i++) apart += first[i] - second[i] > 20000 + 4 * slow || second[i] - first[i] > 20000 + 4 * slow;
    if (apart > count / 10) failed(__FILE__, __LINE__, "%d of %d differ", apart, count);
    mean = take(&runs[2], first, 50000, 1000000 + late);
    if (mean < 125000 || mean > 185000 + slow) failed(__FILE__, __LINE__, "mean %g us", mean);
    int above = 0;
    for (int i = 0; i < count; i++) above += first[i] > 50000 + 230000 + slow;
    // e^-2.3 is a tenth.
    CHECK(above > 15 && above < 80);
}
