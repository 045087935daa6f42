/** A Prometheus and how it is spoken to: its address, the credentials, and how it looks back. */
import type { AutoscalerMetric } from "../../../api/gen/kinds.gen.ts";
import { parseEndpoint } from "../../../api/network.ts";
import { isConnectionHeader, isHeaderName, isHeaderValue } from "../../../api/http-headers.ts";
import type { Clock } from "../../../kit/clock.ts";
import type { UnknownReason } from "../../core/autoscaling/reading.ts";
import { type Asked, unknown } from "../asking/question.ts";
import { raced } from "../asking/raced.ts";
import { type MetricSecrets, secretValue, type SecretValue } from "../metric-secrets.ts";
import type { ServerAddresses } from "../server-addresses.ts";
import { type MetricServer, serverText } from "../server-policy.ts";
import { readAnswer } from "./answer.ts";
import type { HttpPoster, Post } from "./http-post.ts";
import { type Lookback, lookbackKnownMs, lookbackProbe, readOwnLookbackMs, readProbe } from "./lookback.ts";

export type PrometheusMetric = NonNullable<AutoscalerMetric["prometheus"]>;

export interface PrometheusQuestion {
  readonly query: string;
  readonly timeoutSeconds: number;
  readonly staleAfterMs: number;
  readonly rangeMs: number;
  readonly isOfNewestSamples: boolean;
}

export interface PrometheusServerOptions {
  readonly addresses: ServerAddresses;
  readonly secrets: MetricSecrets;
  readonly clock: Clock;
  readonly poster: HttpPoster;
}

export interface PrometheusUrl {
  readonly url: URL;
  readonly server: MetricServer;
  readonly text: string;
}

/** undefined: it is no address of a server, as validation says in words. */
export function serverOfUrl(text: string): PrometheusUrl | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || (url.protocol !== "http:" && url.protocol !== "https:")) return undefined;
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") return undefined;
  const scheme = url.protocol === "https:" ? "https" : "http";
  const defaultPort = scheme === "https" ? "443" : "80";
  // As the policy writes hosts, so that none of them has two names.
  const endpoint = parseEndpoint(`${url.hostname}:${url.port === "" ? defaultPort : url.port}`);
  if (!endpoint || endpoint.host === "*" || endpoint.port === 0) return undefined;
  const server = { scheme, ...endpoint } as const;
  return { url, server, text: serverText(server) };
}

class Misdeclared extends Error {}

export class PrometheusServer {
  readonly #metric: PrometheusMetric;
  readonly #namespace: string;
  readonly #options: PrometheusServerOptions;
  #lookback: { readonly lookback: Lookback; readonly untilMs: number } | undefined;

  constructor(metric: PrometheusMetric, namespace: string, options: PrometheusServerOptions) {
    this.#metric = metric;
    this.#namespace = namespace;
    this.#options = options;
  }

  async ask(question: PrometheusQuestion, signal: AbortSignal): Promise<Asked> {
    const { serverURL } = this.#metric;
    const at = serverOfUrl(serverURL);
    if (!at)
      return notAsked("Misdeclared", `serverURL ${JSON.stringify(serverURL)} is no address of a server`);
    const addresses = await raced(this.#options.addresses.of(at.server), signal);
    if (addresses.kind === "forbidden") return notAsked("Forbidden", addresses.message);
    if (addresses.kind !== "found")
      return { kind: "unanswered", reading: unknown("Unreachable", addresses.message), isDown: true };
    let post: Omit<Post, "body">;
    try {
      post = this.#post(at, addresses.addresses);
    } catch (thrown) {
      if (thrown instanceof Misdeclared) return notAsked("Misdeclared", thrown.message);
      throw thrown;
    }
    const lookback = await this.#knownLookback(post, signal);
    return this.#askQuery({ question, post, lookback }, signal);
  }

  async #askQuery(
    asked: {
      readonly question: PrometheusQuestion;
      readonly post: Omit<Post, "body">;
      readonly lookback: Lookback;
    },
    signal: AbortSignal,
  ): Promise<Asked> {
    const { question, post, lookback } = asked;
    const { clock, poster } = this.#options;
    const { query, timeoutSeconds, staleAfterMs, rangeMs } = question;
    const fields: Record<string, string> = { query, timeout: `${timeoutSeconds}s` };
    let aheadMs = 0;
    if (lookback.kind === "parameter") fields["lookback_delta"] = `${staleAfterMs / 1000}s`;
    if (lookback.kind === "own" && question.isOfNewestSamples && lookback.ms > staleAfterMs) {
      aheadMs = lookback.ms - staleAfterMs;
      const serverMs = clock.now() + lookback.serverAheadMs;
      fields["time"] = ((serverMs + aheadMs) / 1000).toFixed(3);
    }
    const posted = await poster.post({ ...post, body: new URLSearchParams(fields).toString() }, signal);
    if (posted.kind === "failed") return posted.asked;
    return readAnswer(post.server, posted.answer, { nowMs: clock.now(), aheadMs, staleAfterMs, rangeMs });
  }

  /** Asked at first and now and then. A server that refuses the question is asked again with the next query. */
  async #knownLookback(post: Omit<Post, "body">, signal: AbortSignal): Promise<Lookback> {
    const { clock, poster } = this.#options;
    const nowMs = clock.monotonic();
    if (this.#lookback && nowMs < this.#lookback.untilMs) return this.#lookback.lookback;
    const body = new URLSearchParams(lookbackProbe).toString();
    const posted = await poster.post({ ...post, body }, signal);
    const probe = posted.kind === "answer" ? readProbe(posted.answer) : undefined;
    if (!probe || probe.kind === "other") return { kind: "unknown" };
    const lookback =
      probe.kind === "parameter"
        ? probe
        : await this.#ownLookback(post, probe.serverMs - clock.now(), signal);
    this.#lookback = { lookback, untilMs: nowMs + lookbackKnownMs };
    return lookback;
  }

  async #ownLookback(
    post: Omit<Post, "body">,
    serverAheadMs: number,
    signal: AbortSignal,
  ): Promise<Lookback> {
    const url = new URL("status/flags", post.url);
    const flags = await this.#options.poster.post({ ...post, method: "GET", url, body: "" }, signal);
    const ms = flags.kind === "answer" ? readOwnLookbackMs(flags.answer) : undefined;
    return ms === undefined ? { kind: "unknown" } : { kind: "own", ms, serverAheadMs };
  }

  #post({ url, text }: PrometheusUrl, addresses: readonly string[]): Omit<Post, "body"> {
    const { tls, headers = [] } = this.#metric;
    const ca = tls?.caRef && this.#secret(tls.caRef);
    const own: Record<string, string> = {};
    for (const { name, value } of headers) {
      const lower = name.toLowerCase();
      if (!isHeaderName(name) || !isHeaderValue(value) || isConnectionHeader(name) || lower === "host")
        throw new Misdeclared(`the header ${JSON.stringify(name)} cannot be sent`);
      own[lower] = value;
    }
    return {
      server: text,
      url: queryUrl(url),
      addresses,
      headers: {
        ...own,
        ...this.#authorization(),
        accept: "application/json",
        "accept-encoding": "identity",
        "content-type": "application/x-www-form-urlencoded",
        "user-agent": "wherry-scheduler",
      },
      tls: {
        ca,
        serverName: tls?.serverName,
        insecureSkipVerify: tls?.insecureSkipVerify ?? false,
      },
    };
  }

  #authorization(): Readonly<Record<string, string>> {
    const { bearerTokenRef, basicAuth } = this.#metric;
    if (bearerTokenRef) {
      const token = this.#secret(bearerTokenRef).trim();
      if (!/^[\x21-\x7e]+$/.test(token))
        throw new Misdeclared(
          `Secret ${bearerTokenRef.name}: what its key ${bearerTokenRef.key} has is no token`,
        );
      return { authorization: `Bearer ${token}` };
    }
    if (!basicAuth) return {};
    const password = this.#secret(basicAuth.passwordRef).replace(/\r?\n$/, "");
    const encoded = Buffer.from(`${basicAuth.username}:${password}`).toString("base64");
    return { authorization: `Basic ${encoded}` };
  }

  #secret(reference: Parameters<typeof secretValue>[2]): string {
    const value: SecretValue = secretValue(this.#options.secrets, this.#namespace, reference);
    if (value.kind === "missing") throw new Misdeclared(value.message);
    return value.value;
  }
}

function notAsked(reason: UnknownReason, message: string): Asked {
  return { kind: "notAsked", reading: unknown(reason, message) };
}

/** Below the path that the server is served at: http://host/prometheus has its API at /prometheus/api/v1. */
function queryUrl(base: URL): URL {
  return new URL(`${base.pathname.replace(/\/+$/, "")}/api/v1/query`, base);
}
