/* The hand-written server that every contestant is compared with.
 *
 * What lives here: the shortest epoll loop that is still correct. Edge-triggered, one shared receive
 * buffer, an answer written straight away, octets kept only when the socket refuses them; several small
 * answers gathered into one system call.
 * What must not: any trick that a general event core could not do as well. This is the unit of the
 * table, so it must be neither slow (flattering everybody) nor cleverer than a server may be.
 *
 * Left out on purpose: timeouts, limits, and surviving without free descriptors.
 *
 * Source: epoll(7), section "Questions and answers", 9: a short read on a stream means it is drained.
 */
#include <errno.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "listening.h"
#include "octets.h"

enum {
    receive_capacity = 64 * 1024,
    events_per_wait = 256,
    /* Full reads of one connection before the others have their turn: else two peers that keep each
     * other busy starve the rest. */
    reads_per_turn = 4,
    connections_most = 20000
};

struct connection {
    int fd;
    bool wants_writable;
    bool is_to_flush;
    uint32_t place;       /* in `everybody`, for the chat */
    struct octets unsent; /* for an echo, what the socket refused: reading stops while there is any */
    struct octets part;   /* of a line */
};

static int epoll_fd;
static int listen_fd;
static enum work work;

/* Page-aligned: the speed of a large copy depends on the buffer's offset within its page. */
static alignas(4096) char receive_buffer[receive_capacity];

static struct octets answers; /* to the lines of one read */
static struct connection* everybody[connections_most];
static uint32_t everybody_count;
static struct connection* to_flush[connections_most];
static uint32_t to_flush_count;

/* ---- connections ---- */

static void set_interest(struct connection* connection, bool wants_writable) {
    struct epoll_event event = {0};
    event.events = EPOLLIN | EPOLLRDHUP | EPOLLET;
    if (wants_writable) event.events |= EPOLLOUT;
    event.data.ptr = connection;
    if (epoll_ctl(epoll_fd, EPOLL_CTL_MOD, connection->fd, &event) != 0) die("epoll_ctl");
    connection->wants_writable = wants_writable;
}

static void leave_chat(struct connection* connection) {
    everybody[connection->place] = everybody[--everybody_count];
    everybody[connection->place]->place = connection->place;
    for (uint32_t i = 0; connection->is_to_flush && i < to_flush_count; ++i) {
        if (to_flush[i] == connection) to_flush[i] = NULL;
    }
}

static void destroy(struct connection* connection) {
    if (work == work_chat) leave_chat(connection);
    close(connection->fd); /* also leaves the epoll set: nobody else holds this descriptor */
    free(connection->unsent.memory);
    free(connection->part.memory);
    free(connection);
}

/* Returns false when the connection is broken. */
static bool flush(struct connection* connection) {
    if (!octets_send(&connection->unsent, connection->fd)) return false;
    bool wants_writable = !octets_is_empty(&connection->unsent);
    if (wants_writable != connection->wants_writable) set_interest(connection, wants_writable);
    return true;
}

/* Sends at once, behind what waits already. Returns false when the connection is broken. */
static bool answer(struct connection* connection, const char* octets, size_t length) {
    ptrdiff_t written = octets_is_empty(&connection->unsent) ? write_some(connection->fd, octets, length) : 0;
    if (written < 0) return false;
    if ((size_t)written == length) return true;
    octets_append(&connection->unsent, octets + written, length - (size_t)written);
    if (!connection->wants_writable) set_interest(connection, true);
    return true;
}

/* ---- what is done with the octets that came ---- */

static void answer_line(void* context, const char* line, size_t length) {
    (void)context;
    octets_append(&answers, line, length);
}

static bool answer_lines(struct connection* connection, size_t length) {
    cut_lines(&connection->part, receive_buffer, length, answer_line, NULL);
    bool is_alive = octets_is_empty(&answers) || answer(connection, answers.memory, answers.end);
    answers.begin = answers.end = 0;
    return is_alive;
}

/* Without parsing: a request ends with an empty line. The answers of one read leave together. */
static bool answer_requests(struct connection* connection, size_t length) {
    octets_append(&connection->part, receive_buffer, length);
    const char* begin = connection->part.memory + connection->part.begin;
    const char* end = connection->part.memory + connection->part.end;
    const char* found;
    while ((found = memmem(begin, (size_t)(end - begin), "\r\n\r\n", 4)) != NULL) {
        octets_append(&answers, HTTP_ANSWER, sizeof HTTP_ANSWER - 1);
        begin = found + 4;
    }
    connection->part.begin = (size_t)(begin - connection->part.memory);
    if (connection->part.begin == connection->part.end) connection->part.begin = connection->part.end = 0;
    bool is_alive = octets_is_empty(&answers) || answer(connection, answers.memory, answers.end);
    answers.begin = answers.end = 0;
    return is_alive;
}

static void tell_everybody(void* context, const char* line, size_t length) {
    (void)context;
    for (uint32_t i = 0; i < everybody_count; ++i) {
        struct connection* connection = everybody[i];
        octets_append(&connection->unsent, line, length);
        if (connection->is_to_flush) continue;
        connection->is_to_flush = true;
        to_flush[to_flush_count++] = connection;
    }
}

/* Returns false when the connection is broken. */
static bool take_in(struct connection* connection, size_t length) {
    switch (work) {
        case work_echo:
            return answer(connection, receive_buffer, length);
        case work_lines:
            return answer_lines(connection, length);
        case work_http:
            return answer_requests(connection, length);
        case work_chat:
            cut_lines(&connection->part, receive_buffer, length, tell_everybody, NULL);
    }
    return true;
}

/* Who does not read is read no more, except in the chat, where somebody else's lines wait. */
static bool may_read(const struct connection* connection) {
    return work == work_chat || octets_is_empty(&connection->unsent);
}

/* Reads until the socket is empty or refuses output. A short read proves that it is empty, except
 * when the end of the stream waits behind the octets: its edge may have been reported already, so
 * `may_have_ended` reads on until the end itself. Returns false when the connection is over. */
static bool read_all(struct connection* connection, bool may_have_ended) {
    for (int reads = 0; may_read(connection); ++reads) {
        if (reads == reads_per_turn) {
            set_interest(connection, connection->wants_writable); /* reports it anew, behind the others */
            return true;
        }
        ssize_t length = recv(connection->fd, receive_buffer, receive_capacity, 0);
        if (length == 0) return false;
        if (length < 0 && errno == EINTR) continue;
        if (length < 0) return is_would_block();
        if (!take_in(connection, (size_t)length)) return false;
        if (length < receive_capacity && !may_have_ended) return true;
    }
    return true;
}

/* ---- the loop ---- */

static void on_ready(struct connection* connection, uint32_t events) {
    bool may_have_ended = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    bool is_alive = true;
    /* Reading may have stopped for the output's sake: its edge is past, so it is tried again. */
    bool reads = (events & ~(uint32_t)EPOLLOUT) != 0;
    if (connection->wants_writable && (events & EPOLLOUT) != 0) {
        is_alive = flush(connection);
        reads = may_have_ended = true; /* edges that came while reading was stopped are gone */
    }
    if (is_alive && reads) is_alive = read_all(connection, may_have_ended);
    if (!is_alive) destroy(connection);
}

static void adopt(int fd) {
    struct connection* connection = calloc(1, sizeof *connection);
    if (connection == NULL) die("calloc");
    connection->fd = fd;
    if (work == work_chat) {
        if (everybody_count == connections_most) refuse("too many in the chat");
        connection->place = everybody_count;
        everybody[everybody_count++] = connection;
    }
    struct epoll_event event = {0};
    event.events = EPOLLIN | EPOLLRDHUP | EPOLLET;
    event.data.ptr = connection;
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) die("epoll_ctl");
}

static void accept_all(void) {
    for (;;) {
        int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0)
            adopt(fd);
        else if (is_would_block())
            return;
        else if (errno != EINTR && errno != ECONNABORTED)
            die("accept4");
    }
}

static void flush_all(void) {
    for (uint32_t i = 0; i < to_flush_count; ++i) {
        struct connection* connection = to_flush[i];
        if (connection == NULL) continue;
        connection->is_to_flush = false;
        if (!connection->wants_writable && !flush(connection)) destroy(connection);
    }
    to_flush_count = 0;
}

static void serve(void) {
    struct epoll_event events[events_per_wait];
    for (;;) {
        int count = epoll_wait(epoll_fd, events, events_per_wait, -1);
        if (count < 0 && errno != EINTR) die("epoll_wait");
        for (int i = 0; i < count; ++i) {
            if (events[i].data.ptr == NULL)
                accept_all();
            else
                on_ready(events[i].data.ptr, events[i].events);
        }
        flush_all();
    }
}

int main(int argument_count, char** arguments) {
    const struct request request = parse_arguments(argument_count, arguments, "hand-written");
    work = request.work;
    listen_fd = listen_on(&request);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0) die("epoll_create1");
    struct epoll_event event = {0};
    event.events = EPOLLIN | EPOLLET;
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listen_fd, &event) != 0) die("epoll_ctl");
    announce(listen_fd);
    serve();
}
