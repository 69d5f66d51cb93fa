/* The hand-written echo server that every contestant is compared with.
 *
 * What lives here: the shortest epoll loop that is still correct. Edge-triggered, one shared receive
 * buffer, an answer written straight away, octets kept only when the socket refuses them.
 * What must not: any trick that a general event core could not do as well. This is the unit of the
 * table, so it must be neither slow (flattering everybody) nor cleverer than an echo may be.
 *
 * Left out on purpose: timeouts, limits, and surviving without free descriptors.
 *
 * Source: epoll(7), section "Questions and answers", 9: a short read on a stream means it is drained.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    receive_capacity = 64 * 1024,
    events_per_wait = 256,
    /* Full reads of one connection before the others have their turn: else two peers that keep each
     * other busy starve the rest. */
    reads_per_turn = 4
};

struct connection {
    int fd;
    bool wants_writable;
    /* What the socket refused. Reading stops while this is not empty, so one buffer's worth suffices. */
    char* unsent;
    size_t unsent_begin;
    size_t unsent_end;
};

struct server {
    int epoll_fd;
    int listen_fd;
    bool is_tcp;
};

/* Page-aligned: the speed of a large copy depends on the buffer's offset within its page. */
static alignas(4096) char receive_buffer[receive_capacity];

static void die(const char* operation) {
    fprintf(stderr, "echo_epoll: %s: %s\n", operation, strerror(errno));
    exit(1);
}

static void refuse(const char* text) {
    fprintf(stderr, "echo_epoll: %s\n", text);
    exit(2);
}

/* ---- connections ---- */

static void set_interest(struct server* server, struct connection* connection, bool wants_writable) {
    struct epoll_event event = {0};
    event.events = EPOLLIN | EPOLLRDHUP | EPOLLET;
    if (wants_writable) event.events |= EPOLLOUT;
    event.data.ptr = connection;
    if (epoll_ctl(server->epoll_fd, EPOLL_CTL_MOD, connection->fd, &event) != 0) die("epoll_ctl");
    connection->wants_writable = wants_writable;
}

static void destroy(struct connection* connection) {
    close(connection->fd); /* also leaves the epoll set: nobody else holds this descriptor */
    free(connection->unsent);
    free(connection);
}

static bool is_would_block(void) {
    return errno == EAGAIN || errno == EWOULDBLOCK;
}

/* Writes until all is gone or the socket is full. Returns the octets written, -1 when it is broken. */
static ptrdiff_t write_some(int fd, const char* octets, size_t length) {
    size_t written = 0;
    while (written < length) {
        ssize_t result = send(fd, octets + written, length - written, MSG_NOSIGNAL);
        if (result >= 0)
            written += (size_t)result;
        else if (is_would_block())
            break;
        else if (errno != EINTR)
            return -1;
    }
    return (ptrdiff_t)written;
}

static void keep_unsent(struct server* server, struct connection* connection, const char* octets, size_t length) {
    if (connection->unsent == NULL) connection->unsent = malloc(receive_capacity);
    if (connection->unsent == NULL) die("malloc");
    memcpy(connection->unsent, octets, length);
    connection->unsent_begin = 0;
    connection->unsent_end = length;
    set_interest(server, connection, true);
}

static bool has_unsent(const struct connection* connection) {
    return connection->unsent_begin < connection->unsent_end;
}

/* Returns false when the connection is broken. */
static bool flush_unsent(struct server* server, struct connection* connection) {
    ptrdiff_t written =
        write_some(connection->fd, connection->unsent + connection->unsent_begin, connection->unsent_end - connection->unsent_begin);
    if (written < 0) return false;
    connection->unsent_begin += (size_t)written;
    if (!has_unsent(connection)) set_interest(server, connection, false);
    return true;
}

/* Returns false when the connection is broken. */
static bool answer(struct server* server, struct connection* connection, size_t length) {
    ptrdiff_t written = write_some(connection->fd, receive_buffer, length);
    if (written < 0) return false;
    if ((size_t)written < length) keep_unsent(server, connection, receive_buffer + written, length - (size_t)written);
    return true;
}

/* Echoes until the socket is empty or refuses output. A short read proves that it is empty, except
 * when the end of the stream waits behind the octets: its edge may have been reported already, so
 * `may_have_ended` reads on until the end itself. Returns false when the connection is over. */
static bool echo_all(struct server* server, struct connection* connection, bool may_have_ended) {
    for (int reads = 0; !has_unsent(connection); ++reads) {
        if (reads == reads_per_turn) {
            set_interest(server, connection, false); /* reports it anew, behind the others */
            return true;
        }
        ssize_t length = recv(connection->fd, receive_buffer, receive_capacity, 0);
        if (length == 0) return false;
        if (length < 0 && errno == EINTR) continue;
        if (length < 0) return is_would_block();
        if (!answer(server, connection, (size_t)length)) return false;
        if (length < receive_capacity && !may_have_ended) return true;
    }
    return true;
}

static void on_ready(struct server* server, struct connection* connection, uint32_t events) {
    bool may_have_ended = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    bool is_alive = true;
    if (connection->wants_writable) {
        may_have_ended = true; /* edges that came while reading was stopped are gone */
        is_alive = flush_unsent(server, connection);
    }
    if (is_alive) is_alive = echo_all(server, connection, may_have_ended);
    if (!is_alive) destroy(connection);
}

/* ---- accepting ---- */

static void adopt(struct server* server, int fd) {
    int one = 1;
    if (server->is_tcp && setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) != 0) die("TCP_NODELAY");
    struct connection* connection = calloc(1, sizeof *connection);
    if (connection == NULL) die("calloc");
    connection->fd = fd;
    struct epoll_event event = {0};
    event.events = EPOLLIN | EPOLLRDHUP | EPOLLET;
    event.data.ptr = connection;
    if (epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) die("epoll_ctl");
}

static void accept_all(struct server* server) {
    for (;;) {
        int fd = accept4(server->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0)
            adopt(server, fd);
        else if (is_would_block())
            return;
        else if (errno != EINTR && errno != ECONNABORTED)
            die("accept4");
    }
}

/* ---- listening ---- */

static int new_socket(int family) {
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) die("socket");
    return fd;
}

static void bind_and_listen(int fd, const struct sockaddr* address, socklen_t length) {
    if (bind(fd, address, length) != 0) die("bind");
    if (listen(fd, SOMAXCONN) != 0) die("listen");
}

static void listen_tcp(struct server* server, const char* host_and_port) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    char host[INET_ADDRSTRLEN];
    const char* colon = strrchr(host_and_port, ':');
    size_t host_length = colon != NULL ? (size_t)(colon - host_and_port) : sizeof host;
    if (host_length >= sizeof host) refuse("expected tcp://127.0.0.1:PORT");
    memcpy(host, host_and_port, host_length);
    host[host_length] = '\0';
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1 || strncmp(host, "127.", 4) != 0)
        refuse("expected a loopback address, tcp://127.0.0.1:PORT");
    char* end = NULL;
    unsigned long port = strtoul(colon + 1, &end, 10);
    if (colon[1] < '0' || colon[1] > '9' || *end != '\0' || port > 65535) refuse("the port must be a number from 0 to 65535");
    address.sin_port = htons((uint16_t)port);

    int one = 1;
    server->is_tcp = true;
    server->listen_fd = new_socket(AF_INET);
    if (setsockopt(server->listen_fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0) die("SO_REUSEADDR");
    bind_and_listen(server->listen_fd, (const struct sockaddr*)&address, sizeof address);
    socklen_t length = sizeof address;
    if (getsockname(server->listen_fd, (struct sockaddr*)&address, &length) != 0) die("getsockname");
    printf("listening on tcp://%s:%u\n", host, (unsigned)ntohs(address.sin_port));
}

static void listen_unix(struct server* server, const char* path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (path[0] != '/' || strlen(path) >= sizeof address.sun_path) refuse("expected unix:///path, at most 107 octets of it");
    memcpy(address.sun_path, path, strlen(path) + 1);
    server->listen_fd = new_socket(AF_UNIX);
    bind_and_listen(server->listen_fd, (const struct sockaddr*)&address, sizeof address);
    printf("listening on unix://%s\n", path);
}

static void start(struct server* server, const char* endpoint) {
    server->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (server->epoll_fd < 0) die("epoll_create1");
    if (strncmp(endpoint, "tcp://", 6) == 0)
        listen_tcp(server, endpoint + 6);
    else if (strncmp(endpoint, "unix://", 7) == 0)
        listen_unix(server, endpoint + 7);
    else
        refuse("expected tcp://127.0.0.1:PORT or unix:///path");
    struct epoll_event event = {0};
    event.events = EPOLLIN | EPOLLET;
    event.data.ptr = NULL; /* NULL means the listener */
    if (epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, server->listen_fd, &event) != 0) die("epoll_ctl");
    fflush(stdout);
}

static void serve(struct server* server) {
    struct epoll_event events[events_per_wait];
    for (;;) {
        int count = epoll_wait(server->epoll_fd, events, events_per_wait, -1);
        if (count < 0 && errno != EINTR) die("epoll_wait");
        for (int i = 0; i < count; ++i) {
            if (events[i].data.ptr == NULL)
                accept_all(server);
            else
                on_ready(server, events[i].data.ptr, events[i].events);
        }
    }
}

int main(int argument_count, char** arguments) {
    if (argument_count != 3 || strcmp(arguments[1], "--listen") != 0)
        refuse("usage: echo_epoll --listen tcp://127.0.0.1:PORT|unix:///path");
    struct server server = {0};
    start(&server, arguments[2]);
    serve(&server);
}
