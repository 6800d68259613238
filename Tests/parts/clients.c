// Tests an example server: clients SERVER. Starts it, asks it for files with several clients at a time, checks every
// byte,
// and that the server has one thread all the while.
#include "../Conformance/check.h"
#include <sys/socket.h>
#include <sys/un.h>

enum { clients = 8, rounds = 6, files = 5 };
static const size_t sizes[files] = {0, 1, 65536, 200001, 3 << 20};
static pid_t server;
static atomic_int done;

static int ask(const char *name) {
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};
    double limit = now() + 10;
    int number = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    while (connect(number, (struct sockaddr *)&address, sizeof address) != 0) {
        if (now() > limit) failed(__FILE__, __LINE__, "connect: %s", strerror(errno));
        sleep_for(0.01);
    }
    EQUAL(write(number, name, strlen(name)), strlen(name));
    EQUAL(write(number, "\n", 1), 1);
    return number;
}

static void *be_client(void *argument) {
    long mine = (long)argument;
    for (int round = 0; round < rounds; round++) {
        int file = (int)(mine + round) % files;
        char name[16];
        snprintf(name, sizeof name, "file%d", file);
        int number = ask(name);
        static _Thread_local unsigned char buffer[10000];
        size_t count = 0;
        ssize_t got;
        while ((got = read(number, buffer, sizeof buffer)) > 0) {
            VERIFY(buffer, (size_t)got, (uint64_t)file, count);
            count += (size_t)got;
            // One leaves in the middle.
            if (round == 3 && mine == 3 && count > 100000) break;
        }
        if (round != 3 || mine != 3) EQUAL(count, sizes[file]);
        close(number);
    }
    done++;
    return NULL;
}

static int threads_of_server(void) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", (int)server);
    return count_entries(path);
}

int main(int count, char **arguments) {
    EQUAL(count, 2);
    for (int i = 0; i < files; i++) {
        char name[16];
        snprintf(name, sizeof name, "file%d", i);
        int file = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        CHECK(file >= 0);
        write_pattern(file, sizes[i], (uint64_t)i, 0);
        close(file);
    }
    server = fork();
    CHECK(server >= 0);
    if (server == 0) {
        execl(arguments[1], arguments[1], "socket", (char *)NULL);
        _exit(127);
    }
    pthread_t threads[clients];
    for (long i = 0; i < clients; i++) OK(pthread_create(&threads[i], NULL, be_client, (void *)i));
    int most = 0, looks = 0;
    while (done < clients) {
        int now_has = threads_of_server();
        if (now_has > most) most = now_has;
        looks++;
        sleep_for(0.002);
    }
    for (int i = 0; i < clients; i++) OK(pthread_join(threads[i], NULL));
    // What it does not have, it closes upon; and it is still there afterwards.
    char byte;
    int number = ask("../etc/passwd");
    EQUAL(read(number, &byte, 1), 0);
    close(number);
    number = ask("file1");
    EQUAL(read(number, &byte, 1), 1);
    EQUAL((unsigned char)byte, pattern_byte(1, 0));
    EQUAL(most > threads_of_server() ? most : threads_of_server(), 1);
    printf("looked %d times\n", looks);
    EQUAL(kill(server, SIGTERM), 0);
    EQUAL(waitpid(server, NULL, 0), server);
    return 0;
}
