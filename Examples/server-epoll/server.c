// A file server with one thread: clients over a Unix socket, files through a kaio connection, one epoll for both.
//
//     ./server SOCKET
//
// See ../service.h for the protocol.
#define _GNU_SOURCE
#include <stddef.h>
#include "../service.h"

#include <sys/epoll.h>

static int loop;

static void watch(int descriptor, void *what, uint32_t events, int operation) {
    struct epoll_event event = {.events = events, .data.ptr = what};
    if (epoll_ctl(loop, operation, descriptor, &event) != 0) stop("epoll_ctl");
}

static void want_input(struct client *client) { watch(client->socket, client, EPOLLIN, EPOLL_CTL_MOD); }
static void want_output(struct client *client) { watch(client->socket, client, EPOLLOUT, EPOLL_CTL_MOD); }

// A client that is reading is not watched at all: a hang-up, which cannot be masked, would not let the loop sleep.
static void want_nothing(struct client *client) { watch(client->socket, NULL, EPOLLET, EPOLL_CTL_MOD); }
static void forget(struct client *client) { epoll_ctl(loop, EPOLL_CTL_DEL, client->socket, NULL); }

int main(int count, char **arguments) {
    if (count != 2) return fprintf(stderr, "usage: %s SOCKET\n", arguments[0]), 2;
    kaio_connection *connection = kaio_connect("files", NULL, NULL);
    if (!connection) stop("kaio_connect");
    int listener = listen_on(arguments[1]);
    loop = epoll_create1(EPOLL_CLOEXEC);
    if (loop < 0) stop("epoll_create1");
    watch(listener, &listener, EPOLLIN, EPOLL_CTL_ADD);
    watch(kaio_connection_fd(connection), &connection, EPOLLIN, EPOLL_CTL_ADD);
    for (;;) {
        // One event at a time: what one client does never frees another.
        struct epoll_event event;
        if (epoll_wait(loop, &event, 1, -1) != 1) continue;
        struct client *client = event.data.ptr;
        if (event.data.ptr == &connection) {
            kaio_connection_dispatch(connection, 0);
        } else if (event.data.ptr == &listener) {
            int socket = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
            client = socket < 0 ? NULL : new_client(socket);
            if (client) watch(socket, client, 0, EPOLL_CTL_ADD), want_input(client);
            else if (socket >= 0) close(socket);
        } else if (client && !client->is_reading) {
            if (client->file) send_more(client);
            else receive_name(connection, client);
        }
    }
}
