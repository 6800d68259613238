// holds: stats counts each connection under the name of its service, also of one that no file configures; %h and %p in the caller's parameters mean what they mean in a file.
// source: kaio
// modes: linked
#include "../connection.h"

static void reads(const char *service, int requests, const char *parameters) {
    kaio_connection *connection = kaio_connect(service, "stats ordered aio_linux", parameters);
    CHECK(connection != NULL);
    kaio_file *file = opened(connection, "data", 0, 4096, 1);
    for (int i = 0; i < requests; i++) {
        char buffer[512];
        struct aiocb control = request(-1, buffer, 512, 0);
        OK(kaio_aio_read(file, &control));
        OK(all_of(connection, &control, 10));
        EQUAL(kaio_aio_return(file, &control), 512);
    }
    OK(kaio_disconnect(connection));
}

int main(int count, char **arguments) {
    const char *parameters = "stats:format = json; stats:file = report.%h.%p";
    if (count > 0 && strcmp(arguments[0], "again") == 0) {
        reads("shop", 2, parameters);
        reads("store", 3, parameters);
        printf("%d", getpid());
        return 0;
    }
    struct child child;
    run_again(&child, "x", NULL, NULL);
    SUCCEEDED(&child);
    char host[256], path[512], json[32768];
    OK(gethostname(host, sizeof host));
    snprintf(path, sizeof path, "report.%s.%ld", host, atol(child.output));
    take_file(path, json, sizeof json);
    const char *shop = strstr(json, "\"service\":\"shop\"");
    const char *store = strstr(json, "\"service\":\"store\"");
    CHECK(shop && store);
    EQUAL(strncmp(strstr(shop, "\"requests\":"), "\"requests\":2,", 13), 0);
    EQUAL(strncmp(strstr(store, "\"requests\":"), "\"requests\":3,", 13), 0);
}
