// A file server with one thread: clients over a Unix socket, files through a kaio connection, both in libevent's loop.
//
//     ./server SOCKET
//
// See ../service.h for the protocol.
#define _GNU_SOURCE
#include <stddef.h>
#include "../service.h"

#include <event2/event.h>

static struct event_base *loop;
static kaio_connection *connection;

static void ready(evutil_socket_t socket, short events, void *argument) {
    (void)socket, (void)events;
    struct client *client = argument;
    if (client->file) send_more(client);
    else receive_name(connection, client);
}

static void want(struct client *client, short events) {
    event_del(client->watch);
    event_assign(client->watch, loop, client->socket, events | EV_PERSIST, ready, client);
    event_add(client->watch, NULL);
}

static void want_input(struct client *client) { want(client, EV_READ); }
static void want_output(struct client *client) { want(client, EV_WRITE); }
static void want_nothing(struct client *client) { event_del(client->watch); }
static void forget(struct client *client) { event_free(client->watch); }

static void accept_client(evutil_socket_t listener, short events, void *argument) {
    (void)events, (void)argument;
    int socket = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (socket < 0) return;
    struct client *client = new_client(socket);
    if (client && (client->watch = event_new(loop, socket, EV_READ | EV_PERSIST, ready, client))) {
        want_input(client);
        return;
    }
    free(client);
    close(socket);
}

static void dispatch(evutil_socket_t descriptor, short events, void *argument) {
    (void)descriptor, (void)events, (void)argument;
    kaio_connection_dispatch(connection, 0);
}

int main(int count, char **arguments) {
    if (count != 2) return fprintf(stderr, "usage: %s SOCKET\n", arguments[0]), 2;
    loop = event_base_new();
    if (!loop) stop("event_base_new");
    connection = kaio_connect("files", NULL, NULL);
    if (!connection) stop("kaio_connect");
    int listener = listen_on(arguments[1]);
    struct event *clients = event_new(loop, listener, EV_READ | EV_PERSIST, accept_client, NULL);
    struct event *files = event_new(loop, kaio_connection_fd(connection), EV_READ | EV_PERSIST, dispatch, NULL);
    if (!clients || !files || event_add(clients, NULL) != 0 || event_add(files, NULL) != 0) stop("event_add");
    event_base_dispatch(loop);
    return 1;
}
