/* The server over libev. It brings readiness and nothing else: reading, writing and gathering are the user's, so they are done as in
 * the hand-written loop; who has output is flushed before the loop sleeps (ev_prepare). */
#include <ev.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "listening.h"
#include "octets.h"

enum { receive_capacity = 64 * 1024, connections_most = 20000 };

struct connection {
    ev_io readable;
    ev_io writable;
    struct octets unsent;
    struct octets part;
    uint32_t place;
    bool is_to_flush;
};

static alignas(4096) char receive_buffer[receive_capacity];
static enum work work;
static struct connection* everybody[connections_most];
static uint32_t everybody_count;
static struct connection* to_flush[connections_most];
static uint32_t to_flush_count;

static void destroy(struct ev_loop* loop, struct connection* connection) {
    everybody[connection->place] = everybody[--everybody_count];
    everybody[connection->place]->place = connection->place;
    for (uint32_t i = 0; connection->is_to_flush && i < to_flush_count; ++i) {
        if (to_flush[i] == connection) to_flush[i] = NULL;
    }
    ev_io_stop(loop, &connection->readable);
    ev_io_stop(loop, &connection->writable);
    close(connection->readable.fd);
    free(connection->unsent.memory);
    free(connection->part.memory);
    free(connection);
}

static void flush(struct ev_loop* loop, struct connection* connection) {
    if (!octets_send(&connection->unsent, connection->readable.fd)) return destroy(loop, connection);
    if (!octets_is_empty(&connection->unsent)) {
        if (work == work_echo) ev_io_stop(loop, &connection->readable); /* who does not read is read no more */
        return ev_io_start(loop, &connection->writable);
    }
    ev_io_stop(loop, &connection->writable);
    ev_io_start(loop, &connection->readable);
}

static void on_writable(struct ev_loop* loop, ev_io* watcher, int events) {
    (void)events;
    flush(loop, watcher->data);
}

static void queue(struct connection* connection, const char* octets, size_t length) {
    octets_append(&connection->unsent, octets, length);
    if (connection->is_to_flush) return;
    connection->is_to_flush = true;
    to_flush[to_flush_count++] = connection;
}

static void answer_line(void* context, const char* line, size_t length) {
    queue(context, line, length);
}

static void tell_everybody(void* context, const char* line, size_t length) {
    (void)context;
    for (uint32_t i = 0; i < everybody_count; ++i) queue(everybody[i], line, length);
}

static void echo(struct ev_loop* loop, struct connection* connection, size_t length) {
    ptrdiff_t written = write_some(connection->readable.fd, receive_buffer, length);
    if (written < 0) return destroy(loop, connection);
    if ((size_t)written == length) return;
    octets_append(&connection->unsent, receive_buffer + written, length - (size_t)written);
    ev_io_stop(loop, &connection->readable);
    ev_io_start(loop, &connection->writable);
}

static void on_readable(struct ev_loop* loop, ev_io* watcher, int events) {
    (void)events;
    struct connection* connection = watcher->data;
    ssize_t length = recv(watcher->fd, receive_buffer, receive_capacity, 0);
    if (length < 0 && (is_would_block() || errno == EINTR)) return;
    if (length <= 0) return destroy(loop, connection);
    if (work == work_echo) return echo(loop, connection, (size_t)length);
    cut_lines(&connection->part, receive_buffer, (size_t)length, work == work_lines ? answer_line : tell_everybody, connection);
}

static void before_sleep(struct ev_loop* loop, ev_prepare* watcher, int events) {
    (void)watcher, (void)events;
    for (uint32_t i = 0; i < to_flush_count; ++i) {
        struct connection* connection = to_flush[i];
        if (connection == NULL) continue;
        connection->is_to_flush = false;
        if (!ev_is_active(&connection->writable)) flush(loop, connection);
    }
    to_flush_count = 0;
}

static void on_connection(struct ev_loop* loop, ev_io* watcher, int events) {
    (void)events;
    int fd;
    while ((fd = accept4(watcher->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct connection* connection = calloc(1, sizeof *connection);
        if (connection == NULL) die("calloc");
        if (everybody_count == connections_most) refuse("too many connections");
        connection->place = everybody_count;
        everybody[everybody_count++] = connection;
        ev_io_init(&connection->readable, on_readable, fd, EV_READ);
        ev_io_init(&connection->writable, on_writable, fd, EV_WRITE);
        connection->readable.data = connection->writable.data = connection;
        ev_io_start(loop, &connection->readable);
    }
    if (!is_would_block() && errno != EINTR && errno != ECONNABORTED) die("accept4");
}

int main(int argument_count, char** arguments) {
    char version[16];
    snprintf(version, sizeof version, "%d.%d", ev_version_major(), ev_version_minor());
    const struct request request = parse_arguments(argument_count, arguments, version);
    work = request.work;
    int listen_fd = listen_on(&request);
    struct ev_loop* loop = ev_default_loop(EVFLAG_AUTO);
    ev_io listener;
    ev_io_init(&listener, on_connection, listen_fd, EV_READ);
    ev_io_start(loop, &listener);
    ev_prepare flusher;
    ev_prepare_init(&flusher, before_sleep);
    ev_prepare_start(loop, &flusher);
    announce(listen_fd);
    ev_run(loop, 0);
}
