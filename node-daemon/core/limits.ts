/** Every time, size and count that the daemon holds to, with its reason. */
import type { BackoffLimits } from "../../kit/backoff.ts";

const secondMs = 1000;
const minuteMs = 60 * secondMs;
const mebibyte = 1024 * 1024;

/**
 * Between the end of a run and the next. Kubernetes begins at 10 s because a container is dear to start; an instance
 * takes microseconds, so 1 s is enough to keep a crashing guest from mattering. The cap is Kubernetes'.
 */
export const crashBackoff: BackoffLimits = { initialMs: secondMs, factor: 2, maxMs: 5 * minuteMs };

/** A run that lasted this long was healthy, so its end counts as the first again: as in Kubernetes. */
export const backoffResetMs = 10 * minuteMs;

/** Between attempts to get a module or a mount. Capped lower than crashes: people wait for a file or a server they just mended. */
export const setupBackoff: BackoffLimits = { initialMs: secondMs, factor: 2, maxMs: minuteMs };

/** What a guest's memory may grow to when its template names neither limit nor larger request: what most toolchains' programs fit into. */
export const memoryBytesDefault = 256 * mebibyte;

/** WebAssembly's 32-bit address space; a larger limit grants no more. */
export const memoryBytesMax = 4 * 1024 * mebibyte;

/** Messages go over the wire and into tables; a wasm stack fits, a dump does not. */
export const messageCharsMax = 4096;

/**
 * How far the status sequence jumps when a daemon restarts. Only changes that a restart must know are written to disk, and
 * between two of them lie at most a handful that are not, so no reported number comes twice.
 */
export const sequenceJump = 1024;

/** How many instances may resolve their mounts at once: file calls beyond the four threads of Node's pool only queue. */
export const mountConcurrencyMax = 16;

/** Instances begun anew at a time because their process is to go: each is away for a moment, and its neighbours are not. */
export const replacementsAtOnceMax = 16;

/** Status changes wait this long for company, so that a thousand starts are a few messages. */
export const statusDelayMs = 20;

/** How often changed usage is sent: what an autoscaler or `top` can make use of. */
export const usageIntervalMs = 10 * secondMs;
/** As often as gateways say what they have counted. */
export const trafficIntervalMs = 1 * secondMs;

/** Between attempts to reach the scheduler; jittered, because all nodes lose it at the same moment. */
export const reconnectBackoff: BackoffLimits = { initialMs: 100, factor: 2, maxMs: 10 * secondMs };

/** Without a session for so long, the node wakes by itself what it has run. A scheduler that starts again is back sooner, and knows more. */
export const localWakeAfterMs = secondMs;

/** A scheduler that accepts the connection and then says nothing is as good as none. */
export const welcomeTimeoutMs = 10 * secondMs;

/** HTTP/2 pings find a peer that vanished without a word; the answer may take a slow event loop's time. */
export const keepalive = { intervalMs: 10 * secondMs, timeoutMs: 10 * secondMs };

/** What a drain may take in all; below the 30 s that service managers and Kubernetes grant. */
export const drainMsMax = 25 * secondMs;

/** After a drain, how long the last statuses may take to reach the scheduler. */
export const farewellMsMax = 2 * secondMs;

/** Readers of logs at once; each holds a file, a watch and a call. More are refused. */
export const logReadersMax = 256;

/** What an instance takes of a node's 65,530 memory mappings and of its memory lets two shims of 8,000 live beside each other. */
export const instancesDefault = 16_000;

/**
 * A process with a small instance takes some 60 MiB. Beyond some hundreds the machine's own bookkeeping (a dozen threads each)
 * is felt, and who wants more has reason to say so.
 */
export const processesDefault = { memoryBytesEach: 64 * mebibyte, most: 512 };

/** Memory that the daemon, its shims' own heaps and the operating system need, as a share and at least. */
export const reservedMemory = { share: 0.1, bytesMin: 512 * mebibyte };
