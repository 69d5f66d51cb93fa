// Node's ws.   node ws_peer.js --case websocket --listen tcp://127.0.0.1:0
"use strict";

const http = require("node:http");
const { parseArgs } = require("node:util");

// Debian's package is not in the path of a node that is not Debian's.
function load(name) {
    try {
        return require(name);
    } catch {
        return require(`/usr/share/nodejs/${name}`);
    }
}

if (process.argv.includes("--version")) {
    console.log(load("ws/package.json").version);
    process.exit(0);
}
const { values: options } = parseArgs({ options: { case: { type: "string" }, listen: { type: "string" } } });
const server = http.createServer({ noDelay: true });
new (load("ws").WebSocketServer)({ server, perMessageDeflate: false }).on("connection", (socket) => {
    socket.on("message", (octets) => socket.send(octets, { binary: true }));
});
server.listen({ host: "127.0.0.1", port: Number(options.listen.replace(/^.*:/, "")), backlog: 4096 }, () => {
    console.log(`listening on tcp://127.0.0.1:${server.address().port}`);
});
process.on("SIGTERM", () => process.exit(0));
