/** Every timeout and bound of a gateway, and why it is what it is. */
export const gatewayLimits = {
  /** Each costs some 30 µs, and anybody can ask for it. */
  tracedPerSecondMax: 1_000,
  /** Names, values and the request line of one request. Node's own is 16 KiB; tokens and cookies of some need more. */
  headerBytesMax: 32 * 1024,
  headersMax: 256,
  /** From a connection's start, or its next request's first byte, to the end of the headers: against those that send a byte now and then. */
  headersMs: 15_000,
  /** A client that is sending a body has to send something of it in this time. */
  bodySilenceMs: 30_000,
  /** Of a body, before an instance is asked: a connection that brings it slowly is not to keep an instance from others. */
  gather: {
    /** All of it, or so much: what most bodies are shorter than. */
    bytes: 64 * 1024,
    /** By then: as those of headers are, and for 2 KiB a second. */
    ms: 30_000,
    /** Of unknown length: its sender may want to hear something before it says more. */
    unknownMs: 250,
  },
  /** Of bodies that are gathered; beyond that instances get them as they come. Requests that are held may take twice as much. */
  bufferBytesMax: 128 * 1024 * 1024,
  /** Between two requests. Longer than load balancers keep theirs (60 s is usual), so that it is them who close. */
  keepAliveMs: 75_000,
  /** How often Node looks for connections that have passed these times. */
  connectionCheckMs: 1_000,
  /** Requests on one connection of HTTP/1.1 that are not answered yet. Hardly a client sends a second one. */
  pipelinedMax: 64,
  /** An answer that is ready and that its client does not read. */
  unreadMs: 60_000,
  /** Of an answer. */
  answerHeaderBytesMax: 64 * 1024,
  /** What is read of a body that nobody wants any more, so that its sender gets to read the answer. */
  unwantedBodyBytesMax: 256 * 1024,
  unwantedBodyMs: 2_000,

  http2: {
    /** At once on one connection, as RFC 9113 5.1.2 advises at least. */
    streamsMax: 128,
    /** Of a request's body on its way; and of all of a connection. */
    windowBytes: 128 * 1024,
    sessionWindowBytes: 512 * 1024,
    /** What one connection may take here: queued frames, headers, streams. */
    sessionMegabytes: 10,
    invalidFramesMax: 100,
    /** Streams that a client begins and resets cost it nothing. Programs that cancel much do not come near this. */
    resetBurst: 500,
    resetsPerSecond: 50,
    /** Pings and settings, which have to be answered. gRPC pings once for each round trip at most. */
    control: { perWindow: 1_000, windowMs: 10_000 },
    /** Between the two GOAWAY of RFC 9113 6.8: a round trip of anyone. */
    leaveMs: 1_000,
  },

  /** Towards an instance that is a server. */
  listener: {
    /** For requests; and as many that were upgraded, each of which has one of its own. */
    connectionsMax: 1_024,
    keptMax: 64,
    /** Shorter than servers keep theirs: Node's own is 5 s, so that one is seldom closed under a request. */
    keptMs: 4_000,
    /** Of an answer, or of what follows an upgrade, that the client has not read yet. */
    windowBytes: 256 * 1024,
  },

  /** Of a function's output, which is handed over whole. */
  callOutputBytesMax: 64 * 1024 * 1024,

  /**
   * Kept of a body until the answer begins, so that the request can be sent elsewhere. A link's first window, and what parsers hand over
   * in one piece (64 KiB) before they are told to stop: so whoever has taken no more than that has always been sent all that is kept.
   */
  replayBytesMax: 128 * 1024,
  /** Between two lines of the log about the answers of one workload. */
  warnMs: 10_000,
  /** How exact deadlines are. */
  tickMs: 10,
  /** Requests that wait for a workload that wakes: as long as that may take with a module that is fetched first. */
  wakeMs: 60_000,
  /** … and for one that does not: a moment between two instances, or all set aside. */
  holdMs: 10_000,
  hold: {
    perWorkload: 1_024,
    inAll: 8_192,
  },
  /** A request's headers, and what the parsers read of a body before they are told to stop. */
  holdBytesEach: 8 * 1024,
  holdBodyBytesMax: 80 * 1024,
  /** Of an answer that has begun, where the daemon has said nothing: as templates have it that say nothing. */
  idleMs: 60_000,
  /** A shim ends requests by itself; this much later the gateway does not believe in it any more. */
  shimGraceMs: 5_000,
  /** For requests to other nodes without a limit of their own: the longest that a template can give, and some. */
  remoteMs: 3_610_000,

  /** Before a gateway that goes cuts off what is left, those that wait for an instance are told that there is none. */
  lastAnswersMs: 500,
  /** Connections that brought nothing since the gateway has begun to go. */
  finishIdleMs: 2_000,
  wakeRepeatMs: 1_000,
  figuresMs: 1_000,
  /** Instances of a workload in its figures: a message has to fit a frame. A node has 16,000 in all unless it is told otherwise. */
  loadsMax: 20_000,
} as const;
