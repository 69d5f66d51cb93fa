/* The server over libuv: uv_try_write first, since it needs no request and no copy; uv_write for what the socket did not take. One
 * receive buffer for all, which uv_alloc_cb may hand out again as soon as the read callback has returned. */
#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "listening.h"
#include "octets.h"

enum { receive_capacity = 64 * 1024, connections_most = 20000 };

union stream {
    uv_stream_t stream;
    uv_tcp_t tcp;
    uv_pipe_t pipe;
};

struct connection {
    union stream as;
    struct octets part;
    uint32_t place;
};

struct late_write {
    uv_write_t request;
    char octets[];
};

static alignas(4096) char receive_buffer[receive_capacity];
static enum work work;
static bool is_tcp;
static struct connection* everybody[connections_most];
static uint32_t everybody_count;

static void check(int status, const char* operation) {
    if (status == 0) return;
    errno = -status;
    die(operation);
}

static void on_closed(uv_handle_t* handle) {
    struct connection* connection = handle->data;
    free(connection->part.memory);
    free(connection);
}

static void destroy(struct connection* connection) {
    if (uv_is_closing((uv_handle_t*)&connection->as.stream)) return;
    everybody[connection->place] = everybody[--everybody_count];
    everybody[connection->place]->place = connection->place;
    uv_close((uv_handle_t*)&connection->as.stream, on_closed);
}

static void on_written(uv_write_t* request, int status) {
    struct connection* connection = request->handle->data;
    if (status < 0) destroy(connection);
    free(request->data);
}

static void write_later(struct connection* connection, const char* octets, size_t length) {
    struct late_write* late = malloc(sizeof *late + length);
    if (late == NULL) die("malloc");
    memcpy(late->octets, octets, length);
    late->request.data = late;
    uv_buf_t buffer = uv_buf_init(late->octets, (unsigned)length);
    if (uv_write(&late->request, &connection->as.stream, &buffer, 1, on_written) != 0) {
        free(late);
        destroy(connection);
    }
}

static void write_octets(struct connection* connection, const char* octets, size_t length) {
    uv_buf_t buffer = uv_buf_init((char*)octets, (unsigned)length);
    int written = uv_try_write(&connection->as.stream, &buffer, 1);
    if (written == UV_EAGAIN) written = 0;
    if (written < 0)
        destroy(connection);
    else if ((size_t)written < length)
        write_later(connection, octets + written, length - (size_t)written);
}

static void answer_line(void* context, const char* line, size_t length) {
    write_octets(context, line, length);
}

static void tell_everybody(void* context, const char* line, size_t length) {
    (void)context;
    for (uint32_t i = everybody_count; i > 0; --i) write_octets(everybody[i - 1], line, length); /* one may leave: its place is behind us */
}

static void give_buffer(uv_handle_t* handle, size_t suggested, uv_buf_t* buffer) {
    (void)handle, (void)suggested;
    *buffer = uv_buf_init(receive_buffer, receive_capacity);
}

static void on_read(uv_stream_t* stream, ssize_t length, const uv_buf_t* buffer) {
    struct connection* connection = stream->data;
    if (length == 0) return;
    if (length < 0) return destroy(connection);
    if (work == work_echo) return write_octets(connection, buffer->base, (size_t)length);
    cut_lines(&connection->part, buffer->base, (size_t)length, work == work_lines ? answer_line : tell_everybody, connection);
}

static void init_stream(union stream* stream) {
    if (is_tcp)
        check(uv_tcp_init(uv_default_loop(), &stream->tcp), "uv_tcp_init");
    else
        check(uv_pipe_init(uv_default_loop(), &stream->pipe, 0), "uv_pipe_init");
}

static void on_connection(uv_stream_t* listener, int status) {
    check(status, "accept");
    struct connection* connection = calloc(1, sizeof *connection);
    if (connection == NULL) die("calloc");
    if (everybody_count == connections_most) refuse("too many connections");
    connection->place = everybody_count;
    everybody[everybody_count++] = connection;
    init_stream(&connection->as);
    connection->as.stream.data = connection;
    check(uv_accept(listener, &connection->as.stream), "uv_accept");
    /* TCP_NODELAY comes from the listening socket. */
    check(uv_read_start(&connection->as.stream, give_buffer, on_read), "uv_read_start");
}

int main(int argument_count, char** arguments) {
    const struct request request = parse_arguments(argument_count, arguments, uv_version_string());
    work = request.work;
    is_tcp = request.address.ss_family == AF_INET;
    int listen_fd = listen_on(&request);
    union stream listener;
    init_stream(&listener);
    if (is_tcp)
        check(uv_tcp_open(&listener.tcp, listen_fd), "uv_tcp_open");
    else
        check(uv_pipe_open(&listener.pipe, listen_fd), "uv_pipe_open");
    check(uv_listen(&listener.stream, SOMAXCONN, on_connection), "uv_listen");
    announce(listen_fd);
    return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
