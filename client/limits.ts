/** Every bound and time of the client, and why. */
export const clientLimits = {
  /** Under way at once for one workload: as many as a gateway begins on one stream. */
  inFlight: 256,
  /** Of a call that found the queue of its instance full, after a pause each; and with how many under way it goes on then. */
  fullAttempts: 100,
  fullPauseMs: 20,
  inFlightMin: 8,
  /** Calls that wait for their turn; those beyond are rejected. */
  waiting: 20_000,
  /** To the API server for a ticket, and to a gateway until it answers. */
  connectMs: 10_000,
  /** Rounds through all gateways, before calls that wait are rejected; and the pauses between them. */
  rounds: 4,
  pauseMs: 200,
  pauseMsMax: 2_000,
  /** A ticket is renewed when so much of its time is over. */
  renewAt: 0.8,
  /** A gateway ends calls by itself; this much later it is not believed in any more. */
  graceMs: 5_000,
  /** As the service has it. */
  messageBytesMax: 64 * 1024 * 1024 + 16 * 1024,
  ticketBytesMax: 1024 * 1024,
  /** How much of an output may come in before it is read. */
  windowBytes: 4 * 1024 * 1024,
} as const;
