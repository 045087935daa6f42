/** Every bound and period of the process, and why it is what it is. */
import type { BackoffLimits } from "../../../kit/backoff.ts";

export const processLimits = {
  /** A port that was just given up is free again in a moment; somebody else's is not soon. */
  listenRetry: { initialMs: 20, factor: 2, maxMs: 1_000 } satisfies BackoffLimits,
  /** What changed is told as often: what a person or an autoscaler can make use of. */
  figuresMs: 1_000,
  /** Of so many rounds of figures one says how the process itself is: Prometheus asks every 15 s or so. */
  processEvery: 5,
  /** Nobody has told it anything, and nobody is there who could: whoever started it is gone. */
  untaughtMs: 60_000,
  /** Told to go by a signal, not by its daemon. */
  signalGraceMs: 10_000,
  /** What the system may keep for a process that is busy for a moment; it allows no more than its own limit. */
  backlog: 4_096,
  /** Of each listening socket: descriptors and memory end somewhere. Those beyond are closed at once. */
  connectionsMax: 16_384,
  /** Of a port range: a wider one is a mistake. */
  portsMax: 1_024,
} as const;
