/* The echo over io_uring, by hand with liburing: multishot accept, receiving into a ring of buffers that the kernel chooses from, and the
 * answer linked to the next receive, so that a message costs one completion. One operation of a connection at a time keeps its order. */
#include <errno.h>
#include <liburing.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "listening.h"

enum { queue_size = 4096, buffer_count = 1024, buffer_size = 16 * 1024, buffer_group = 1 };

/* The user data of an operation: the descriptor, which buffer a send uses, and which operation it is. */
enum operation { op_accept, op_receive, op_send };

static struct io_uring ring;
static struct io_uring_buf_ring* buffers;
static alignas(4096) char memory[buffer_count][buffer_size];

static uint64_t tag(enum operation operation, int fd, unsigned buffer) {
    return (uint64_t)buffer << 40 | (uint64_t)(unsigned)fd << 8 | (uint64_t)operation;
}

static void recycle(unsigned buffer) {
    io_uring_buf_ring_add(buffers, memory[buffer], buffer_size, (unsigned short)buffer, io_uring_buf_ring_mask(buffer_count), 0);
    io_uring_buf_ring_advance(buffers, 1);
}

static struct io_uring_sqe* next_entry(void) {
    struct io_uring_sqe* entry = io_uring_get_sqe(&ring);
    if (entry != NULL) return entry;
    io_uring_submit(&ring);
    entry = io_uring_get_sqe(&ring);
    if (entry == NULL) die("io_uring_get_sqe");
    return entry;
}

static void receive(int fd) {
    struct io_uring_sqe* entry = next_entry();
    io_uring_prep_recv(entry, fd, NULL, buffer_size, 0);
    entry->flags |= IOSQE_BUFFER_SELECT;
    entry->buf_group = buffer_group;
    io_uring_sqe_set_data64(entry, tag(op_receive, fd, 0));
}

static void answer(int fd, unsigned buffer, unsigned length) {
    struct io_uring_sqe* entry = next_entry();
    io_uring_prep_send(entry, fd, memory[buffer], length, MSG_NOSIGNAL | MSG_WAITALL);
    io_uring_sqe_set_data64(entry, tag(op_send, fd, buffer));
}

static void accept_many(int listen_fd) {
    struct io_uring_sqe* entry = next_entry();
    io_uring_prep_multishot_accept(entry, listen_fd, NULL, NULL, SOCK_CLOEXEC);
    io_uring_sqe_set_data64(entry, tag(op_accept, listen_fd, 0));
}

static void on_received(int fd, const struct io_uring_cqe* completion) {
    if (completion->res == -ENOBUFS) return receive(fd);
    bool has_buffer = (completion->flags & IORING_CQE_F_BUFFER) != 0;
    unsigned buffer = completion->flags >> IORING_CQE_BUFFER_SHIFT;
    if (completion->res > 0) return answer(fd, buffer, (unsigned)completion->res);
    if (has_buffer) recycle(buffer);
    close(fd);
}

static void on_completion(const struct io_uring_cqe* completion) {
    const int fd = (int)(completion->user_data >> 8 & UINT32_MAX);
    switch ((enum operation)(completion->user_data & 255)) {
        case op_accept:
            if (completion->res >= 0) receive(completion->res);
            if ((completion->flags & IORING_CQE_F_MORE) == 0) accept_many(fd);
            break;
        case op_receive:
            on_received(fd, completion);
            break;
        case op_send:
            recycle((unsigned)(completion->user_data >> 40));
            if (completion->res < 0)
                close(fd);
            else
                receive(fd);
    }
}

static bool setup_ring(void) {
    struct io_uring_params parameters = {0};
    parameters.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE;
    parameters.cq_entries = 4 * queue_size;
    int result = io_uring_queue_init_params(queue_size, &ring, &parameters);
    errno = -result;
    return result == 0;
}

static void setup_buffers(void) {
    void* place = NULL;
    if (posix_memalign(&place, 4096, buffer_count * sizeof(struct io_uring_buf)) != 0) die("posix_memalign");
    buffers = place;
    struct io_uring_buf_reg registration = {.ring_addr = (uintptr_t)buffers, .ring_entries = buffer_count, .bgid = buffer_group};
    int result = io_uring_register_buf_ring(&ring, &registration, 0);
    errno = -result;
    if (result != 0) die("io_uring_register_buf_ring");
    io_uring_buf_ring_init(buffers);
    for (unsigned i = 0; i < buffer_count; ++i) recycle(i);
}

int main(int argument_count, char** arguments) {
    /* For --version it is tried out: a kernel may not have it, or not allow it. */
    if (!setup_ring()) die("io_uring_setup");
    const struct request request = parse_arguments(argument_count, arguments, "hand-written, liburing 2");
    if (request.work != work_echo) refuse("only --case echo");
    setup_buffers();
    int listen_fd = listen_on(&request);
    accept_many(listen_fd);
    announce(listen_fd);
    for (;;) {
        int result = io_uring_submit_and_wait(&ring, 1);
        errno = -result;
        if (result < 0 && result != -EINTR) die("io_uring_submit_and_wait");
        struct io_uring_cqe* completion;
        unsigned head;
        unsigned count = 0;
        io_uring_for_each_cqe(&ring, head, completion) {
            on_completion(completion);
            ++count;
        }
        io_uring_cq_advance(&ring, count);
    }
}
