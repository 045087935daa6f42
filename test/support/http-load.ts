/**
 * Load at a bounded rate that notices everything: each answer that is not the right one, each connection that breaks, with the time and
 * the reason. Nothing is tried twice, but what the protocol itself says was not begun.
 *
 * Three kinds of clients take turns: such as keep their connection, such as open one for each request, and such as speak HTTP/2.
 */
import { Agent } from "node:http";
import { connect, constants, type ClientHttp2Session } from "node:http2";
import { once } from "node:events";
import { ask, type Answer, type Asked } from "./requests.ts";

export type ClientKind = "kept" | "new" | "h2";

export interface LoadOptions {
  /** Of gateways; clients take turns. */
  readonly urls: readonly string[];
  /** Requests, taken in turn by each client. */
  readonly asked: readonly Asked[];
  /** What a right answer is. */
  readonly isRight?: (body: string) => boolean;
  readonly kinds?: readonly ClientKind[];
  readonly clients?: number;
  readonly requestsPerSecond?: number;
}

export interface Failure {
  /** Since the load began, as `atMs`. */
  readonly askedMs: number;
  readonly atMs: number;
  readonly client: ClientKind;
  readonly method: string;
  readonly what: string;
}

export interface LoadReport {
  readonly requests: number;
  readonly failures: readonly Failure[];
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly worstMs: number;
}

const failuresMax = 50;
const answerMsMax = 30_000;

export class HttpLoad {
  readonly #options: LoadOptions;
  readonly #everyMs: number;
  readonly #beganMs = performance.now();
  readonly #failures: Failure[] = [];
  readonly #times: number[] = [];
  readonly #running: readonly Promise<void>[];
  #isStopped = false;

  constructor(options: LoadOptions) {
    this.#options = options;
    const { kinds = ["kept", "new", "h2"], clients = 6, requestsPerSecond = 200, urls } = options;
    this.#everyMs = (clients / requestsPerSecond) * 1000;
    this.#running = Array.from({ length: clients }, (_, index) => {
      const kind = kinds[index % kinds.length] ?? "kept";
      // All kinds ask at all places.
      return this.#run(kind, urls[Math.floor(index / kinds.length) % urls.length] ?? "", index);
    });
  }

  /** Since it began. */
  get nowMs(): number {
    return Math.round(performance.now() - this.#beganMs);
  }

  get requests(): number {
    return this.#times.length;
  }

  get failures(): readonly Failure[] {
    return this.#failures;
  }

  /** So many more are answered. */
  async more(requests: number): Promise<void> {
    const before = this.requests;
    while (this.requests < before + requests && this.#failures.length < failuresMax) {
      await new Promise((settle) => setTimeout(settle, 20));
    }
  }

  async stop(): Promise<LoadReport> {
    this.#isStopped = true;
    await Promise.all(this.#running);
    const sorted = this.#times.toSorted((a, b) => a - b);
    const at = (fraction: number) =>
      Math.round((sorted[Math.floor(sorted.length * fraction)] ?? 0) * 10) / 10;
    return {
      requests: sorted.length,
      failures: this.#failures,
      p50Ms: at(0.5),
      p99Ms: at(0.99),
      worstMs: at(1 - 1 / (sorted.length + 1)),
    };
  }

  async #run(kind: ClientKind, url: string, index: number): Promise<void> {
    const { asked } = this.#options;
    using client = clientOf(kind, url);
    let nextMs = this.#beganMs + (index * this.#everyMs) / 8;
    for (let turn = index; !this.#isStopped && this.#failures.length < failuresMax; turn++) {
      const waitMs = nextMs - performance.now();
      if (waitMs > 0) await new Promise((settle) => setTimeout(settle, waitMs));
      // Who is late does not catch up: it would be a burst.
      nextMs = Math.max(nextMs + this.#everyMs, performance.now());
      const one = asked[turn % asked.length];
      if (one !== undefined) await this.#ask(kind, client, one);
    }
  }

  async #ask(kind: ClientKind, client: LoadClient, asked: Asked): Promise<void> {
    const { isRight = () => true } = this.#options;
    const askedMs = performance.now();
    try {
      const { status, headers, body } = await client.ask(asked);
      const reason = headers["wherry-reason"] ?? "";
      if (status !== 200 || !isRight(body))
        this.#failed(kind, asked, askedMs, `${status} ${String(reason)} ${body}`);
    } catch (thrown) {
      const { code = "", message } = thrown as NodeJS.ErrnoException; // Of sockets; they have both.
      this.#failed(kind, asked, askedMs, `${code} ${message}`);
    }
    this.#times.push(performance.now() - askedMs);
  }

  #failed(client: ClientKind, { method = "GET" }: Asked, beganMs: number, what: string): void {
    const askedMs = Math.round(beganMs - this.#beganMs);
    this.#failures.push({ askedMs, atMs: this.nowMs, client, method, what: what.slice(0, 200).trim() });
  }
}

interface LoadClient extends Disposable {
  ask(asked: Asked): Promise<Answer>;
}

function clientOf(kind: ClientKind, url: string): LoadClient {
  if (kind === "h2") return new Http2Client(url);
  if (kind === "new") return { ask: (asked) => ask(url, within(asked)), [Symbol.dispose]: () => {} };
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  return {
    ask: (asked) => ask(url, within({ ...asked, agent })),
    [Symbol.dispose]: () => agent.destroy(),
  };
}

const within = (asked: Asked): Asked => ({ ...asked, signal: AbortSignal.timeout(answerMsMax) });

/** One connection, until the other end says that it is the last; what it says it has not begun goes to the next one. */
class Http2Client implements LoadClient {
  readonly #url: string;
  #session: ClientHttp2Session | undefined;

  constructor(url: string) {
    this.#url = url;
  }

  async ask(asked: Asked): Promise<Answer> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#send(asked);
      } catch (thrown) {
        if (!(thrown instanceof NotBegun) || attempt === 3) throw thrown;
      }
    }
  }

  [Symbol.dispose](): void {
    this.#session?.close();
  }

  #open(): ClientHttp2Session {
    const known = this.#session;
    if (known && !known.closed && !known.destroyed) return known;
    const session = connect(this.#url);
    const leave = () => {
      if (this.#session === session) this.#session = undefined;
    };
    session.on("goaway", leave);
    session.on("close", leave);
    // Its streams tell.
    session.on("error", leave);
    this.#session = session;
    return session;
  }

  async #send({ host, path = "/", method = "GET", headers = {}, body = "" }: Asked): Promise<Answer> {
    const stream = this.#open().request(
      { ":authority": host, ":path": path, ":method": method, ...headers },
      { endStream: body === "" },
    );
    stream.setTimeout(answerMsMax, () => stream.close(constants.NGHTTP2_CANCEL));
    let answered: Answer["headers"] = {};
    let text = "";
    stream.on("response", (head) => (answered = head as Answer["headers"])); // Node's own type of them has the same names.
    stream.setEncoding("utf8").on("data", (part: string) => (text += part));
    if (body !== "") stream.end(body);
    try {
      await once(stream, "close");
    } catch (thrown) {
      if (stream.rstCode === constants.NGHTTP2_REFUSED_STREAM) throw new NotBegun("refused");
      throw thrown;
    }
    if (stream.rstCode === constants.NGHTTP2_REFUSED_STREAM) throw new NotBegun("refused");
    if (stream.rstCode !== 0) throw new Error(`the stream was reset with ${stream.rstCode}`);
    const status = Number(answered[":status"]);
    if (!Number.isInteger(status)) throw new Error("the stream was closed without an answer");
    return { status, headers: answered, body: text };
  }
}

/** RFC 9113 8.7. */
class NotBegun extends Error {}
