/** A gateway with real sockets of clients and fake instances behind it. */
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import type { BackendEntry, RouteEntry, RuleEntry } from "../../../api/route-table.ts";
import { type Clock, systemClock } from "../../../kit/clock.ts";
import { silentLog } from "../../../kit/log.ts";
import { seededRandom } from "../../../kit/random.ts";
import type { Tracer } from "../../../kit/tracing/tracer.ts";
import type { Endpoint, GatewayWorkload } from "../control.ts";
import { Gateway } from "../gateway.ts";
import { defaultGatewayOptions, type GatewayOptions } from "../ports.ts";
import { type FakeHandler, FakeInstances } from "./fake-instances.ts";

export interface TestGatewayOptions extends Partial<GatewayOptions> {
  readonly clock?: Clock;
  readonly tracer?: Tracer;
}

const tailLength = 64;

export class TestGateway implements AsyncDisposable {
  readonly gateway: Gateway;
  readonly instances = new FakeInstances();
  readonly wakes: string[][] = [];
  readonly drained: string[] = [];
  readonly lines: string[] = [];
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();
  #successor: TestGateway | undefined;

  constructor(options: TestGatewayOptions = {}) {
    const { clock = systemClock, tracer, ...rest } = options;
    this.gateway = new Gateway(
      { ...defaultGatewayOptions, name: "node-1", ...rest },
      {
        clock,
        random: seededRandom(1),
        log: silentLog,
        ...(tracer && { tracer }),
        dialShim: (folder) => this.instances.dial(folder),
        dialPeer: (node) => this.instances.dial(node),
        accessLog: (line) => this.lines.push(line) > 0,
      },
      {
        wake: (uids) => void this.wakes.push([...uids]),
        drained: (uid) => void this.drained.push(uid),
      },
    );
  }

  async listen(scheme: "http" | "https" = "http"): Promise<number> {
    const server = createServer((socket) => {
      (this.#successor ?? this).gateway.accept(scheme, socket);
    });
    this.#servers.push(server);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("it listens at a port");
    return address.port;
  }

  /** New connections are the other's from now on. */
  handOver(successor: TestGateway): void {
    this.#successor = successor;
  }

  /** One workload w with one instance i, and a route of all requests to it. */
  serve(
    handler: FakeHandler,
    more: { readonly endpoint?: Partial<Endpoint>; readonly rule?: Partial<RuleEntry> } = {},
  ): this {
    this.instances.set("/shim", handler);
    this.gateway.apply({ kind: "workload", workload: workloadOf("w") });
    this.gateway.apply({ kind: "endpoint", endpoint: endpointOf("i", "w", more.endpoint) });
    this.gateway.apply({
      kind: "route",
      route: routeOf("r", { rule: { backends: [backendOf("w")], ...more.rule } }),
    });
    return this;
  }

  /** `from`: another address of this machine. */
  async connect(port: number, from = "127.0.0.1"): Promise<RawClient> {
    const socket = connect({ port, host: "127.0.0.1", localAddress: from, allowHalfOpen: true });
    this.#sockets.add(socket);
    await once(socket, "connect");
    return new RawClient(socket);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.gateway.close();
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }
}

/** A client that sends bytes as they are. */
export class RawClient {
  readonly socket: Socket;
  text = "";
  /** Its last characters: to look at the text itself puts all its pieces together each time. */
  #tail = "";
  isEnded = false;
  #wake: (() => void)[] = [];

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (bytes: Buffer) => {
      const piece = bytes.toString("latin1");
      this.text += piece;
      this.#tail = `${this.#tail}${piece.slice(-tailLength)}`.slice(-tailLength);
      this.#changed();
    });
    socket.on("error", () => {});
    for (const event of ["end", "close"]) {
      socket.on(event, () => {
        this.isEnded = true;
        this.#changed();
      });
    }
  }

  send(bytes: string): this {
    this.socket.write(Buffer.from(bytes, "latin1"));
    return this;
  }

  /** Resolves when the text matches; rejects when the connection ends before. */
  async until(pattern: RegExp): Promise<RegExpMatchArray> {
    for (;;) {
      const match = pattern.exec(this.text);
      if (match) return match;
      if (this.isEnded) throw new Error(`the connection has ended after ${JSON.stringify(this.text)}`);
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }

  /** The same for a text of any length, of which only the last bytes are looked at. */
  async untilEnd(tail: string): Promise<void> {
    while (!this.#tail.endsWith(tail)) {
      if (this.isEnded) throw new Error(`the connection has ended after ${this.text.length} bytes`);
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }

  async ended(): Promise<string> {
    while (!this.isEnded) await new Promise<void>((resolve) => this.#wake.push(resolve));
    return this.text;
  }

  #changed(): void {
    const all = this.#wake;
    this.#wake = [];
    for (const wake of all) wake();
  }
}

export function workloadOf(uid: string, more: Partial<GatewayWorkload> = {}): GatewayWorkload {
  return { uid, namespace: "default", kind: "WasmDeployment", name: uid, wakes: false, nodes: [], ...more };
}

export function endpointOf(uid: string, workload: string, more: Partial<Endpoint> = {}): Endpoint {
  return {
    uid,
    namespace: "default",
    name: uid,
    workload,
    templateHash: "t",
    reach: { kind: "shim", folder: "/shim" },
    concurrency: 16,
    timeoutMs: 30_000,
    bodyBytesMax: 16 * 1024 * 1024,
    functions: false,
    ...more,
  };
}

export function backendOf(workload: string | undefined, more: Partial<BackendEntry> = {}): BackendEntry {
  return { workload, name: workload ?? "none", weight: 1, ...more };
}

export function routeOf(
  uid: string,
  more: Partial<RouteEntry> & { readonly rule?: Partial<RuleEntry> } = {},
): RouteEntry {
  const { rule, ...rest } = more;
  return {
    uid,
    namespace: "default",
    name: uid,
    createdMs: 0,
    hostnames: [],
    rules: [
      {
        matches: [{ path: { kind: "prefix", value: "/" }, headers: [] }],
        backends: [],
        requestTimeoutMs: 0,
        attemptTimeoutMs: 0,
        retry: { attempts: 2, codes: [] },
        ...rule,
      },
    ],
    ...rest,
  };
}

/** An instance that says what it was asked. */
export const echo: FakeHandler = {
  end: (call) =>
    call.answer(JSON.stringify({ ...call.head, body: call.body, trailers: call.trailers }), 200, [
      "content-type",
      "application/json",
    ]),
};
