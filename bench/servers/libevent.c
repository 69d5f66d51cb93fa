/* The server over libevent: bufferevents, which gather output by themselves; an echo moves the whole input to the output without a copy. */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <stdint.h>
#include <stdlib.h>

#include "listening.h"
#include "octets.h"

enum { connections_most = 20000 };

static enum work work;
static struct bufferevent* everybody[connections_most];
static uint32_t everybody_count;

static void on_event(struct bufferevent* connection, short events, void* context) {
    (void)context;
    if ((events & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) == 0) return;
    uint32_t place = 0;
    if (work == work_chat) {
        while (everybody[place] != connection) ++place;
        everybody[place] = everybody[--everybody_count];
    }
    bufferevent_free(connection);
}

static void tell_everybody(const char* line, size_t length) {
    for (uint32_t i = 0; i < everybody_count; ++i) bufferevent_write(everybody[i], line, length);
}

static void on_read(struct bufferevent* connection, void* context) {
    (void)context;
    struct evbuffer* input = bufferevent_get_input(connection);
    if (work == work_echo) {
        bufferevent_write_buffer(connection, input);
        return;
    }
    struct evbuffer_ptr end;
    while ((end = evbuffer_search_eol(input, NULL, NULL, EVBUFFER_EOL_LF)).pos >= 0) {
        size_t length = (size_t)end.pos + 1;
        const char* line = (const char*)evbuffer_pullup(input, (ev_ssize_t)length);
        if (work == work_lines)
            bufferevent_write(connection, line, length);
        else
            tell_everybody(line, length);
        evbuffer_drain(input, length);
    }
}

static void on_connection(struct evconnlistener* listener, evutil_socket_t fd, struct sockaddr* address, int length, void* context) {
    (void)address, (void)length, (void)context;
    struct bufferevent* connection = bufferevent_socket_new(evconnlistener_get_base(listener), fd, BEV_OPT_CLOSE_ON_FREE);
    if (connection == NULL) die("bufferevent_socket_new");
    if (work == work_chat) {
        if (everybody_count == connections_most) refuse("too many connections");
        everybody[everybody_count++] = connection;
    }
    /* The default of 16 KiB would cut the large messages into pieces. */
    bufferevent_set_max_single_read(connection, 64 * 1024);
    bufferevent_set_max_single_write(connection, 64 * 1024);
    bufferevent_setcb(connection, on_read, NULL, on_event, NULL);
    bufferevent_enable(connection, EV_READ | EV_WRITE);
}

int main(int argument_count, char** arguments) {
    const struct request request = parse_arguments(argument_count, arguments, event_get_version());
    work = request.work;
    int listen_fd = listen_on(&request);
    struct event_base* base = event_base_new();
    struct evconnlistener* listener = evconnlistener_new(base, on_connection, NULL, LEV_OPT_CLOSE_ON_FREE, 0, listen_fd);
    if (listener == NULL) die("evconnlistener_new");
    announce(listen_fd);
    return event_base_dispatch(base);
}
