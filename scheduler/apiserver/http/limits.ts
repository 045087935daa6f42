/** Every limit of the HTTP surface, with its reason. */
export const limits = {
  /** Selectors and field lists fit; floods do not. */
  headerBytesMax: 64 * 1024,
  headersMax: 100,
  /** Time for a client to send its headers, and the whole of its request. */
  handshakeTimeoutMs: 10_000,
  headersTimeoutMs: 15_000,
  requestTimeoutMs: 60_000,
  /** Longer than any client keeps an idle connection, so that the client is the one to close it. */
  keepAliveTimeoutMs: 95_000,
  /** Refused beyond by closing at once. One address leaves room for others. */
  connectionsMax: 10_000,
  connectionsOfAddressMax: 8_000,
  /** What the kernel keeps while we are busy. */
  backlog: 1_024,
  /** A handshake takes about a millisecond of the one thread; what else comes waits, but not for a client that stalls. */
  handshakesMax: 16,
  handshakeMs: 250,
  connectionsWaitingMax: 10_000,
  /** Requests that run at the same time. More than the commits of one transaction need, far less than memory allows. */
  seats: 256,
  /** Of one user and of one flow: so that slow requests of one client leave room. */
  seatsOfUser: 192,
  seatsOfFlow: 128,
  /** Requests that wait for a seat. As Kubernetes' queues of 50 for each of a flow's eight hands, and some more. */
  queuedOfFlow: 1_000,
  queuedOfUser: 5_000,
  queued: 10_000,
  /** Refusals that clients are told of: a thousand per second, which takes a tenth of the one thread. */
  refusals: 20,
  refusalIntervalMs: 20,
  /** Refused requests that wait to be told so. A connection has one of them. */
  refusalsWaiting: 10_000,
  /** How long requests are begun in one turn of the event loop; then controllers and sessions have theirs. */
  turnMs: 5,
  /** Logs that are being read, in all and by one user. */
  streamsMax: 1_000,
  streamsOfUserMax: 500,
  /** Bodies that arrive or are worked on. One may have 3 MiB; most have a few KiB. */
  bodies: { bytes: 512 * 1024 * 1024, bytesOfUser: 192 * 1024 * 1024 },
  /** Answers that their clients have not taken yet, and for how long at most. */
  answers: { bytes: 512 * 1024 * 1024, bytesOfUser: 192 * 1024 * 1024, ageMs: 300_000 },
  /** How long a stop waits for requests in flight. */
  drainTimeoutMs: 5_000,
} as const;
