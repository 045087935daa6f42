import type { Clock } from "../../kit/clock.ts";
import type { Log } from "../../kit/log.ts";
import type { Random } from "../../kit/random.ts";
import type { Backend } from "../backend/backend.ts";
import { QuestionBoard } from "./asking/question-board.ts";
import { watchSecrets } from "./metric-secrets.ts";
import type { MetricSources } from "./metric-watches.ts";
import { PrometheusSource } from "./prometheus/prometheus-source.ts";
import { RedisSource } from "./redis/redis-source.ts";
import { ScheduleSource } from "./schedule/schedule-source.ts";
import { ServerAddresses, systemNameLookup } from "./server-addresses.ts";
import { ServerPolicy, type ServerPattern } from "./server-policy.ts";

export interface AskedSourcesOptions {
  readonly backend: Backend;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Which servers may be asked. */
  readonly metricServers: readonly ServerPattern[];
}

/** Sources of metrics that others know: servers, which are asked, and the clock. */
export class AskedSources implements AsyncDisposable {
  readonly board: QuestionBoard;
  readonly sources: Required<Pick<MetricSources, "Prometheus" | "Redis" | "Schedule">>;
  readonly #closing = new AbortController();

  constructor({ backend, clock, random, log, metricServers }: AskedSourcesOptions) {
    const secrets = watchSecrets(backend, this.#closing.signal);
    const addresses = new ServerAddresses(new ServerPolicy(metricServers), clock, systemNameLookup);
    this.board = new QuestionBoard({ clock, random, log });
    const asking = { board: this.board, addresses, secrets, clock };
    this.sources = {
      Prometheus: new PrometheusSource(asking),
      Redis: new RedisSource(asking),
      Schedule: new ScheduleSource({ clock }),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    // What is under way uses the connections of the sources.
    await this.board[Symbol.asyncDispose]();
    await Promise.all(Object.values(this.sources).map((source) => source[Symbol.asyncDispose]()));
  }
}
