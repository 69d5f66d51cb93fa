/* What the servers in C have in common besides their loops: the arguments, the listening socket, the first line.
 *
 *     PROGRAM --case echo|lines|chat --listen tcp://127.0.0.1:PORT|unix:///path
 *     PROGRAM --version
 */
#ifndef BENCH_LISTENING_H
#define BENCH_LISTENING_H

#include <sys/socket.h>

#ifdef __cplusplus
extern "C" {
#endif

enum work {
    work_echo,  /* every octet comes back */
    work_lines, /* one write call for every line that came */
    work_chat,  /* every line goes to every connection */
    work_http   /* every request gets the same answer; servers/epoll.c only */
};

struct request {
    enum work work;
    struct sockaddr_storage address;
    socklen_t length;
};

/* What all contestants answer to a request of HTTP, in the shortest head that a browser would take. */
#define HTTP_ANSWER "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 12\r\n\r\nhello, world"

/* Ends the program if the arguments are wrong, and after --version, which prints `version`. */
struct request parse_arguments(int argument_count, char** arguments, const char* version);

/* A non-blocking listening socket. What it accepts has TCP_NODELAY, which Linux passes on. */
int listen_on(const struct request* request);

/* Prints where the socket listens: the program is ready. */
void announce(int listen_fd);

void die(const char* operation);
void refuse(const char* text);

#ifdef __cplusplus
}
#endif
#endif
