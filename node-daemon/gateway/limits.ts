/** Every timeout and bound of a gateway, and why it is what it is. */
export const gatewayLimits = {
  /** Names, values and the request line of one request. Node's own is 16 KiB; tokens and cookies of some need more. */
  headerBytesMax: 32 * 1024,
  headersMax: 256,
  /** From a connection's start, or its next request's first byte, to the end of the headers: against those that send a byte now and then. */
  headersMs: 15_000,
  /** A client that is sending a body has to send something of it in this time. */
  bodySilenceMs: 30_000,
  /** Between two requests. Longer than load balancers keep theirs (60 s is usual), so that it is them who close. */
  keepAliveMs: 75_000,
  /** How often Node looks for connections that have passed these times. */
  connectionCheckMs: 1_000,
  /** What is read of a body that nobody wants any more, so that its sender gets to read the answer. */
  unwantedBodyBytesMax: 256 * 1024,
  unwantedBodyMs: 2_000,

  /** Kept of a body until the answer begins, so that the request can be sent elsewhere. Larger than a link's first window. */
  replayBytesMax: 64 * 1024,
  /** How exact deadlines are. */
  tickMs: 10,
  /** Requests that wait for a workload that wakes: as long as that may take with a module that is fetched first. */
  wakeMs: 60_000,
  /** … and for one that does not: a moment between two instances, or all set aside. */
  holdMs: 10_000,
  hold: {
    perWorkload: 1_024,
    inAll: 8_192,
    bytesInAll: 256 * 1024 * 1024,
  },
  /** A request's headers, and what the parsers read of a body before they are told to stop. */
  holdBytesEach: 8 * 1024,
  holdBodyBytesMax: 80 * 1024,
  /** A shim ends requests by itself; this much later the gateway does not believe in it any more. */
  shimGraceMs: 5_000,
  /** For requests to other nodes without a limit of their own: the longest that a template can give, and some. */
  remoteMs: 3_610_000,

  /** Connections that brought nothing since the gateway has begun to go. */
  finishIdleMs: 2_000,
  wakeRepeatMs: 1_000,
  figuresMs: 1_000,
} as const;
