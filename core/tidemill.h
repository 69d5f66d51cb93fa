// The contents page of the public headers, in the order of the floors.
#pragma once
#include "tidemill/base/bytes.h"       // Bytes
#include "tidemill/base/clock.h"       // Duration, TimePoint, ManualClock
#include "tidemill/base/endpoint.h"    // Endpoint, parse_endpoint
#include "tidemill/base/error.h"       // Error, ErrorCode, Result
#include "tidemill/base/limits.h"      // every default limit
#include "tidemill/net/connection.h"   // Connection
#include "tidemill/net/datagram.h"     // Datagram, DatagramHandler, open_datagram
#include "tidemill/net/fd_watch.h"       // watch_fd
#include "tidemill/net/file_watch.h"     // watch_file
#include "tidemill/net/handler.h"      // Handler: the callbacks and their order
#include "tidemill/net/input.h"          // open_input
#include "tidemill/net/listener.h"     // Listener
#include "tidemill/net/net.h"            // listen, connect
#include "tidemill/net/process.h"        // spawn, Process
#include "tidemill/net/process_watch.h"  // watch_process
#include "tidemill/net/resolver.h"     // resolve
#include "tidemill/net/signal_watch.h"   // on_signal
#include "tidemill/proto/engine.h"         // Engine, Step: the contract of protocols
#include "tidemill/proto/http_cookies.h"         // CookieJar: the cookies of an HttpClient
#include "tidemill/proto/websocket.h"            // WebSocketEngine
#include "tidemill/proto/websocket_handshake.h"  // its opening handshake
#include "tidemill/reactor/channel.h"  // Channel, Subscription
#include "tidemill/reactor/defer.h"    // defer
#include "tidemill/reactor/deferred.h" // Deferred
#include "tidemill/reactor/queue.h"    // Queue
#include "tidemill/reactor/reactor.h"  // Reactor, Timer
#include "tidemill/reactor/work_threads.h"  // WorkThreads: the threads of defer
#include "tidemill/reactor/workers.h"  // Workers: N reactors in N threads
#include "tidemill/serve/access_log.h"     // AccessLog: a file of what was served
#include "tidemill/serve/driver.h"         // Driver: an engine on a connection
#include "tidemill/serve/framing.h"        // LineConnection, MessageConnection, ...
#include "tidemill/serve/http_client.h"      // HttpClient: requests of HTTP over kept connections
#include "tidemill/serve/http_connection.h"  // HttpConnection, HttpRequest: a server of HTTP
#include "tidemill/serve/http_hosts.h"       // HttpHosts: one listener for many sites
#include "tidemill/serve/http_log.h"         // combined_log_line
#include "tidemill/serve/static_files.h"     // StaticFiles: a folder over HTTP
#include "tidemill/serve/websocket_connection.h"  // WebSocketConnection: a WebSocket, of a server or a client
#include "tidemill/sys/random.h"        // SystemRandom
#include "tidemill/sys/systemd.h"      // notify_systemd
#include "tidemill/tls/context.h"      // TlsContext, TlsOptions
#include "tidemill/tls/digest.h"       // sha1, base64
#include "tidemill/tls/filter.h"       // TlsInfo
