// holds: A program that writes to a mirror is killed at any moment, in its work, in the middle of recovery or in the middle of a write of the log: afterwards reads have every write that was complete, and when recovery is over all legs are equal and have them too.
// source: kaio (make crash-mirror KILLS=1000 for as many as you like)
// links: -Wl,-z,dynamic-undefined-weak
// limit: 1200
#include "mirror.h"

enum { size = 4096, blocks = 192, depth = 8 };

// What the writer says, in memory that outlives it.
static struct account {
    _Atomic uint64_t issued[blocks], complete[blocks], version, told;
} *account;

struct content {
    uint64_t number, version, filling[size / 8 - 2];
};

static void make_content(struct content *content, uint64_t number, uint64_t version) {
    content->number = number;
    content->version = version;
    for (size_t i = 0; i < size / 8 - 2; i++) content->filling[i] = (version * 977 + number) * 6364136223846793005u + i;
}

static void check_content(const struct content *content, uint64_t number, const char *where) {
    static struct content expected;
    uint64_t version = content->version, complete = account->complete[number];
    make_content(&expected, number, version);
    if (version < complete || version > account->issued[number] || memcmp(content, &expected, size) != 0)
        failed(__FILE__, __LINE__, "%s: block %lu has version %lu, complete is %lu, issued %lu%s", where, (unsigned long)number,
               (unsigned long)version, (unsigned long)complete, (unsigned long)account->issued[number],
               memcmp(content, &expected, size) != 0 ? ", and is not whole" : "");
}

struct life {
    int legs, is_recovery, failing, log_write, cut;
    unsigned seed;
};

static void live(void *argument) {
    const struct life *life = argument;
    // Recovery takes as long as it is to be killed in.
    use_mirror(life->legs, life->is_recovery ? "mirror:region size = 16k; mirror:resync rate = 2M"
                                              : "mirror:region size = 16k; mirror:resync rate = 500M");
    if (life->failing) set_trap(0, life->failing == 1 ? one : two, KAIO_OPERATION_WRITE, EIO, (int)(life->seed % 40), 1);
    if (life->log_write) {
        set_trap(1, mirror_log, KAIO_OPERATION_WRITE, 0, life->log_write - 1, 1);
        traps[1].cut = life->cut * 512;
    }
    int file = open_mirror(life->seed % 2 ? O_DIRECT : 0);
    struct slot {
        struct aiocb control;
        struct content *content;
        uint64_t number, version;
        int is_active, is_read;
    } slots[depth] = {0};
    for (int i = 0; i < depth; i++) slots[i].content = aligned_buffer(size);
    // One write of a block at a time, so that its version is known.
    char busy[blocks] = {0};
    uint64_t seed = life->seed * 2654435761u + account->version + 1;
    for (long n = 0;; n++) {
        struct slot *slot = &slots[n % depth];
        if (slot->is_active) {
            EQUAL(FINISH(&slot->control), size);
            slot->is_active = 0;
            busy[slot->number] = 0;
            if (slot->is_read) {
                check_content(slot->content, slot->number, "a read");
            } else {
                account->complete[slot->number] = slot->version;
            }
            account->told++;
        }
        do {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            slot->number = (seed >> 33) % blocks;
        } while (busy[slot->number]);
        slot->is_read = (seed >> 20) % 3 == 0;
        if (!slot->is_read) {
            slot->version = ++account->version;
            account->issued[slot->number] = slot->version;
            make_content(slot->content, slot->number, slot->version);
        }
        slot->control = request(file, slot->content, size, (off_t)slot->number * size);
        OK(slot->is_read ? aio_read(&slot->control) : aio_write(&slot->control));
        busy[slot->number] = 1;
        slot->is_active = 1;
        if (life->is_recovery && n > depth) sleep_for(0.0005);
    }
}

// Reads all, waits until recovery is over, and ends well.
static void recover(void *argument) {
    const struct life *life = argument;
    use_mirror(life->legs, "mirror:region size = 16k; mirror:resync rate = 500M");
    int file = open_mirror(0);
    struct content *content = aligned_buffer(size);
    for (int round = 0; round < 2; round++) {
        for (uint64_t i = 0; i < blocks; i++) {
            struct aiocb control = request(file, content, size, (off_t)i * size);
            OK(aio_read(&control));
            EQUAL(FINISH(&control), size);
            check_content(content, i, round ? "after recovery" : "after the kill");
        }
        if (!round) await_in_sync(life->legs);
    }
    OK(close(file));
}

static void check_leg(const char *path) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    struct content content;
    CHECK(file >= 0);
    for (uint64_t i = 0; i < blocks; i++) {
        EQUAL(pread(file, &content, size, (off_t)i * size), size);
        check_content(&content, i, path);
    }
    OK(close(file));
}

// Only the first leg: recovery copies it.
static void begin_file(void) {
    struct content content;
    forget_mirror();
    memset(account, 0, sizeof *account);
    int file = open(one, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    CHECK(file >= 0);
    for (uint64_t i = 0; i < blocks; i++) {
        make_content(&content, i, 0);
        EQUAL(pwrite(file, &content, size, (off_t)i * size), size);
    }
    OK(close(file));
}

int main(void) {
    const char *wish = getenv("KILLS");
    int kills = wish ? atoi(wish) : 36;
    unsigned seed = (unsigned)nanoseconds();
    account = mmap(NULL, sizeof *account, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(account != MAP_FAILED);
    mirror_paths();
    uint64_t told = 0;
    int torn = 0;
    for (int round = 0; round < (kills + 1) / 2; round++) {
        struct life life = {.legs = 2 + round / 2 % 2, .seed = seed + (unsigned)round};
        if (round % 2 == 0) {
            begin_file();
            in_child(recover, &life, 0);
        }
        life.failing = round % 3;
        // The first, and then those that write headers and records anywhere.
        if (round % 3 != 2) {
            life.log_write = 1 + round / 3 % 40;
            life.cut = round % 9;
        }
        for (int death = 0; death < 2; death++) {
            uint64_t before = account->told;
            life.is_recovery = death;
            if (death) life.failing = 0;
            fflush(NULL);
            pid_t child = fork();
            CHECK(child >= 0);
            if (child == 0) live(&life);
            int status = 0;
            pid_t ended = 0;
            for (double end = now() + 20; account->told < before + 20 && now() < end;) {
                ended = waitpid(child, &status, WNOHANG);
                if (ended == child) break;
                sleep_for(0.001);
            }
            if (ended != child) {
                sleep_for((double)(nanoseconds() / 1000 % 60000) / 1e6);
                OK(kill(child, SIGKILL));
                EQUAL(waitpid(child, &status, 0), child);
            } else {
                torn++;
            }
            if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
                failed(__FILE__, __LINE__, "kill %d: the child's status is %#x", round, (unsigned)status);
            told += account->told - before;
        }
        in_child(recover, &life, 0);
        legs_are_equal(life.legs);
        check_leg(one);
        check_leg(two);
        if (life.legs > 2) check_leg(three);
    }
    printf("%d kills, %d of them in the middle of a write of the log, %lu requests complete, nothing lost\n", (kills + 1) / 2 * 2, torn,
           (unsigned long)told);
}
