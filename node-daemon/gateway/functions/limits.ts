/** Every bound of the service for calls, and why. HTTP/2's own are those of all clients: see ../limits.ts. */
export const functionLimits = {
  /** Clocks of machines differ. */
  leewayMs: 60_000,
  knownTicketsMax: 1_024,
  /** The largest that templates allow (64 MiB), and the rest of the request. */
  messageBytesMax: 64 * 1024 * 1024 + 16 * 1024,
  /** Of functions, which are identifiers in programs, and of seeds. */
  nameLengthMax: 1_024,
  /** Under way on one stream; a client that sends more waits. */
  callsPerStream: 256,
  /** Responses that a client does not read: until then no more of its calls are begun. */
  unreadBytes: 1024 * 1024,
  /** Of requests that are coming in or under way, of all clients; calls beyond are refused. */
  inputBytesInAll: 256 * 1024 * 1024,
  /** Of outputs until their clients have taken them; a call whose output finds no room fails. */
  outputBytesInAll: 256 * 1024 * 1024,
  /** On a connection: more than for browsers, as a program has but one. */
  streamsMax: 1_024,
  connectionsMax: 4_096,
  /** A connection without streams. */
  idleMs: 300_000,
} as const;
