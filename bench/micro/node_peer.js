// What timers and ticks cost in Node. Prints nanoseconds of processor time as JSON.
//
//     node node_peer.js --case timers|ticks [--count N]
//
// A tick is a setImmediate, which waits for the next turn; process.nextTick would hold the turn up.
"use strict";

const { parseArgs } = require("node:util");
const { Worker, isMainThread, parentPort, workerData } = require("node:worker_threads");

const DUE = 100000;
const PAIRS = 100000;
const PAIRS_IN_A_TURN = 1000;
const TICKS = 100000;
const SMALL = 10000;
const LARGE = 1000000;

// Processor time of all threads, in nanoseconds.
function now() {
    const { user, system } = process.cpuUsage();
    return (user + system) * 1000;
}

const eachSince = (start, count) => Math.round(((now() - start) / count) * 10) / 10;
const doNothing = () => {};
const turn = () => new Promise((resolve) => setImmediate(resolve));
const sleep = (milliseconds) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);

// xorshift32: Math.random takes no seed.
let state = 1;
function random() {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
}

const drawDelays = (count) => Array.from({ length: count }, () => 100 + random() * 999900); // milliseconds

function drawPlaces(count, wanted) {
    const places = Array.from({ length: count }, (_, index) => index);
    for (let index = 0; index < wanted; ++index) {
        const other = index + Math.floor(random() * (count - index));
        [places[index], places[other]] = [places[other], places[index]];
    }
    return places.slice(0, wanted);
}

async function measureInsertAndCancel(count) {
    const delays = drawDelays(count);
    const doomed = drawPlaces(count, Math.floor(count * 0.9));
    let start = now();
    const timers = delays.map((delay) => setTimeout(doNothing, delay));
    const inserted = eachSince(start, count);
    start = now();
    for (const index of doomed) clearTimeout(timers[index]);
    await turn();
    const cancelled = eachSince(start, doomed.length);
    timers.forEach(clearTimeout);
    return [inserted, cancelled];
}

async function measureFire() {
    let left = DUE;
    let start;
    await new Promise((resolve) => {
        const callback = () => --left || resolve();
        for (let index = 0; index < DUE; ++index) setTimeout(callback, 1 + random() * 9);
        sleep(100);
        start = now();
    });
    return eachSince(start, DUE);
}

async function measurePairs(outstanding) {
    const delays = drawDelays(PAIRS);
    const timers = drawDelays(outstanding).map((delay) => setTimeout(doNothing, delay));
    await turn();
    const start = now();
    for (let index = 0; index < PAIRS; ++index) {
        clearTimeout(setTimeout(doNothing, delays[index]));
        if (index % PAIRS_IN_A_TURN === 0) await turn();
    }
    const each = eachSince(start, PAIRS);
    timers.forEach(clearTimeout);
    return each;
}

async function measureTimers(count) {
    const [inserted, cancelled] = await measureInsertAndCancel(count);
    return {
        insert_ns: inserted,
        cancel_ns: cancelled,
        fire_ns: await measureFire(),
        insert_cancel_small_ns: await measurePairs(SMALL),
        insert_cancel_large_ns: await measurePairs(LARGE),
    };
}

async function measureChain() {
    let left = TICKS;
    const start = now();
    await new Promise((resolve) => {
        const tick = () => (--left ? setImmediate(tick) : resolve());
        setImmediate(tick);
    });
    return eachSince(start, TICKS);
}

async function measureBatch() {
    let left = TICKS;
    const start = now();
    await new Promise((resolve) => {
        const tick = () => --left || resolve();
        for (let index = 0; index < TICKS; ++index) setImmediate(tick);
    });
    return eachSince(start, TICKS);
}

// The worker waits for a word before it posts, so that its start is not measured.
async function measurePost() {
    const worker = new Worker(__filename, { workerData: TICKS });
    await new Promise((resolve) => worker.once("online", resolve));
    let left = TICKS;
    let start;
    await new Promise((resolve) => {
        worker.on("message", () => --left || resolve());
        start = now();
        worker.postMessage("go");
    });
    const each = eachSince(start, TICKS);
    await worker.terminate();
    return each;
}

function postAll() {
    parentPort.once("message", () => {
        for (let number = 0; number < workerData; ++number) parentPort.postMessage(number);
    });
}

async function main() {
    const { values: options } = parseArgs({ options: { case: { type: "string" }, count: { type: "string", default: "1000000" } } });
    if (options.case === "timers") return measureTimers(Number(options.count));
    return { chain_ns: await measureChain(), batch_ns: await measureBatch(), post_ns: await measurePost() };
}

if (isMainThread) main().then((results) => console.log(JSON.stringify(results)));
else postAll();
