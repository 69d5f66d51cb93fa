/* Octets in waiting: what the hand-written servers keep for a connection, output that the socket refused or the beginning of a line. */
#ifndef BENCH_OCTETS_H
#define BENCH_OCTETS_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "listening.h"

enum { line_most = 64 * 1024 /* a longer one ends the program: the load generator sends none */ };

/* No memory while it is empty and was never used: an idle connection costs its struct alone. */
struct octets {
    char* memory;
    uint32_t begin;
    uint32_t end;
    uint32_t capacity;
};

static inline bool octets_is_empty(const struct octets* octets) {
    return octets->begin == octets->end;
}

static inline void octets_append(struct octets* octets, const char* more, size_t length) {
    if (octets->begin == octets->end) octets->begin = octets->end = 0;
    if (octets->end + length > octets->capacity) {
        size_t capacity = octets->capacity > 0 ? octets->capacity : 4096;
        while (octets->end + length > capacity) capacity *= 2;
        octets->memory = (char*)realloc(octets->memory, capacity);
        if (octets->memory == NULL || capacity > UINT32_MAX) die("realloc");
        octets->capacity = (uint32_t)capacity;
    }
    memcpy(octets->memory + octets->end, more, length);
    octets->end += (uint32_t)length;
}

static inline bool is_would_block(void) {
    return errno == EAGAIN || errno == EWOULDBLOCK;
}

/* Writes until all is gone or the socket is full. Returns the octets written, -1 when it is broken. */
static inline ptrdiff_t write_some(int fd, const char* octets, size_t length) {
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

/* Sends what the socket takes. Returns false when it is broken. */
static inline bool octets_send(struct octets* octets, int fd) {
    ptrdiff_t written = write_some(fd, octets->memory + octets->begin, octets->end - octets->begin);
    if (written < 0) return false;
    octets->begin += (uint32_t)written;
    return true;
}

typedef void (*line_function)(void* context, const char* line, size_t length);

/* Calls on_line for every whole line, its end included; keeps the beginning of the next in `part`. */
static inline void cut_lines(struct octets* part, const char* octets, size_t length, line_function on_line, void* context) {
    const char* end = octets + length;
    const char* line_end;
    while ((line_end = (const char*)memchr(octets, '\n', (size_t)(end - octets))) != NULL) {
        ++line_end;
        if (octets_is_empty(part)) {
            on_line(context, octets, (size_t)(line_end - octets));
        } else {
            octets_append(part, octets, (size_t)(line_end - octets));
            on_line(context, part->memory, part->end);
            part->begin = part->end = 0;
        }
        octets = line_end;
    }
    if (octets < end) octets_append(part, octets, (size_t)(end - octets));
    if (part->end > line_most) refuse("a line is too long");
}

#endif
