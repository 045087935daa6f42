/** Every timeout and bound of the client. */
export const clientLimits = {
  /** A server that accepts no connection for this long is away; longer than two lost SYN packets need. */
  connectMs: 10_000,
  /** One answer that is not a stream. Kubernetes' own servers give up a request after 60 s. */
  requestMs: 65_000,
  /** Objects per page of a list, as kubectl asks for. */
  listPageSize: 500,
  /** One line of a watch: an object is at most some MiB, a table of rows never more than that. */
  watchLineBytesMax: 64 * 1024 * 1024,
  /** The body of an error that is kept for the message. */
  errorBodyBytesMax: 1024 * 1024,
  /** Requests in flight when a command touches many objects. More wait. */
  concurrency: 16,
  /** Logs read at the same time. More wait until one ends. */
  logStreams: 64,
  /** Pause before a broken watch is opened again. */
  rewatch: { initialMs: 200, factor: 2, maxMs: 10_000 },
} as const;
