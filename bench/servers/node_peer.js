// Node's servers.   node node_peer.js --case echo|lines|chat|http --listen ENDPOINT
"use strict";

const http = require("node:http");
const net = require("node:net");
const { parseArgs } = require("node:util");

const BACKLOG = 4096;
const LF = 10;

const { values: options } = parseArgs({ options: { case: { type: "string" }, listen: { type: "string" } } });

// A function that is fed octets and calls onLine with each complete line, its LF included.
function newCutter(onLine) {
    let rest = null;
    return (octets) => {
        if (rest) octets = Buffer.concat([rest, octets]);
        let start = 0;
        for (let stop; (stop = octets.indexOf(LF, start)) >= 0; start = stop + 1) onLine(octets.subarray(start, stop + 1));
        rest = start < octets.length ? octets.subarray(start) : null;
    };
}

const everybody = new Set();

// For each case: a function that makes of a new socket what takes its octets.
const cases = {
    echo: (socket) => (octets) => socket.write(octets),

    // Corked, the answers leave in one system call.
    lines: (socket) => {
        const take = newCutter((line) => socket.write(line));
        return (octets) => {
            socket.cork();
            take(octets);
            socket.uncork();
        };
    },

    chat: (socket) => {
        everybody.add(socket);
        socket.on("close", () => everybody.delete(socket));
        return newCutter((line) => {
            for (const other of everybody) other.write(line);
        });
    },
};

const answer = Buffer.from("hello, world");
const open = cases[options.case];
const server = options.case === "http" ? http.createServer({ noDelay: true }, (request, response) => {
    response.writeHead(200, { "Content-Type": "text/plain", "Content-Length": answer.length });
    response.end(answer);
}) : net.createServer({ noDelay: true }, (socket) => {
    socket.on("error", () => {}); // a reset; "close" comes too
    socket.on("data", open(socket));
});

function announce() {
    const address = server.address();
    console.log(`listening on ${typeof address === "string" ? `unix://${address}` : `tcp://${address.address}:${address.port}`}`);
}

const [, kind, place] = options.listen.match(/^(\w+):\/\/(.*)$/);
const where = kind === "unix" ? { path: place } : { host: place.replace(/:\d+$/, ""), port: Number(place.replace(/^.*:/, "")) };
server.listen({ ...where, backlog: BACKLOG }, announce);
process.on("SIGTERM", () => process.exit(0));
