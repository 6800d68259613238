// holds: A bad value of an option is named on stderr once, with what would be accepted, and the default is used.
// source: kaio
// limit: 40
#include "../check.h"

int main(int count, char **arguments) {
    (void)arguments;
    if (count > 1) {
        check_service();
        check_service();
        return 0;
    }
    static const struct {
        const char *setting, *accepted;
    } bad[] = {
        {"KAIO_VERBOSE=yes", "1"},
        {"KAIO_SHOW_STATS=2", "1"},
        {"KAIO_IDLE_SECONDS=abc", "30"},
        {"KAIO_IDLE_SECONDS=-1", "86400"},
        {"KAIO_IDLE_SECONDS=86401", "86400"},
        {"KAIO_IDLE_SECONDS=1.5", "86400"},
        {"KAIO_WORKERS=0", "256"},
        {"KAIO_WORKERS=257", "256"},
        {"KAIO_WORKERS=12x", "256"},
        {"KAIO_RING=0", "65536"},
        {"KAIO_RING_AFTER=-1", "1000000"},
        {"KAIO_RING=65537", "65536"},
        {"KAIO_RING=99999999999999999999", "65536"},
        {"KAIO_MAX_REQUESTS=many", "65536"},
        {"KAIO_VFS_OBJECTS=ordered nonsense", "aio_pthread"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char name[64];
        const char *value = strchr(bad[i].setting, '=') + 1;
        snprintf(name, sizeof name, "%.*s", (int)(value - bad[i].setting - 1), bad[i].setting);
        if (strchr(value, ' ')) value = strchr(value, ' ') + 1;
        struct child child;
        run_again(&child, "work", (const char *[]){bad[i].setting, NULL}, NULL);
        SUCCEEDED(&child);
        printf("%s", child.errors);
        if (count_lines(child.errors, name, value) != 1 || count_lines(child.errors, name, bad[i].accepted) != 1 ||
            count_lines(child.errors, "kaio", NULL) != 1)
            failed(__FILE__, __LINE__, "%s: stderr is \"%s\"", bad[i].setting, child.errors);
    }
}
