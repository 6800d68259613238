// holds: With group_sync every write that was complete is on the disk as a power cut leaves it, through buffered, O_DIRECT and O_DSYNC descriptors; without it, not.
// source: kaio
// limit: 300
// compare: no
//
// A program writes numbered blocks, and says which are complete in memory that outlives it. At some moment the device's power is
// cut and the program killed; then what the device kept is compared with what was said. KILLS=300 has it done so often.
#include "device.h"

enum { blocks = 64, size = 4096, depth = 24 };

static unsigned char *block_of(unsigned block, unsigned long generation, unsigned char *data) {
    fill(data, size, block, generation * size);
    memcpy(data, &generation, sizeof generation);
    return data;
}

// Writes until it is killed.
static void write_on(unsigned seed) {
    static const int flags[] = {0, O_DIRECT, O_DSYNC, O_DSYNC | O_DIRECT};
    int files[4];
    struct aiocb requests[blocks];
    const struct aiocb *list[blocks] = {0};
    unsigned long generations[blocks];
    unsigned kind = seed % 5;
    for (int i = 0; i < 4; i++) {
        files[i] = open(getenv("DEVICE"), O_RDWR | O_CLOEXEC | flags[i]);
        if (files[i] < 0) failed(__FILE__, __LINE__, "%s: %s", getenv("DEVICE"), strerror(errno));
    }
    for (int i = 0; i < blocks; i++) generations[i] = device->told[i];
    for (int pending = 0;;) {
        while (pending < depth) {
            unsigned block = (unsigned)rand_r(&seed) % blocks;
            if (list[block]) continue;
            unsigned char *data = aligned_buffer(size);
            int file = files[kind < 4 ? kind : (unsigned)rand_r(&seed) % 4];
            requests[block] =
                request(file, block_of(block, ++generations[block], data), size, (off_t)block * size);
            OK(aio_write(&requests[block]));
            list[block] = &requests[block];
            pending++;
        }
        EQUAL(aio_suspend(list, blocks, NULL), 0);
        for (unsigned i = 0; i < blocks; i++) {
            if (!list[i] || aio_error(&requests[i]) == EINPROGRESS) continue;
            EQUAL(aio_error(&requests[i]), 0);
            EQUAL(aio_return(&requests[i]), size);
            device->told[i] = generations[i];
            free((void *)requests[i].aio_buf);
            list[i] = NULL;
            pending--;
        }
    }
}

// How many blocks are not what was said of them.
static int count_lost(unsigned long *checked) {
    unsigned char expected[size];
    int lost = 0;
    for (unsigned i = 0; i < blocks; i++) {
        unsigned long generation, told = device->told[i];
        memcpy(&generation, device->kept + i * size, sizeof generation);
        if (generation < told) lost++;
        // A block is whole, whichever it is.
        else if (generation > 0) lost += memcmp(block_of(i, generation, expected), device->kept + i * size, size) != 0;
        *checked += told > 0;
        // The next one goes on from what there is.
        memcpy(&generation, device->now + i * size, sizeof generation);
        device->told[i] = generation;
    }
    return lost;
}

static int kill_once(unsigned seed, const char *objects, int memory, unsigned long *checked) {
    pid_t process = fork();
    CHECK(process >= 0);
    if (process == 0) {
        char number[16], share[16];
        snprintf(number, sizeof number, "%u", seed);
        snprintf(share, sizeof share, "%d", memory);
        setenv("DEVICE", device_path, 1);
        setenv("KAIO_VFS_OBJECTS", objects, 1);
        execl("/proc/self/exe", "again", number, share, (char *)NULL);
        _exit(127);
    }
    long before = device->writes;
    device->slow_syncs = (int)(rand_r(&seed) % 3000);
    while (device->writes < before + depth) {
        int status;
        if (waitpid(process, &status, WNOHANG) == process) failed(__FILE__, __LINE__, "the writer ended: %#x", status);
        usleep(500);
    }
    usleep(rand_r(&seed) % 30000);
    device_cut();
    // What it says from here on is of syncs from before; no other is answered until it is dead.
    kill(process, SIGKILL);
    usleep(500);
    device_come_back();
    int status;
    EQUAL(waitpid(process, &status, 0), process);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    return count_lost(checked);
}

int main(int count, char **arguments) {
    if (count == 3) {
        device_share(atoi(arguments[2]));
        write_on((unsigned)atoi(arguments[1]));
    }
    int memory = device_make(), kills = getenv("KILLS") ? atoi(getenv("KILLS")) : 20, lost = 0;
    unsigned long checked = 0;
    deadline(290);
    for (unsigned i = 0; i < (unsigned)kills; i++) {
        int lost_now = kill_once(i, "group_sync ordered aio_linux aio_poll aio_pthread", memory, &checked);
        if (lost_now) failed(__FILE__, __LINE__, "kill %u: %d blocks that were complete are lost", i, lost_now);
    }
    // It would be noticed.
    for (unsigned i = 0; i < 20 && !lost; i++)
        lost = kill_once(i * 5, "ordered aio_linux aio_poll aio_pthread", memory, &checked);
    if (!lost) failed(__FILE__, __LINE__, "nothing is lost without group_sync either");
    printf("%d kills, %lu blocks compared, %ld writes, %ld syncs\n", kills, checked, device->writes, device->syncs);
    exit(0);
}
