/** The bounds of fetching modules, with their reasons. */
const secondMs = 1000;
const mebibyte = 1024 * 1024;

export const imageLimits = {
  /** Some seven times the largest module seen (clang, 75 MB). */
  moduleBytesMax: 512 * mebibyte,
  /** Modules that nothing uses are dropped beyond this, the least recently used first. */
  cacheBytesMax: 4096 * mebibyte,
  /** Enough to fill a link; more would only share it. Further ones wait. */
  concurrencyMax: 4,
  /** A server that has sent nothing for so long will not. */
  idleMs: 30 * secondMs,
  /** The whole of one download: 512 MiB over a slow link. */
  totalMs: 600 * secondMs,
  /** As browsers and curl do, roughly. */
  redirectsMax: 5,
  /** Names that are told to the scheduler, which needs them for a preference only; more than a node has in use. */
  namesMax: 1_000,
  /** A thousand instances of one deployment arrive within seconds: their module is asked for once. */
  freshMs: 2 * secondMs,
} as const;
