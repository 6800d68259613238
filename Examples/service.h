// What the two example servers have in common: the protocol, and one client's transfer through a kaio connection.
//
// A client sends a file's name and a newline; the server sends the file, from the directory that it was started in,
// and closes. Names with a slash are refused, by closing at once.
//
// Each client has one buffer. It is filled from the file by kaio_aio_read, whose callback starts the sending; when the
// socket has taken all of it, the next read is submitted. So a client is either reading or sending.
#ifndef SERVICE_H
#define SERVICE_H

#include <kaio.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { buffer_size = 64 << 10 };

struct client {
    int socket;
    kaio_file *file;
    struct aiocb control;
    char name[256];
    size_t name_length;
    size_t begin, end;  // what of the buffer is still to be sent
    int is_reading;
    void *watch;  // of the event library's own
    char buffer[buffer_size] __attribute__((aligned(4096)));
};

// What a server says of itself to the functions here.
static void want_input(struct client *client);
static void want_output(struct client *client);
static void want_nothing(struct client *client);
static void forget(struct client *client);

static void end_client(struct client *client) {
    forget(client);
    if (client->file) kaio_close(client->file);
    close(client->socket);
    free(client);
}

static void read_more(struct client *client);

// Sends what the buffer has, as far as the socket takes it.
static void send_more(struct client *client) {
    while (client->begin < client->end) {
        ssize_t sent = send(client->socket, client->buffer + client->begin, client->end - client->begin,
                            MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0 && errno == EAGAIN) {
            want_output(client);
            return;
        }
        if (sent < 0) {
            end_client(client);
            return;
        }
        client->begin += (size_t)sent;
    }
    read_more(client);
}

static void file_was_read(kaio_file *file, struct aiocb *control, void *argument) {
    struct client *client = argument;
    client->is_reading = 0;
    ssize_t count = kaio_aio_return(file, control);
    if (count <= 0) {
        end_client(client);
        return;
    }
    control->aio_offset += count;
    client->begin = 0;
    client->end = (size_t)count;
    send_more(client);
}

static void read_more(struct client *client) {
    want_nothing(client);
    client->is_reading = 1;
    if (kaio_aio_read(client->file, &client->control) != 0) end_client(client);
}

// The client's name is on its way, or a part of it.
static void receive_name(kaio_connection *connection, struct client *client) {
    ssize_t count = recv(client->socket, client->name + client->name_length,
                         sizeof client->name - 1 - client->name_length, MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count <= 0) {
        end_client(client);
        return;
    }
    client->name_length += (size_t)count;
    client->name[client->name_length] = 0;
    char *newline = strchr(client->name, '\n');
    if (!newline) {
        if (client->name_length == sizeof client->name - 1) end_client(client);
        return;
    }
    *newline = 0;
    if (strchr(client->name, '/') || !(client->file = kaio_open(connection, client->name, O_RDONLY, 0))) {
        end_client(client);
        return;
    }
    client->control.aio_buf = client->buffer;
    client->control.aio_nbytes = buffer_size;
    kaio_set_callback(&client->control, file_was_read, client);
    read_more(client);
}

static struct client *new_client(int socket) {
    struct client *client = aligned_alloc(4096, (sizeof *client + 4095) / 4096 * 4096);
    if (client) memset(client, 0, offsetof(struct client, buffer)), client->socket = socket;
    return client;
}

static void stop(const char *what) {
    perror(what);
    exit(1);
}

static int listen_on(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) errno = ENAMETOOLONG, stop(path);
    strcpy(address.sun_path, path);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 128) != 0)
        stop(path);
    return listener;
}

#endif
