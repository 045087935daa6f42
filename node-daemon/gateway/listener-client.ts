/**
 * The way to an instance that is a server itself: HTTP/1.1 over loopback, with connections that are kept.
 *
 * A kept connection may be closed by the server just when a request goes out. Whoever cannot know whether that has arrived does not
 * repeat it, but for methods that may be (RFC 9110 9.2.2): those go once more, on a connection of their own.
 *
 * An upgrade has a connection of its own as well, and that is used for nothing else, whatever comes of it. The server gets nothing of
 * what the client says before it has switched: it would take that for other requests.
 */
import {
  Agent,
  type ClientRequest as OutgoingRequest,
  type IncomingMessage,
  request as openRequest,
} from "node:http";
import type { Socket } from "node:net";
import { errorCode, errorMessage } from "../../kit/errors.ts";
import type {
  AnswerListener,
  CallerExchange,
  ExchangeFault,
  HeaderList,
  RequestHead,
} from "../link/exchange.ts";
import { refusedExchange } from "../link/waiting-exchange.ts";
import { mayChange } from "./core/request-headers.ts";
import { gatewayLimits } from "./limits.ts";
import { ListenerTunnel, whyNotSwitched } from "./listener-tunnel.ts";
import type { ExchangeClient } from "./ports.ts";

export class ListenerClient implements ExchangeClient {
  readonly #address: string;
  readonly #port: number;
  readonly #agent: Agent;
  #active = 0;
  #upgrades = 0;
  #isClosed = false;

  constructor(address: string, port: number) {
    this.#address = address;
    this.#port = port;
    const { listener } = gatewayLimits;
    this.#agent = new Agent({
      keepAlive: true,
      maxSockets: listener.connectionsMax,
      maxFreeSockets: listener.keptMax,
      // Of a kept one, between two requests.
      timeout: listener.keptMs,
      scheduling: "lifo",
    });
  }

  open(head: RequestHead, listener: AnswerListener): CallerExchange {
    const isUpgrade = head.upgrade !== undefined;
    if (isUpgrade && this.#upgrades >= gatewayLimits.listener.connectionsMax)
      return refusedExchange(listener, tooManyUpgrades);
    this.#active++;
    if (isUpgrade) this.#upgrades++;
    const exchange = new ListenerExchange(this.#address, this.#port, this.#agent, head, listener, () => {
      this.#active--;
      if (isUpgrade) this.#upgrades--;
      if (this.#isClosed && this.#active === 0) this.#agent.destroy();
    });
    try {
      exchange.begin();
    } catch (thrown) {
      // What Node does not take as a request.
      queueMicrotask(() => exchange.refuse(errorMessage(thrown)));
    }
    return exchange;
  }

  close(): void {
    this.#isClosed = true;
    if (this.#active === 0) this.#agent.destroy();
  }
}

const tooManyUpgrades: ExchangeFault = {
  kind: "refused",
  reason: "full",
  message: "it has as many upgraded connections as one instance may have",
  retryAfterMs: 0,
};

const repeatable: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);

class ListenerExchange implements CallerExchange {
  readonly #address: string;
  readonly #port: number;
  readonly #agent: Agent;
  readonly #head: RequestHead;
  readonly #listener: AnswerListener;
  readonly #onOver: () => void;
  #request: OutgoingRequest | undefined;
  #answer: IncomingMessage | undefined;
  #tunnel: ListenerTunnel | undefined;
  /** For the tunnel, if it comes to that. Nobody is told that they may send more meanwhile. */
  #early: Uint8Array[] = [];
  #unconsumed = 0;
  #sentBytes = 0;
  #isSecond = false;
  #isOver = false;

  constructor(
    address: string,
    port: number,
    agent: Agent,
    head: RequestHead,
    listener: AnswerListener,
    onOver: () => void,
  ) {
    this.#address = address;
    this.#port = port;
    this.#agent = agent;
    this.#head = head;
    this.#listener = listener;
    this.#onOver = onOver;
  }

  begin(): void {
    const { method, path, authority, headers, bodyLength, upgrade } = this.#head;
    const isUpgrade = upgrade !== undefined;
    const list = ["host", authority];
    for (let i = 0; i + 1 < headers.length; i += 2) {
      const name = (headers[i] ?? "").toLowerCase();
      // Another node's gateway may say anything, and the framing of a connection that is kept is ours alone.
      if (name === "trailer" || mayChange(name)) list.push(name, headers[i + 1] ?? "");
    }
    if (isUpgrade) list.push("connection", "Upgrade", "upgrade", upgrade);
    else if (bodyLength === undefined) list.push("transfer-encoding", "chunked");
    else if (bodyLength > 0 || method === "POST" || method === "PUT")
      list.push("content-length", String(bodyLength));
    const request = openRequest({
      host: this.#address,
      port: this.#port,
      method,
      path,
      headers: list,
      agent: this.#isSecond || isUpgrade ? false : this.#agent,
      httpValidation: "strict",
      maxHeaderSize: gatewayLimits.answerHeaderBytesMax,
    });
    this.#request = request;
    request.on("response", (answer) => this.#begun(answer));
    request.on("error", (error) => this.#failed(request, error));
    request.on("upgrade", (answer, socket: Socket, first) => this.#switched(answer, socket, first));
    if (bodyLength === 0 || isUpgrade) request.end();
    else request.flushHeaders();
  }

  write(bytes: Uint8Array): boolean {
    if (this.#tunnel !== undefined) return this.#tunnel.write(bytes);
    if (this.#head.upgrade !== undefined) {
      if (!this.#isOver && this.#answer === undefined) this.#early.push(Buffer.from(bytes));
      return false;
    }
    this.#sentBytes += bytes.length;
    if (this.#isOver || this.#request === undefined) return true;
    // The server would take the rest for another request, whose answer somebody else would get.
    if (this.#sentBytes > (this.#head.bodyLength ?? Number.POSITIVE_INFINITY)) {
      this.#giveUp();
      return true;
    }
    if (this.#request.write(bytes)) return true;
    this.#request.once("drain", () => {
      if (!this.#isOver) this.#listener.drain();
    });
    return false;
  }

  end(trailers: HeaderList): void {
    const { bodyLength, upgrade } = this.#head;
    if (upgrade !== undefined) {
      // Who ends before there is a tunnel will not use it.
      if (this.#tunnel !== undefined) this.#tunnel.end();
      return;
    }
    if (this.#isOver || bodyLength === 0) return;
    if (bodyLength !== undefined && this.#sentBytes < bodyLength) {
      this.#giveUp();
      return;
    }
    if (trailers.length > 0 && bodyLength === undefined) this.#request?.addTrailers(pairsOf(trailers));
    this.#request?.end();
  }

  consumed(bytes: number): void {
    if (this.#tunnel !== undefined) return this.#tunnel.consumed(bytes);
    this.#unconsumed -= bytes;
    if (this.#unconsumed < gatewayLimits.listener.windowBytes) this.#answer?.resume();
  }

  cancel(): void {
    if (this.#isOver) return;
    if (this.#tunnel !== undefined) return this.#tunnel.destroy();
    this.#over();
    this.#request?.destroy();
  }

  #switched(answer: IncomingMessage, socket: Socket, first: Buffer): void {
    const { upgrade, headers } = this.#head;
    const why =
      upgrade === undefined ? "it has changed the protocol unasked" : whyNotSwitched(headers, answer.headers);
    if (this.#isOver || why !== undefined) {
      socket.destroy();
      if (why !== undefined) this.refuse(why);
      return;
    }
    this.#tunnel = new ListenerTunnel(socket, first, this.#listener, () => this.#over());
    this.#listener.head({ status: 101, headers: answer.rawHeaders });
    let hasRoom = true;
    for (const piece of this.#early) hasRoom = this.#tunnel.write(piece);
    if (this.#early.length > 0 && hasRoom && !this.#isOver) this.#listener.drain();
    this.#early = [];
  }

  #begun(answer: IncomingMessage): void {
    if (this.#isOver) return;
    this.#answer = answer;
    this.#early = [];
    if (answer.statusCode === 101) {
      this.#request?.destroy();
      this.refuse("it has changed to no protocol");
      return;
    }
    answer.on("data", (bytes: Buffer) => {
      if (this.#isOver) return;
      this.#unconsumed += bytes.length;
      if (this.#unconsumed >= gatewayLimits.listener.windowBytes) answer.pause();
      this.#listener.data(bytes);
    });
    answer.once("end", () => {
      if (this.#isOver || !answer.complete) return;
      this.#over();
      // Nobody will send the rest of the body: the connection is no good for another request, and would stay for ever.
      if (this.#request?.writableEnded !== true || this.#head.upgrade !== undefined) this.#request?.destroy();
      this.#listener.end({ trailers: answer.rawTrailers });
    });
    answer.once("error", () => this.#fail("its answer has broken off"));
    answer.once("close", () => this.#fail("its answer has broken off"));
    this.#listener.head({ status: answer.statusCode ?? 0, headers: answer.rawHeaders });
  }

  #failed(request: OutgoingRequest, error: Error): void {
    if (this.#isOver) return;
    const code = errorCode(error);
    if (code === "ECONNREFUSED" || code === "EADDRNOTAVAIL" || code === "ENETUNREACH") {
      this.#over();
      this.#listener.fault({
        kind: "refused",
        reason: "broken",
        message: `nobody listens at ${this.#address}:${this.#port}`,
        retryAfterMs: 0,
      });
    } else if (request.reusedSocket && this.#answer === undefined && !this.#isSecond && this.#mayRepeat()) {
      this.#isSecond = true;
      this.begin();
    } else if (code?.startsWith("HPE_") === true) {
      this.#over();
      this.#listener.fault({
        kind: "failed",
        reason: "invalid",
        message: `its answer is no HTTP: ${errorMessage(error)}`,
      });
    } else {
      this.#fail(errorMessage(error));
    }
  }

  refuse(message: string): void {
    if (this.#isOver) return;
    this.#over();
    this.#listener.fault({ kind: "failed", reason: "invalid", message });
  }

  /** The body is not as long as was said. Not before `write` or `end` has returned. */
  #giveUp(): void {
    this.#request?.destroy();
    queueMicrotask(() => this.refuse("the body of the request is not as long as it says"));
  }

  #mayRepeat(): boolean {
    return this.#head.bodyLength === 0 && repeatable.has(this.#head.method);
  }

  #fail(message: string): void {
    if (this.#isOver) return;
    this.#over();
    this.#request?.destroy();
    this.#listener.fault({ kind: "failed", reason: "lost", message });
  }

  #over(): void {
    this.#isOver = true;
    this.#onOver();
  }
}

function pairsOf(list: HeaderList): [string, string][] {
  const pairs: [string, string][] = [];
  for (let i = 0; i + 1 < list.length; i += 2) pairs.push([list[i] ?? "", list[i + 1] ?? ""]);
  return pairs;
}
