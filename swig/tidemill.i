// The contents page of the bindings. SWIG reads this once per language; the language's own file holds its typemaps, the topic files
// are the same for all.
%module(package="tidemill") core
%{
#include "bindings/cookies.h"
#include "bindings/datagram.h"
#include "bindings/facade.h"
#include "bindings/framing.h"
#include "bindings/http.h"
#include "bindings/http_client.h"
#include "bindings/process.h"
#include "bindings/websocket.h"
%}

// The types that only pass through: each language's typemaps say how.
namespace tidemill {
struct Bytes;
namespace script {
class Host;
class ScriptHandler;
struct ReactorObject;
struct Octets;
}
}

#if defined(SWIGPYTHON)
%include "python.i"
#elif defined(SWIGRUBY)
%include "ruby.i"
#elif defined(SWIGLUA)
%include "lua.i"
#endif

%include "errors.i"    // a Failure of the facade becomes the language's exception
%include "tls.i"       // TlsCore: certificates and trust; start_tls
%include "reactor.i"   // ReactorCore: the loop, timers, ticks, listeners, connect
%include "net.i"       // what a connection can do besides write
%include "datagram.i"  // datagram sockets
%include "framing.i"   // protocols on a connection: lines, messages, ...
%include "http.i"      // a server of HTTP
%include "cookies.i"   // and its cookies
%include "http_client.i"  // a client of HTTP
%include "websocket.i" // a WebSocket
%include "process.i"   // processes, watches, the standard input
