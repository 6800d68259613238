// holds: A program that writes through bufio is killed at any moment, and the file has every write that was reported as safe: a complete one in write-through mode, one covered by a complete aio_fsync in write-back mode.
// source: kaio (make crash-bufio KILLS=1000 for as many as you like)
// limit: 300
#include "../check.h"

enum { size = 4096, blocks = 256, depth = 8, fsync_every = 24 };

// What the writer says, in memory that outlives it.
static struct account {
    _Atomic uint64_t issued[blocks], safe[blocks], version, safeties;
} *account;

struct content {
    uint64_t number, version, sum;
    uint64_t filling[size / 8 - 3];
};

static uint64_t sum_of(const struct content *content) {
    uint64_t sum = content->number * 31 + content->version;
    for (size_t i = 0; i < size / 8 - 3; i++) sum = sum * 1099511628211u + content->filling[i];
    return sum;
}

static void make_content(struct content *content, uint64_t number, uint64_t version) {
    content->number = number;
    content->version = version;
    for (size_t i = 0; i < size / 8 - 3; i++) content->filling[i] = version * 6364136223846793005u + i;
    content->sum = sum_of(content);
}

static void map_account(const char *path) {
    int file = open(path, O_RDWR | O_CREAT, 0600);
    CHECK(file >= 0);
    OK(ftruncate(file, sizeof *account));
    account = mmap(NULL, sizeof *account, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    CHECK(account != MAP_FAILED);
    OK(close(file));
}

static void write_for_ever(int is_write_back) {
    char path[PATH_MAX];
    int file = open(path_of(path, "data"), O_RDWR | O_DIRECT);
    CHECK(file >= 0);
    map_account(path_of(path, "account"));
    struct slot {
        struct aiocb control;
        struct content *content;
        uint64_t number, version;
        int is_active;
    } slots[depth] = {0};
    for (int i = 0; i < depth; i++) slots[i].content = aligned_buffer(size);
    uint64_t done[blocks], covered[blocks], seed = account->version * 2654435761u + 1;
    for (int i = 0; i < blocks; i++) done[i] = account->safe[i];
    struct aiocb synchronization = {0};
    int is_synchronizing = 0;
    for (long n = 0;; n++) {
        struct slot *slot = &slots[n % depth];
        if (slot->is_active) {
            ssize_t count = FINISH(&slot->control);
            EQUAL(count, size);
            slot->is_active = 0;
            if (slot->version > done[slot->number]) done[slot->number] = slot->version;
            if (!is_write_back) {
                account->safe[slot->number] = done[slot->number];
                account->safeties++;
            }
        }
        if (is_write_back && is_synchronizing && aio_error(&synchronization) != EINPROGRESS) {
            EQUAL(aio_return(&synchronization), 0);
            for (int i = 0; i < blocks; i++) account->safe[i] = covered[i];
            account->safeties++;
            is_synchronizing = 0;
        }
        if (is_write_back && !is_synchronizing && n % fsync_every == 0) {
            memcpy(covered, done, sizeof done);
            synchronization = request(file, NULL, 0, 0);
            OK(aio_fsync(O_DSYNC, &synchronization));
            is_synchronizing = 1;
        }
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        slot->number = (seed >> 33) % blocks;
        slot->version = ++account->version;
        account->issued[slot->number] = slot->version;
        make_content(slot->content, slot->number, slot->version);
        slot->control = request(file, slot->content, size, (off_t)slot->number * size);
        OK(aio_write(&slot->control));
        slot->is_active = 1;
    }
}

static void check_file(const char *path, int round) {
    int file = open(path, O_RDONLY | O_DIRECT);
    static struct content *content;
    if (!content) content = aligned_buffer(size);
    for (uint64_t i = 0; i < blocks; i++) {
        EQUAL(pread(file, content, size, (off_t)i * size), size);
        if (content->sum != sum_of(content) || content->number != i || content->version < account->safe[i] ||
            content->version > account->issued[i])
            failed(__FILE__, __LINE__, "kill %d: block %lu has version %lu of block %lu, sum %s; safe is %lu, and %lu was written last",
                   round, (unsigned long)i, (unsigned long)content->version, (unsigned long)content->number,
                   content->sum == sum_of(content) ? "right" : "wrong", (unsigned long)account->safe[i],
                   (unsigned long)account->issued[i]);
    }
    OK(close(file));
}

static void begin_file(const char *path) {
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    struct content content;
    for (uint64_t i = 0; i < blocks; i++) {
        make_content(&content, i, 0);
        EQUAL(pwrite(file, &content, size, (off_t)i * size), size);
    }
    OK(fsync(file));
    OK(close(file));
}

int main(int argc, char **argv) {
    if (argc > 1) write_for_ever(strcmp(argv[1], "writeback") == 0);
    const char *wish = getenv("KILLS");
    int kills = wish ? atoi(wish) : 12;
    char path[PATH_MAX], other[PATH_MAX];
    path_of(path, "data");
    path_of(other, "account");
    static const char *const parameters[] = {"bufio:mode=writethrough; bufio:size=512k", "bufio:mode=writeback; bufio:size=512k",
                                             "bufio:mode=writeback; bufio:size=16M", "bufio:mode=writethrough; bufio:size=16M"};
    uint64_t safeties = 0;
    for (int mode = 0; mode < 4; mode++) {
        unlink(other);
        begin_file(path);
        map_account(other);
        pid_t load[2] = {0, 0};
        // With load in the third and fourth.
        for (int i = 0; i < 2 && mode >= 2; i++) {
            load[i] = fork();
            if (load[i] == 0) {
                for (alarm(280);;) {}
            }
        }
        for (int round = 0; round < (kills + 3) / 4; round++) {
            uint64_t before = account->safeties;
            pid_t child = fork();
            if (child == 0) {
                setenv("KAIO_VFS_OBJECTS", "bufio ordered aio_linux aio_poll aio_pthread", 1);
                setenv("KAIO_VFS_PARAMETERS", parameters[mode], 1);
                execl("/proc/self/exe", "again", strstr(parameters[mode], "writeback") ? "writeback" : "writethrough", (char *)NULL);
                _exit(127);
            }
            // Something is safe, and then any moment will do.
            int status;
            for (double end = now() + 20; account->safeties < before + 3 && now() < end;) {
                EQUAL(waitpid(child, &status, WNOHANG), 0);
                sleep_for(0.001);
            }
            sleep_for((double)(nanoseconds() / 1000 % 40000) / 1e6);
            OK(kill(child, SIGKILL));
            EQUAL(waitpid(child, &status, 0), child);
            CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
            CHECK(account->safeties > before);
            safeties += account->safeties - before;
            check_file(path, round);
        }
        for (int i = 0; i < 2; i++) {
            if (!load[i]) continue;
            kill(load[i], SIGKILL);
            waitpid(load[i], NULL, 0);
        }
        OK(munmap(account, sizeof *account));
    }
    printf("%d kills, %lu reports of safety, nothing lost\n", (kills + 3) / 4 * 4, (unsigned long)safeties);
}
