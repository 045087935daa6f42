/** A Redis and how it is spoken to. */
import type { AutoscalerMetric } from "../../../api/gen/kinds.gen.ts";
import { parseEndpoint } from "../../../api/network.ts";
import type { Clock, Timer } from "../../../kit/clock.ts";
import { errorCode, errorMessage } from "../../../kit/errors.ts";
import type { Reading, UnknownReason } from "../../core/autoscaling/reading.ts";
import { type Asked, unknown } from "../asking/question.ts";
import { raced } from "../asking/raced.ts";
import { foreignText } from "../foreign-text.ts";
import { type MetricSecrets, secretValue } from "../metric-secrets.ts";
import { connectionFailure, type Tls } from "../pinned-connection.ts";
import type { ServerAddresses } from "../server-addresses.ts";
import { type MetricServer, serverText } from "../server-policy.ts";
import { isReplyError, RedisConnection, type RedisTarget } from "./redis-connection.ts";
import { readLength, readLag } from "./replies.ts";

export type RedisMetric = NonNullable<AutoscalerMetric["redis"]>;
export type RedisQuestion = Pick<RedisMetric, "list" | "stream">;

export interface RedisServerOptions {
  readonly addresses: ServerAddresses;
  readonly secrets: MetricSecrets;
  readonly clock: Clock;
}

/** A connection that nothing is asked through for so long is closed. */
const idleMs = 120_000;

/** undefined: it is no HOST:PORT. */
export function serverOfAddress({
  address,
  tls,
}: Pick<RedisMetric, "address" | "tls">): MetricServer | undefined {
  const endpoint = parseEndpoint(address);
  if (!endpoint || endpoint.host === "*" || endpoint.port === 0) return undefined;
  return { scheme: tls ? "rediss" : "redis", ...endpoint };
}

interface Credentials {
  readonly password: string | undefined;
  readonly tls: Tls | undefined;
}

export class RedisServer implements Disposable {
  readonly #metric: RedisMetric;
  readonly #namespace: string;
  readonly #options: RedisServerOptions;
  #connection: { readonly of: string; readonly opened: Promise<RedisConnection> } | undefined;
  #idle: Timer | undefined;

  constructor(metric: RedisMetric, namespace: string, options: RedisServerOptions) {
    this.#metric = metric;
    this.#namespace = namespace;
    this.#options = options;
  }

  async ask(question: RedisQuestion, signal: AbortSignal): Promise<Asked> {
    const server = serverOfAddress(this.#metric);
    if (!server)
      return notAsked("Misdeclared", `address ${JSON.stringify(this.#metric.address)} is no HOST:PORT`);
    const addresses = await raced(this.#options.addresses.of(server), signal);
    if (addresses.kind === "forbidden") return notAsked("Forbidden", addresses.message);
    if (addresses.kind !== "found")
      return { kind: "unanswered", reading: unknown("Unreachable", addresses.message), isDown: true };
    const credentials = this.#credentials();
    if (typeof credentials === "string") return notAsked("Misdeclared", credentials);
    const { username, database } = this.#metric;
    const target = { ...server, ...addresses, ...credentials, username, database };
    try {
      const connection = await this.#open(target, signal);
      return { kind: "answered", reading: await this.#read(connection, question, signal) };
    } catch (thrown) {
      return failure(serverText(server), thrown);
    } finally {
      this.#rest();
    }
  }

  [Symbol.dispose](): void {
    this.#idle?.cancel();
    this.#close();
  }

  async #read(connection: RedisConnection, question: RedisQuestion, signal: AbortSignal): Promise<Reading> {
    const { list, stream } = question;
    const nowMs = this.#options.clock.now();
    if (list) return readLength(await connection.call(signal, "LLEN", list.key), nowMs);
    if (!stream) return unknown("Misdeclared", "neither list nor stream is set");
    try {
      return readLag(await connection.call(signal, "XINFO", "GROUPS", stream.key), stream, nowMs);
    } catch (thrown) {
      if (isReplyError(thrown) && thrown.message.startsWith("ERR no such key"))
        return unknown("NoData", `there is no stream ${JSON.stringify(foreignText(stream.key, 100))}`);
      throw thrown;
    }
  }

  /** One connection for all who ask at once, of the credentials as they are now. */
  async #open(target: RedisTarget, signal: AbortSignal): Promise<RedisConnection> {
    // Name servers tell the same addresses in another order each time.
    const of = JSON.stringify([target.addresses.toSorted(), target.password, target.tls]);
    const now = this.#connection;
    if (now?.of === of) {
      const connection = await raced(now.opened, signal);
      if (!connection.isClosed) return connection;
    }
    if (this.#connection === now || this.#connection === undefined) {
      this.#close();
      const opened = RedisConnection.open(target, signal);
      const next = { of, opened };
      this.#connection = next;
      opened.catch(() => {
        if (this.#connection === next) this.#connection = undefined;
      });
    }
    return raced(this.#connection.opened, signal);
  }

  #close(): void {
    const { opened } = this.#connection ?? {};
    this.#connection = undefined;
    opened?.then(
      (connection) => connection[Symbol.dispose](),
      () => {},
    );
  }

  #rest(): void {
    this.#idle?.cancel();
    this.#idle = this.#options.clock.setTimer(idleMs, () => this.#close());
  }

  /** Text: what is missing. */
  #credentials(): Credentials | string {
    const { passwordRef, tls } = this.#metric;
    const { secrets } = this.#options;
    const password = passwordRef && secretValue(secrets, this.#namespace, passwordRef);
    if (password?.kind === "missing") return password.message;
    const ca = tls?.caRef && secretValue(secrets, this.#namespace, tls.caRef);
    if (ca?.kind === "missing") return ca.message;
    return {
      // Whoever makes a Secret of a file has the end of its last line in it.
      password: password?.value.replace(/\r?\n$/, ""),
      tls: tls && { ca: ca?.value, serverName: tls.serverName, insecureSkipVerify: tls.insecureSkipVerify },
    };
  }
}

function notAsked(reason: UnknownReason, message: string): Asked {
  return { kind: "notAsked", reading: unknown(reason, message) };
}

/** While it starts, fails over or is busy with a script, a server does not answer, whatever it says. */
const passingPattern = /^(LOADING|BUSY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN)\b/;

function failure(server: string, thrown: unknown): Asked {
  if (errorCode(thrown) === "MalformedReply")
    return { kind: "answered", reading: unknown("Malformed", `${server} ${errorMessage(thrown)}`) };
  if (!isReplyError(thrown)) return connectionFailure(server, thrown);
  const message = `${server} says: ${foreignText(thrown.message)}`;
  if (passingPattern.test(thrown.message))
    return { kind: "unanswered", reading: unknown("Unreachable", message), isDown: false };
  const hint = thrown.message.startsWith("MOVED ")
    ? "; that is not followed: write the address of the server that has the key"
    : "";
  return { kind: "answered", reading: unknown("Refused", `${message}${hint}`) };
}
