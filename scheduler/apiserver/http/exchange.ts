import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { stringify } from "yaml";
import type { User } from "../authentication/user.ts";
import { ApiError } from "../status.ts";

const gzipAsync = promisify(gzip);
/** Smaller answers cost more to compress than they save. As kube-apiserver's. */
const gzipBytesMin = 128 * 1024;
/** Warnings of one answer, and the length of one. */
const warningsMax = 20;
const warningLengthMax = 256;

/** One request with its answer. */
export class Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly user: User | undefined;
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
  readonly #warnings: string[] = [];

  constructor(request: IncomingMessage, response: ServerResponse, user: User | undefined) {
    this.request = request;
    this.response = response;
    this.user = user;
    const url = request.url ?? "/";
    const mark = url.indexOf("?");
    this.path = mark < 0 ? url : url.slice(0, mark);
    this.query = new URLSearchParams(mark < 0 ? "" : url.slice(mark + 1));
    const gone = new AbortController();
    this.signal = gone.signal;
    response.once("close", () => {
      if (!response.writableFinished) gone.abort(new ApiError("Timeout", "the client is gone"));
    });
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
    if (this.#warnings.length < warningsMax) this.#warnings.push(text);
  }

  async send(
    code: number,
    body: object,
    options: { readonly yaml?: boolean; readonly type?: string } = {},
  ): Promise<void> {
    const isYaml = options.yaml === true;
    const text = isYaml ? stringify(body, { aliasDuplicateObjects: false }) : `${JSON.stringify(body)}\n`;
    await this.sendText(code, text, options.type ?? (isYaml ? "application/yaml" : "application/json"));
  }

  async sendText(code: number, text: string, type: string): Promise<void> {
    const { response } = this;
    if (response.headersSent || response.destroyed) return;
    let body: Buffer = Buffer.from(text);
    response.setHeader("Content-Type", type);
    response.setHeader("Cache-Control", "no-cache, private");
    for (const warning of this.#warnings) response.appendHeader("Warning", `299 - ${quoted(warning)}`);
    if (body.length >= gzipBytesMin && /\bgzip\b/.test(this.request.headers["accept-encoding"] ?? "")) {
      body = await gzipAsync(body, { level: 1 });
      response.setHeader("Content-Encoding", "gzip");
      response.setHeader("Vary", "Accept-Encoding");
    }
    response.setHeader("Content-Length", body.length);
    response.statusCode = code;
    response.end(this.method === "HEAD" ? undefined : body);
  }

  /** For answers that rarely change: the client's copy is used when its ETag matches. */
  async sendTagged(text: string, type: string): Promise<void> {
    const tag = `"${createHash("sha256").update(text).digest("hex").slice(0, 32).toUpperCase()}"`;
    this.response.setHeader("ETag", tag);
    this.response.setHeader("Vary", "Accept");
    if (this.request.headers["if-none-match"] === tag) {
      this.response.statusCode = 304;
      this.response.end();
      return;
    }
    await this.sendText(200, text, type);
  }

  async fail(error: ApiError): Promise<void> {
    const { response, request } = this;
    if (response.headersSent) {
      response.destroy();
      return;
    }
    if (error.details.retryAfterSeconds !== undefined)
      response.setHeader("Retry-After", error.details.retryAfterSeconds);
    // What is left of a refused body is not read; the connection cannot be used again.
    if (!request.complete && this.method !== "GET") response.setHeader("Connection", "close");
    await this.send(error.httpCode, error.toStatus());
  }
}

/** A quoted string for a header: ASCII without control characters. */
function quoted(text: string): string {
  const safe = text.slice(0, warningLengthMax).replaceAll(/[^\x20-\x7e]/g, "?");
  return `"${safe.replaceAll(/["\\]/g, "\\$&")}"`;
}
