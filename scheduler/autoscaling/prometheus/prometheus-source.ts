/** Readings of PromQL queries. What is declared alike is asked once, for all autoscalers. */
import type { AutoscalerMetric, HeaderValue, SecretKey } from "../../../api/gen/kinds.gen.ts";
import { Bug } from "../../../kit/errors.ts";
import type { Clock } from "../../../kit/clock.ts";
import type { QuestionBoard } from "../asking/question-board.ts";
import { SharedServers } from "../asking/shared-servers.ts";
import { watchWithSecrets } from "../asking/watch-with-secrets.ts";
import type { MetricOwner, MetricSource, MetricWatch } from "../metric-source.ts";
import type { MetricSecrets } from "../metric-secrets.ts";
import type { ServerAddresses } from "../server-addresses.ts";
import { type PrometheusMetric, PrometheusServer, serverOfUrl } from "./prometheus-server.ts";
import { HttpPoster } from "./http-post.ts";
import { isOfNewestSamples, queryRangeMs } from "./query-range.ts";

export interface PrometheusSourceOptions {
  readonly board: QuestionBoard;
  readonly addresses: ServerAddresses;
  readonly secrets: MetricSecrets;
  readonly clock: Clock;
}

export class PrometheusSource implements MetricSource {
  readonly #options: PrometheusSourceOptions;
  readonly #poster = new HttpPoster();
  readonly #servers = new SharedServers<PrometheusServer>(() => {});

  constructor(options: PrometheusSourceOptions) {
    this.#options = options;
  }

  watch({ prometheus }: AutoscalerMetric, owner: MetricOwner, changed: () => void): MetricWatch {
    if (!prometheus) throw new Bug("a metric of type Prometheus has no field prometheus");
    const accessKey = accessKeyOf(prometheus, owner.namespace);
    const access = this.#servers.open(
      accessKey,
      () => new PrometheusServer(prometheus, owner.namespace, { ...this.#options, poster: this.#poster }),
    );
    const { query, intervalSeconds, timeoutSeconds, staleAfterSeconds } = prometheus;
    const asked = {
      query,
      timeoutSeconds,
      staleAfterMs: staleAfterSeconds * 1000,
      rangeMs: queryRangeMs(query),
      isOfNewestSamples: isOfNewestSamples(query),
    };
    const question = {
      key: JSON.stringify([accessKey, query, intervalSeconds, timeoutSeconds, staleAfterSeconds]),
      server: serverOfUrl(prometheus.serverURL)?.text ?? prometheus.serverURL,
      owner: owner.namespace,
      intervalMs: intervalSeconds * 1000,
      timeoutMs: timeoutSeconds * 1000,
      ask: (signal: AbortSignal) => access.server.ask(asked, signal),
    };
    const { board, secrets } = this.#options;
    const named = secretsOf(prometheus).map(({ name }) => name);
    const watch = watchWithSecrets(
      board,
      question,
      { secrets, namespace: owner.namespace, names: named },
      changed,
    );
    return {
      read: () => watch.read(),
      close: () => {
        watch.close();
        access.close();
      },
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#poster[Symbol.dispose]();
    return Promise.resolve();
  }
}

/** The same for all who speak to the server in the same way. Secrets are of a namespace: what names one is of it alone. */
function accessKeyOf(metric: PrometheusMetric, namespace: string): string {
  const { serverURL, tls, bearerTokenRef, basicAuth, headers = [] } = metric;
  return JSON.stringify([
    "prometheus",
    serverURL,
    tls ? [tls.serverName, tls.insecureSkipVerify, secretText(tls.caRef)] : [],
    secretText(bearerTokenRef),
    basicAuth ? [basicAuth.username, secretText(basicAuth.passwordRef)] : [],
    headers.map(({ name, value }: HeaderValue) => [name, value]),
    secretsOf(metric).length > 0 ? namespace : "",
  ]);
}

function secretText(reference: SecretKey | undefined): readonly string[] {
  return reference ? [reference.name, reference.key] : [];
}

function secretsOf({ tls, bearerTokenRef, basicAuth }: PrometheusMetric): readonly SecretKey[] {
  return [tls?.caRef, bearerTokenRef, basicAuth?.passwordRef].filter((one) => one !== undefined);
}
