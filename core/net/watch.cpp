#include "tidemill/net/watch.h"

namespace tidemill {

void Watch::close() {
    if (!reactor_.is_usable_here() || !std::exchange(is_open_, false)) return;
    let_go(false);
    reactor_.finish_later(*this);
}

void Watch::abandon(bool is_fork) {
    if (std::exchange(is_open_, false)) let_go(is_fork);
}

Watch* find_watch(Reactor& reactor, SourceId id) {
    return dynamic_cast<Watch*>(reactor.find(id));
}

}  // namespace tidemill
