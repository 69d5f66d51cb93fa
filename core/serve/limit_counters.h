// The counter of each limit and deadline of a protocol. An engine knows no reactor: it tells which limit was reached, its driver counts.
#pragma once
#include "tidemill/proto/framing/frame_engine.h"
#include "tidemill/proto/http_limits.h"
#include "tidemill/proto/websocket_limit.h"
#include "tidemill/reactor/metrics.h"

namespace tidemill {

void count_limit(Metrics& metrics, HttpLimit limit);
void count_limit(Metrics& metrics, WebSocketLimit limit);
void count_limit(Metrics& metrics, FrameLimit limit);

}  // namespace tidemill
