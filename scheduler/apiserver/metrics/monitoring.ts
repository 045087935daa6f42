import type { ScrapedNode } from "./scrape-targets.ts";

/** What the rest of the scheduler has for Prometheus. */
export interface Monitoring {
  /** Series in its text format, of other names than the API server's. */
  text(): Promise<string>;
  /** Those that say where their metrics are read. */
  nodes(): Iterable<ScrapedNode>;
}
