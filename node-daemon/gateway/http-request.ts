/** What requests of clients have in common, whatever version of HTTP they come by. */
import type { ClientRequest, RequestTaker } from "./client-side.ts";
import type { Connection } from "./connection.ts";
import type { HeaderList } from "./core/headers.ts";
import type { OwnAnswer } from "./core/own-answer.ts";
import { readRequestHeaders, type RequestHeaders } from "./core/request-headers.ts";
import { gatewayLimits } from "./limits.ts";
import { checkRequest, type RawRequest } from "./request-checks.ts";
import { TurnAnswer } from "./turn-answer.ts";

/** What both ways of reading a body have. */
export interface BodySource {
  on(event: "data", listener: (bytes: Buffer) => void): unknown;
  pause(): unknown;
  resume(): unknown;
}

export abstract class HttpRequest extends TurnAnswer implements ClientRequest {
  abstract readonly protocol: ClientRequest["protocol"];
  readonly method: string;
  readonly scheme: "http" | "https";
  readonly headers: RequestHeaders;
  readonly clientAddress: string;
  readonly clientPort: number;
  readonly port: number;
  authority = "";
  host = "";
  path = "";
  query = "";
  bodyLength: number | undefined = 0;
  taker: RequestTaker | undefined;

  readonly #source: BodySource;
  readonly #localAddress: string;
  #isReading = false;
  #unwantedBytes = 0;
  /** The answer is given, or cannot be: what still comes of the body is nobody's. */
  protected isEnded = false;

  constructor(facts: Connection, method: string, raw: HeaderList, source: BodySource) {
    super();
    this.method = method;
    this.scheme = facts.scheme;
    this.headers = readRequestHeaders(raw);
    this.clientAddress = facts.clientAddress;
    this.clientPort = facts.clientPort;
    this.port = facts.localPort;
    this.#localAddress = facts.localAddress;
    this.#source = source;
  }

  protected get isHead(): boolean {
    return this.method === "HEAD";
  }

  protected get isReading(): boolean {
    return this.#isReading;
  }

  /** Undefined: it is fine, and what it says is known. */
  protected checkTarget({
    target,
    authority,
  }: Pick<RawRequest, "target" | "authority">): OwnAnswer | undefined {
    const { protocol, method, headers } = this;
    const checked = checkRequest({
      protocol,
      method,
      target,
      headers,
      authority,
      localAddress: this.#localAddress,
    });
    if (checked.kind === "refused") return checked.answer;
    this.authority = checked.authority;
    this.host = checked.host;
    this.path = checked.path;
    this.query = checked.query;
    this.bodyLength = checked.bodyLength;
    return undefined;
  }

  abstract openBody(): void;
  abstract abort(): void;

  pauseBody(): void {
    this.#source.pause();
  }

  resumeBody(): void {
    this.#source.resume();
  }

  /** Of ours. */
  protected abstract bug(thrown: unknown): void;

  protected failed(thrown: unknown): void {
    this.bug(thrown);
    this.abort();
  }

  /** The body comes from now on; once the answer is given it is dropped. */
  protected read(): void {
    if (this.#isReading) return;
    this.#isReading = true;
    this.#source.on("data", (bytes) => {
      if (this.isEnded) this.#drop(bytes);
      else this.taker?.body(bytes);
    });
  }

  /** More of the body has come than anyone reads for nothing. */
  protected abstract tooMuchUnwanted(): void;

  #drop(bytes: Buffer): void {
    this.#unwantedBytes += bytes.length;
    if (this.#unwantedBytes > gatewayLimits.unwantedBodyBytesMax) this.tooMuchUnwanted();
  }
}

export function pairsOf(list: HeaderList): [string, string][] {
  const pairs: [string, string][] = [];
  for (let i = 0; i + 1 < list.length; i += 2) pairs.push([list[i] ?? "", list[i + 1] ?? ""]);
  return pairs;
}
