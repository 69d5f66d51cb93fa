#include "listening.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

void die(const char* operation) {
    fprintf(stderr, "server: %s: %s\n", operation, strerror(errno));
    exit(1);
}

void refuse(const char* text) {
    fprintf(stderr, "server: %s\n", text);
    exit(2);
}

static void parse_tcp(struct request* request, const char* host_and_port) {
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
    address.sin_port = htons((unsigned short)port);
    memcpy(&request->address, &address, sizeof address);
    request->length = sizeof address;
}

static void parse_unix(struct request* request, const char* path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (path[0] != '/' || strlen(path) >= sizeof address.sun_path) refuse("expected unix:///path, at most 107 octets of it");
    memcpy(address.sun_path, path, strlen(path) + 1);
    memcpy(&request->address, &address, sizeof address);
    request->length = sizeof address;
}

static enum work parse_work(const char* text) {
    if (strcmp(text, "echo") == 0) return work_echo;
    if (strcmp(text, "lines") == 0) return work_lines;
    if (strcmp(text, "chat") == 0) return work_chat;
    if (strcmp(text, "http") == 0) return work_http;
    if (strcmp(text, "websocket") == 0) return work_echo; /* below the frames */
    refuse("--case must be echo, lines, chat, http or websocket");
    return work_echo;
}

struct request parse_arguments(int argument_count, char** arguments, const char* version) {
    if (argument_count == 2 && strcmp(arguments[1], "--version") == 0) {
        puts(version);
        exit(0);
    }
    if (argument_count != 5 || strcmp(arguments[1], "--case") != 0 || strcmp(arguments[3], "--listen") != 0)
        refuse("usage: PROGRAM --case echo|lines|chat --listen tcp://127.0.0.1:PORT|unix:///path");
    struct request request = {0};
    request.work = parse_work(arguments[2]);
    const char* endpoint = arguments[4];
    if (strncmp(endpoint, "tcp://", 6) == 0)
        parse_tcp(&request, endpoint + 6);
    else if (strncmp(endpoint, "unix://", 7) == 0)
        parse_unix(&request, endpoint + 7);
    else
        refuse("expected tcp://127.0.0.1:PORT or unix:///path");
    return request;
}

int listen_on(const struct request* request) {
    const int one = 1;
    int fd = socket(request->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) die("socket");
    if (request->address.ss_family == AF_INET) {
        if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0) die("SO_REUSEADDR");
        if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) != 0) die("TCP_NODELAY");
    }
    if (bind(fd, (const struct sockaddr*)&request->address, request->length) != 0) die("bind");
    if (listen(fd, SOMAXCONN) != 0) die("listen");
    return fd;
}

void announce(int listen_fd) {
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof address;
    if (getsockname(listen_fd, (struct sockaddr*)&address, &length) != 0) die("getsockname");
    if (address.ss_family == AF_UNIX) {
        printf("listening on unix://%s\n", ((struct sockaddr_un*)&address)->sun_path);
    } else {
        char host[INET_ADDRSTRLEN];
        const struct sockaddr_in* tcp = (struct sockaddr_in*)&address;
        inet_ntop(AF_INET, &tcp->sin_addr, host, sizeof host);
        printf("listening on tcp://%s:%u\n", host, (unsigned)ntohs(tcp->sin_port));
    }
    if (fflush(stdout) != 0) die("stdout");
}
