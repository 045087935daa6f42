/**
 * One POST to a server that nobody here answers for: connected to at addresses that were judged, no redirect followed, nothing
 * unpacked, no more read than a mebibyte.
 */
import * as http from "node:http";
import * as https from "node:https";
import type { Duplex } from "node:stream";
import { errorCode, WherryError } from "../../../kit/errors.ts";
import { foreignText } from "../foreign-text.ts";
import { type Asked, unknown } from "../asking/question.ts";
import { connectionFailure, pinnedLookup, type Tls, tlsOptions } from "../pinned-connection.ts";
import type { HttpAnswer } from "./answer.ts";

export interface Post {
  readonly method?: "GET" | "POST";
  /** For messages. */
  readonly server: string;
  readonly url: URL;
  readonly addresses: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly tls: Tls;
}

export type Posted =
  | { readonly kind: "answer"; readonly answer: HttpAnswer }
  | { readonly kind: "failed"; readonly asked: Asked };

export const httpLimits = {
  bodyBytesMax: 1024 * 1024,
  /** Answers before the answer (1xx), which have no other bound. */
  interimAnswersMax: 8,
  headBytesMax: 16 * 1024,
  /** Connections that are kept for the next question, of all servers together. */
  idleSocketsMax: 128,
  /** Longer than the usual interval. */
  idleMs: 45_000,
} as const;

/** Keeps connections, up to a bound over all servers: Node's own bounds are of one server, or let servers wait for each other. */
export class HttpPoster implements Disposable {
  readonly #idle = new Set<Duplex>();
  readonly #plain = this.#bounded(new http.Agent(agentOptions));
  readonly #secure = this.#bounded(new https.Agent(agentOptions));

  async post(post: Post, signal: AbortSignal): Promise<Posted> {
    const first = await this.#once(post, signal);
    // The server may have closed the connection while we wrote into it.
    return first.kind === "broken" ? withoutBroken(await this.#once(post, signal)) : first;
  }

  [Symbol.dispose](): void {
    this.#plain.destroy();
    this.#secure.destroy();
  }

  #once(post: Post, signal: AbortSignal): Promise<Posted | Broken> {
    return new Promise((resolve) => {
      const isSecure = post.url.protocol === "https:";
      const options: https.RequestOptions = {
        method: post.method ?? "POST",
        agent: isSecure ? this.#secure : this.#plain,
        headers: { ...post.headers, "content-length": Buffer.byteLength(post.body) },
        lookup: pinnedLookup(post.addresses),
        maxHeaderSize: httpLimits.headBytesMax,
        signal,
        ...(isSecure ? tlsOptions(post.tls) : {}),
      };
      const request = isSecure ? https.request(post.url, options) : http.request(post.url, options);
      request.once("response", (response) => {
        read(post, response, (posted) => {
          resolve(posted);
          // What is not wanted is not read.
          if (posted.kind === "failed") request.destroy();
        });
      });
      let interimAnswers = 0;
      request.on("information", () => {
        if (++interimAnswers > httpLimits.interimAnswersMax) request.destroy(tooManyInterim);
      });
      request.on("error", (error) => {
        const isBroken = request.reusedSocket && errorCode(error) === "ECONNRESET";
        resolve(isBroken ? { kind: "broken", error, server: post.server } : failed(post.server, error));
      });
      // Without an error, as after a change of protocol; what was answered before counts.
      request.once("close", () => setImmediate(() => resolve(failed(post.server, closed))));
      request.end(post.body);
    });
  }

  #bounded<Agent extends http.Agent>(agent: Agent): Agent {
    const idle = this.#idle;
    const known = new WeakSet<Duplex>();
    const keep = agent.keepSocketAlive.bind(agent);
    agent.keepSocketAlive = (socket) => {
      if (idle.size >= httpLimits.idleSocketsMax) return false;
      idle.add(socket);
      if (!known.has(socket)) socket.once("close", () => idle.delete(socket));
      known.add(socket);
      return keep(socket);
    };
    const reuse = agent.reuseSocket.bind(agent);
    agent.reuseSocket = (socket, request) => {
      idle.delete(socket);
      reuse(socket, request);
    };
    return agent;
  }
}

const agentOptions = { keepAlive: true, timeout: httpLimits.idleMs, maxFreeSockets: 8 };

const tooManyInterim = new WherryError("HPE_INTERIM", "too many interim answers");
const closed = new WherryError("ECONNRESET", "the connection was closed");

interface Broken {
  readonly kind: "broken";
  readonly error: Error;
  readonly server: string;
}

function withoutBroken(posted: Posted | Broken): Posted {
  return posted.kind === "broken" ? failed(posted.server, posted.error) : posted;
}

function read(post: Post, response: http.IncomingMessage, done: (posted: Posted) => void): void {
  const malformed = (message: string) =>
    done({
      kind: "failed",
      asked: { kind: "answered", reading: unknown("Malformed", `${post.server} ${message}`) },
    });
  const encoding = response.headers["content-encoding"] ?? "identity";
  if (encoding !== "identity") {
    malformed(`answered with content encoding ${foreignText(encoding, 60)}, which it was not asked for`);
    return;
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  response.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= httpLimits.bodyBytesMax) chunks.push(chunk);
    else
      malformed("answered more than 1 MiB: a query must come to one number; put sum(…) or max(…) around it");
  });
  response.on("end", () => {
    const contentType = response.headers["content-type"] ?? "";
    const body = Buffer.concat(chunks).toString("utf8");
    done({ kind: "answer", answer: { status: response.statusCode ?? 0, contentType, body } });
  });
  response.on("error", (error) => done(failed(post.server, error)));
}

function failed(server: string, error: Error): Posted {
  const code = errorCode(error) ?? "";
  if (!code.startsWith("HPE_")) return { kind: "failed", asked: connectionFailure(server, error) };
  const reading = unknown("Malformed", `${server} answered something that is not HTTP (${code})`);
  return { kind: "failed", asked: { kind: "answered", reading } };
}
