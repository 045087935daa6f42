/** Readings of what waits in Redis. What is declared alike is asked once, over one connection for each server, credentials and database. */
import type { AutoscalerMetric, SecretKey } from "../../../api/gen/kinds.gen.ts";
import type { Clock } from "../../../kit/clock.ts";
import { Bug } from "../../../kit/errors.ts";
import type { QuestionBoard } from "../asking/question-board.ts";
import { SharedServers } from "../asking/shared-servers.ts";
import { watchWithSecrets } from "../asking/watch-with-secrets.ts";
import type { MetricOwner, MetricSource, MetricWatch } from "../metric-source.ts";
import type { MetricSecrets } from "../metric-secrets.ts";
import type { ServerAddresses } from "../server-addresses.ts";
import { serverText } from "../server-policy.ts";
import { type RedisMetric, RedisServer, serverOfAddress } from "./redis-server.ts";

export interface RedisSourceOptions {
  readonly board: QuestionBoard;
  readonly addresses: ServerAddresses;
  readonly secrets: MetricSecrets;
  readonly clock: Clock;
}

export class RedisSource implements MetricSource {
  readonly #options: RedisSourceOptions;
  readonly #servers = new SharedServers<RedisServer>((server) => server[Symbol.dispose]());

  constructor(options: RedisSourceOptions) {
    this.#options = options;
  }

  watch({ redis }: AutoscalerMetric, owner: MetricOwner, changed: () => void): MetricWatch {
    if (!redis) throw new Bug("a metric of type Redis has no field redis");
    const { namespace } = owner;
    const accessKey = accessKeyOf(redis, namespace);
    const access = this.#servers.open(accessKey, () => new RedisServer(redis, namespace, this.#options));
    const { list, stream, intervalSeconds, timeoutSeconds } = redis;
    const server = serverOfAddress(redis);
    const question = {
      key: JSON.stringify([
        accessKey,
        list ? [list.key] : [],
        stream ? [stream.key, stream.group] : [],
        intervalSeconds,
        timeoutSeconds,
      ]),
      server: server ? serverText(server) : redis.address,
      owner: namespace,
      intervalMs: intervalSeconds * 1000,
      timeoutMs: timeoutSeconds * 1000,
      ask: (signal: AbortSignal) => access.server.ask(redis, signal),
    };
    const { board, secrets } = this.#options;
    const names = secretsOf(redis).map(({ name }) => name);
    const watch = watchWithSecrets(board, question, { secrets, namespace, names }, changed);
    return {
      read: () => watch.read(),
      close: () => {
        watch.close();
        access.close();
      },
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#servers[Symbol.dispose]();
    return Promise.resolve();
  }
}

function accessKeyOf(metric: RedisMetric, namespace: string): string {
  const { address, database, username, passwordRef, tls } = metric;
  return JSON.stringify([
    "redis",
    address,
    database,
    username ?? null,
    passwordRef ? [passwordRef.name, passwordRef.key] : [],
    tls ? [tls.serverName, tls.insecureSkipVerify, tls.caRef?.name, tls.caRef?.key] : null,
    secretsOf(metric).length > 0 ? namespace : "",
  ]);
}

function secretsOf({ tls, passwordRef }: RedisMetric): readonly SecretKey[] {
  return [tls?.caRef, passwordRef].filter((one) => one !== undefined);
}
