/** Every bound and period of the daemon's part in serving, and why it is what it is. */
import type { BackoffLimits } from "../../kit/backoff.ts";

export const servingLimits = {
  /** A gateway that does not listen on its control socket after this long never will: it takes a tenth of a second. */
  startMs: 20_000,
  /** The same of one that an earlier daemon may have had no time to start at all. */
  findMs: 2_000,
  /** From a connection to the first word. */
  helloMs: 10_000,
  /** Between attempts to connect. */
  connectRetry: { initialMs: 10, factor: 1.3, maxMs: 500 } satisfies BackoffLimits,
  /** A gateway that hangs is found within twice this. Its event loop is never away for so long unless the machine is. */
  pingMs: 15_000,
  /** Between a gateway's end and the next start. The first is at once: clients wait. */
  restart: { initialMs: 50, factor: 2, maxMs: 10_000 } satisfies BackoffLimits,
  /** One that listened for so long was well: its end counts as the first again. */
  restartResetMs: 10_000,
  /** What one that is replaced may take for what it has under way. */
  handOverMs: 60_000,
  /** When the node goes: its instances have ended, so only what other nodes still answer is under way. */
  stopGraceMs: 2_000,
  /** After its grace, until it is killed. */
  overdueMs: 5_000,
  /** When a daemon starts, until the gateway listens; then the first session begins without its address, whatever the gateway does. */
  readyMs: 5_000,
  /** What may wait in memory for a gateway that does not read. Then its connection is closed, and it is told all anew. */
  unreadBytesMax: 64 * 2 ** 20,
  /** Gateway processes of one node at most. */
  workersMax: 16,
  /** Offices and carriers have many people behind one address; sixteen such addresses fill a gateway process. */
  connectionsPerClient: 1_024,
  /** One core is for the guests. Beyond four, a gateway is not what is scarce. */
  workersDefault: (cores: number) => Math.max(1, Math.min(4, cores - 1)),
  /** Between two times that counters are written down: so much is missing of a gateway that goes while no daemon is there. */
  saveFiguresMs: 10_000,
  /** A disk that refused is tried again after this long. */
  storeRetryMs: 1_000,
} as const;
