// Child: a function in a forked process, for what would change the whole process (limits, signals) and for fork itself.
#pragma once
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <functional>

namespace tidemill::test {

// Runs `body` in a child and answers what it answered, or 1000 + the signal that ended it. An alarm ends a child that hangs.
inline int in_child(const std::function<int()>& body) {
    std::fflush(nullptr);  // or the child might print what is in the buffers a second time
    const pid_t child = ::fork();
    if (child == 0) {
        ::alarm(60);
        ::_exit(body());  // no destructors and no exit handlers of the test program
    }
    int status = 0;
    while (::waitpid(child, &status, 0) < 0) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

}  // namespace tidemill::test
