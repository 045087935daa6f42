/** Every bound of a link, and why it is what it is. */

/** Raised when a frame means something else; both ends say which ones they speak (see link-connection.ts). */
export const linkVersion = 2;
export const linkVersionMin = 1;
/** From this one on there are upgrades. One before would take them for requests whose body does not end. */
export const upgradeVersion = 2;

export const frameLimits = {
  /** Of a request's or an answer's head. Gateways allow less from clients; guests may not answer with more. */
  headBytesMax: 128 * 1024,
  /** Of a piece of a body: larger ones only keep other exchanges waiting. */
  dataBytesMax: 32 * 1024,
  /** Of the reason of a fault, and of what a hello may grow by. */
  smallBytesMax: 16 * 1024,
  /** Names, values and all else in one head. A header of HTTP has 100 lines, seldom more. */
  stringsMax: 8_192,
} as const;

export interface LinkLimits {
  /** Exchanges at once. The caller opens another connection for more. */
  readonly exchangesMax: number;
  /** What an exchange may be sent before anyone has consumed anything: most bodies whole. */
  readonly windowBytes: number;
  /** What a window grows to when much is sent: a round trip of 10 ms carries 25 MB/s. */
  readonly windowBytesMax: number;
  /** What all windows together may grow by. So a connection keeps at most exchangesMax * windowBytes and this. */
  readonly growthBytesMax: number;
  /** What waits for a slow reader before nothing more is begun: heads and faults, as bodies wait with whoever has made them. */
  readonly outputBytesMax: number;
  /** The other end says hello within this. */
  readonly helloMsMax: number;
  /** What is under way when a callee leaves may take so long: a link is not to outlive its certificate for as long as a WebSocket lasts. */
  readonly leaveMsMax: number;
}

export const defaultLinkLimits: LinkLimits = {
  exchangesMax: 1_000,
  windowBytes: 32 * 1024,
  windowBytesMax: 256 * 1024,
  growthBytesMax: 16 * 1024 * 1024,
  outputBytesMax: 1024 * 1024,
  helloMsMax: 5_000,
  // The longest that a template may give a request.
  leaveMsMax: 3_600_000,
};

/** No credit may exceed this, whatever the other end grants: what is sent has to be bounded here. */
export const creditBytesMax = 1024 * 1024;

/**
 * What each piece of a body takes of its window beside its bytes: a million pieces of one byte are a million buffers. The
 * receiver keeps some 200 bytes for each.
 */
export const pieceCharge = 256;

/** A piece that is smaller than half of the chunk it came in is copied out of it, so as not to keep it; not from chunks this small. */
export const chunkBytesKept = 1_024;

/** Written in one go at most; then the system gets it even before the turn is over. */
export const batchBytesMax = 256 * 1024;
/**
 * The same for many small frames. If both ends spoke once per turn only, all requests under way would go to and fro as one crowd, and each
 * end would be idle while the other works on it; a write costs some 5 µs, so that one for each frame would be worse again.
 */
export const batchFramesMax = 16;
/** Two of the largest pieces, and some small frames. */
export const slabBytes = 2 * frameLimits.dataBytesMax + 1_024;

/**
 * Frames that come too late for their exchange. They are nothing wrong, as they cross with what has ended it, but nobody
 * may send nothing else.
 */
export const lateFrames = {
  /** What was under way when one was cancelled: its window in the smallest pieces, and a few of the other kinds. */
  perExchange: 1_100,
  max: 100_000,
} as const;

/** For links between machines: a connection whose other end is gone is found after three to four of these. */
export const keepalive = {
  intervalMs: 1_500,
  silentMax: 3,
  /** Between two of our own looks. An honest end sends one. */
  pingsMax: 16,
} as const;
