/** Every bound and time of the client, and why. */
export const clientLimits = {
  /** Under way at once for one workload: as many as a gateway begins on one stream. */
  inFlight: 256,
  /** Of a call that found the queue of its instance full, after a pause each; and with how many under way it goes on then. */
  fullAttempts: 100,
  fullPauseMs: 20,
  inFlightMin: 8,
  /** With a connection each, of which a gateway lets an address have 1,024. Beyond that the one called longest ago goes, if it has no calls. */
  workloads: 256,
  /** Calls that wait for their turn; those beyond are rejected. */
  waiting: 20_000,
  /** To the API server for a ticket, while it says nothing. */
  ticketMs: 10_000,
  /** To a gateway until it answers, in the first round; twice as long in each later one, as it may only be slow. */
  connectMs: 2_000,
  /** Between rounds through all gateways. */
  pauseMs: 200,
  pauseMsMax: 2_000,
  /** Of all rounds together, before calls that wait are rejected: longer than a gateway takes that is started again. */
  openMs: 20_000,
  /** Rounds in which gateways did not take the ticket. */
  refusals: 4,
  /** A gateway that did not answer is tried after the others for so long. */
  shunMs: 30_000,
  /** A gateway that has been silent for so long, with calls under way, is asked whether it is there, and has as long to answer. */
  keepaliveMs: 10_000,
  /** A ticket is renewed when so much of its time is over; not sooner than this, whatever it says. */
  renewAt: 0.8,
  renewMsMin: 10_000,
  /** A gateway ends calls by itself; this much later it is not believed in any more. */
  graceMs: 5_000,
  /** As the service has it. */
  messageBytesMax: 64 * 1024 * 1024 + 16 * 1024,
  /** Of an input with the name of its function and its seed: the rest of a message is small. */
  callBytesMax: 64 * 1024 * 1024 + 8 * 1024,
  ticketBytesMax: 1024 * 1024,
  /** How much of an output may come in before it is read. */
  windowBytes: 4 * 1024 * 1024,
} as const;
