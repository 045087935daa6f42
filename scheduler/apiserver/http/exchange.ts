import type { IncomingMessage, ServerResponse } from "node:http";
import type { Writable } from "node:stream";
import { promisify } from "node:util";
import { createGzip, gzip } from "node:zlib";
import type { User } from "../authentication/user.ts";
import { Bug } from "../../../kit/errors.ts";
import type { RequestAudit } from "../audit/request-audit.ts";
import type { TaggedDocument } from "../discovery/tagged-document.ts";
import { isPrettyWanted, prettyPieces } from "../output/pretty-json.ts";
import { yamlOf } from "../output/yaml.ts";
import { ApiError } from "../status.ts";
import { parseOldWatchPath } from "./old-watch-path.ts";
import type { AnswerBudget } from "./byte-budgets.ts";
import type { Seat } from "./fair-queue.ts";
import type { SharedTurns } from "./shared-turns.ts";
import type { Flow } from "./turn-queue.ts";

const gzipAsync = promisify(gzip);
/** Smaller answers cost more to compress than they save. As kube-apiserver's. */
const gzipBytesMin = 128 * 1024;
/** Long answers are made in pieces of so many characters, and for so long in one turn of the event loop. */
const pieceChars = 256 * 1024;
const turnMs = 5;
/** How long a client may take nothing of an answer, and how soon others get its seat meanwhile. */
const slowClientMs = 30_000;
const patienceMs = 250;
/** Smaller answers are in the kernel's hands at once. */
const countedBytesMin = 16 * 1024;
/** What an answer in pieces holds while it is made: buffers, and the compressor's window. */
const streamBytes = 512 * 1024;
/** Warnings of one answer, and the length of one. */
const warningsMax = 20;
const warningLengthMax = 256;

/** What all exchanges of a server have in common. */
export interface ExchangeParts {
  readonly answers: AnswerBudget;
  readonly turns: SharedTurns;
}

/** One request with its answer. */
export class Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly path: string;
  readonly query: URLSearchParams;
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
  readonly audit: RequestAudit;
  readonly #warnings: string[] = [];
  readonly #parts: ExchangeParts;
  #user: User | undefined;
  /** While it runs. */
  seat: Seat | undefined;

  constructor(request: IncomingMessage, response: ServerResponse, audit: RequestAudit, parts: ExchangeParts) {
    this.#parts = parts;
    this.request = request;
    this.response = response;
    this.audit = audit;
    const url = request.url ?? "/";
    const mark = url.indexOf("?");
    const path = mark < 0 ? url : url.slice(0, mark);
    const watched = request.method === "GET" ? parseOldWatchPath(path) : undefined;
    this.path = watched?.path ?? path;
    this.query = new URLSearchParams(mark < 0 ? "" : url.slice(mark + 1));
    if (watched) this.query.set("watch", "true");
    if (watched?.name !== undefined) this.query.set("fieldSelector", `metadata.name=${watched.name}`);
    const gone = new AbortController();
    this.signal = gone.signal;
    response.once("close", () => {
      if (!response.writableFinished) gone.abort(new ApiError("Timeout", "the client is gone"));
    });
  }

  /** Whoever asks. Known once the request is authenticated, which comes before everything that looks here. */
  get user(): User {
    if (!this.#user) throw new Bug("the request is not authenticated");
    return this.#user;
  }

  set user(user: User) {
    this.#user = user;
  }

  get userAgent(): string {
    return this.request.headers["user-agent"] ?? "";
  }

  /** One that was sent twice is none (W3C Trace Context 3.2). */
  get traceparent(): string | undefined {
    const header = this.request.headers["traceparent"];
    return typeof header === "string" ? header : undefined;
  }

  get method(): string {
    return this.request.method ?? "GET";
  }

  /** True for `?name`, `?name=true` and `?name=1`. */
  flag(name: string): boolean {
    const value = this.query.get(name);
    return value !== null && value !== "false" && value !== "0";
  }

  /** A whole number that is not negative; throws BadRequest for anything else. */
  number(name: string): number | undefined {
    const text = this.query.get(name);
    if (text === null || text === "") return undefined;
    if (/^\d{1,16}$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text);
    throw new ApiError(
      "BadRequest",
      `the parameter ${name} must be a whole number, not ${JSON.stringify(text)}`,
    );
  }

  warn(text: string): void {
    if (this.#warnings.length < warningsMax && !this.#warnings.includes(text)) this.#warnings.push(text);
  }

  async send(
    code: number,
    body: object,
    options: { readonly yaml?: boolean; readonly type?: string } = {},
  ): Promise<void> {
    const isYaml = options.yaml === true;
    const text = isYaml ? yamlOf(body) : this.#jsonOf(body);
    await this.sendText(code, text, options.type ?? (isYaml ? "application/yaml" : "application/json"));
  }

  async sendText(code: number, text: string, type: string): Promise<void> {
    const { response } = this;
    if (response.headersSent || response.destroyed) return;
    let body: Buffer = Buffer.from(text);
    this.#setHeaders(type);
    if (body.length >= gzipBytesMin && this.#acceptsGzip()) {
      body = await gzipAsync(body, { level: 1 });
      response.setHeader("Content-Encoding", "gzip");
      response.setHeader("Vary", "Accept-Encoding");
    }
    response.setHeader("Content-Length", body.length);
    response.statusCode = code;
    this.#countUntaken(body.length);
    response.end(this.method === "HEAD" ? undefined : body);
  }

  /** What is made and not taken counts against its user. */
  #countUntaken(bytes: number): void {
    if (bytes < countedBytesMin) return;
    const { response } = this;
    const taken = this.#parts.answers.add(this.#user?.name ?? "", bytes, () => response.destroy());
    response.once("close", taken);
  }

  /**
   * A long answer, made piece by piece: each turn of the event loop makes what takes a few milliseconds, and no more is
   * made than the client takes. A client that takes nothing for long is dropped.
   */
  async sendPieces(pieces: Iterable<string>, type: string): Promise<void> {
    const { response } = this;
    const start: string[] = [];
    const isPretty = type === "application/json" && this.isPretty;
    const iterator = (isPretty ? prettyPieces(pieces) : pieces)[Symbol.iterator]();
    let length = 0;
    let next = iterator.next();
    for (; next.done !== true && length < gzipBytesMin; next = iterator.next()) {
      start.push(next.value);
      length += next.value.length;
    }
    if (next.done === true) return this.sendText(200, start.join(""), type);
    if (response.headersSent || response.destroyed) return;
    this.#setHeaders(type);
    response.statusCode = 200;
    if (this.method === "HEAD") return void response.end();
    this.#countUntaken(streamBytes);
    const out = this.#acceptsGzip() ? this.#compressed() : response;
    out.write(start.join(""));
    let chunk = "";
    let endsMs = await this.#nextTurn();
    for (; next.done !== true; next = iterator.next()) {
      chunk += next.value;
      if (chunk.length < pieceChars && performance.now() < endsMs) continue;
      const isFull = !out.write(chunk);
      chunk = "";
      if (isFull) await this.drained(out);
      endsMs = await this.#nextTurn();
      if (response.destroyed) return;
    }
    out.end(chunk);
  }

  #compressed(): Writable {
    const stream = createGzip({ level: 1 });
    this.response.setHeader("Content-Encoding", "gzip");
    this.response.setHeader("Vary", "Accept-Encoding");
    stream.pipe(this.response);
    this.response.once("close", () => stream.destroy());
    stream.on("error", () => this.response.destroy());
    return stream;
  }

  /** Resolves when the next piece may be made, with the time at which it must be done. */
  async #nextTurn(): Promise<number> {
    await this.#parts.turns.next(flowOf(this));
    return performance.now() + turnMs;
  }

  /** Resolves when the client has taken what was written, or is gone. */
  drained(out: Writable = this.response): Promise<void> {
    return new Promise((resolve) => {
      if (this.response.closed) return resolve();
      const slow = setTimeout(() => this.seat?.leave(), patienceMs);
      const late = setTimeout(() => this.response.destroy(), slowClientMs);
      const done = () => {
        clearTimeout(slow);
        clearTimeout(late);
        out.off("drain", done);
        this.response.off("close", done);
        resolve();
      };
      out.once("drain", done);
      this.response.once("close", done);
    });
  }

  #acceptsGzip(): boolean {
    return /\bgzip\b/.test(this.request.headers["accept-encoding"] ?? "");
  }

  #setHeaders(type: string): void {
    const { response } = this;
    response.setHeader("Content-Type", type);
    response.setHeader("Cache-Control", "no-cache, private");
    for (const warning of this.#warnings) response.appendHeader("Warning", `299 - ${quoted(warning)}`);
  }

  /** A document that is made once: the client's copy is used when its ETag matches. */
  async sendDocument(document: TaggedDocument, type: string, cacheControl?: string): Promise<void> {
    const { response, request } = this;
    if (response.headersSent || response.destroyed) return;
    this.#setHeaders(type);
    if (cacheControl !== undefined) response.setHeader("Cache-Control", cacheControl);
    response.setHeader("ETag", `"${document.tag}"`);
    response.setHeader("Vary", "Accept, Accept-Encoding");
    if (document.matches(request.headers["if-none-match"])) {
      response.removeHeader("Content-Type");
      response.statusCode = 304;
      response.end();
      return;
    }
    response.statusCode = 200;
    let { body } = document;
    const zipped = this.#acceptsGzip() ? document.zipped() : undefined;
    if (zipped) {
      body = await zipped;
      response.setHeader("Content-Encoding", "gzip");
    }
    response.setHeader("Content-Length", body.length);
    this.#countUntaken(body.length);
    response.end(this.method === "HEAD" ? undefined : body);
  }

  /** For good: clients may remember it. */
  redirect(location: string): void {
    const { response } = this;
    response.writeHead(301, { Location: location, "Content-Length": 0, Vary: "Accept" });
    response.end();
  }

  /** As kube-apiserver's: a line, or indented for whoever asks for that or is a program that people read with. */
  #jsonOf(body: object): string {
    return this.isPretty ? JSON.stringify(body, undefined, 2) : `${JSON.stringify(body)}\n`;
  }

  /** Whether the answer is for people to read. */
  get isPretty(): boolean {
    return isPrettyWanted(this.query.get("pretty"), this.userAgent);
  }

  #hasShortBody(): boolean {
    const { "content-length": length, "transfer-encoding": coding } = this.request.headers;
    return coding === undefined && Number(length ?? 0) <= droppedBodyBytesMax;
  }

  async fail(error: ApiError): Promise<void> {
    const { response, request } = this;
    if (response.headersSent) {
      response.destroy();
      return;
    }
    if (error.details.retryAfterSeconds !== undefined)
      response.setHeader("Retry-After", error.details.retryAfterSeconds);
    if (!request.complete && this.method !== "GET" && !this.#hasShortBody())
      response.setHeader("Connection", "close");
    await this.send(error.httpCode, error.toStatus());
  }
}

/**
 * What is left of a refused body is dropped by Node once it is answered, up to so many bytes. Beyond, the connection is not
 * used again: a new one costs more than reading that much. As Go's server.
 */
const droppedBodyBytesMax = 256 * 1024;

/** Programs of one user that are told apart, at most so long. */
const agentLengthMax = 64;

/** Whose turn it is, where clients share something: the user, and with which program. */
export function flowOf({ user, userAgent }: Exchange): Flow {
  return { user: user.name, agent: userAgent.slice(0, agentLengthMax) };
}

/** A quoted string for a header: ASCII without control characters. */
function quoted(text: string): string {
  const safe = text.slice(0, warningLengthMax).replaceAll(/[^\x20-\x7e]/g, "?");
  return `"${safe.replaceAll(/["\\]/g, "\\$&")}"`;
}
