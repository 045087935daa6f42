/** Test support: the service of a gateway over a real connection, whose every answer a test gives by hand. */
import { once } from "node:events";
import {
  createSecureServer,
  type Http2SecureServer,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { framed, GrpcReader } from "../../proto/functions/grpc.ts";
import {
  type CallRequest,
  type CallResponse,
  readRequest,
  writeResponse,
} from "../../proto/functions/messages.ts";
import type { CallStreamTarget } from "../gateway-stream.ts";
import { certificateOf } from "./certificate.ts";

export const node = "a";

/** Undefined: the stream is accepted. */
export type Refusal = Readonly<Record<string, string | number>> | undefined;

export class TestGateway implements AsyncDisposable {
  refusal: Refusal;
  readonly requests: CallRequest[] = [];
  readonly sessions: ServerHttp2Session[] = [];
  readonly authorizations: (string | undefined)[] = [];
  #stream: ServerHttp2Stream | undefined;
  readonly #http2: Http2SecureServer;
  /** Before the service, so that a connection can fall silent. */
  readonly #relay: Server;
  readonly #pairs: (readonly [Socket, Socket])[] = [];
  readonly #certificate: string;

  static async start(): Promise<TestGateway> {
    const { cert, key } = await certificateOf(`system:node:${node}`);
    const gateway = new TestGateway(cert, key);
    for (const server of [gateway.#http2, gateway.#relay]) {
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
    }
    return gateway;
  }

  private constructor(cert: string, key: string) {
    this.#certificate = cert;
    this.#http2 = createSecureServer({ cert, key });
    this.#http2.on("session", (session) => {
      session.on("error", () => {});
      this.sessions.push(session);
    });
    this.#http2.on("stream", (stream: ServerHttp2Stream, headers) => {
      this.authorizations.push(headers.authorization);
      this.#begin(stream);
    });
    this.#relay = createServer((client) => {
      const service = connect(portOf(this.#http2), "127.0.0.1");
      this.#pairs.push([client, service]);
      for (const [from, to] of [[client, service] as const, [service, client] as const]) {
        from.on("error", () => to.destroy());
        from.pipe(to);
      }
    });
  }

  target(more: { readonly node?: string } = {}): CallStreamTarget {
    const endpoint = { node, address: `127.0.0.1:${portOf(this.#relay)}`, ...more };
    return { endpoint, token: "ticket", caBundle: this.#certificate };
  }

  get stream(): ServerHttp2Stream {
    if (this.#stream === undefined) throw new Error("there is no stream");
    return this.#stream;
  }

  answer(response: CallResponse): void {
    this.stream.write(Buffer.concat(framed(writeResponse(response))));
  }

  /** With gRPC's status. */
  end(status: number, message = ""): void {
    const { stream } = this;
    stream.once("wantTrailers", () =>
      stream.sendTrailers({ "grpc-status": String(status), "grpc-message": message }),
    );
    stream.end();
  }

  /** From now on it takes nothing and says nothing, as a machine without power. */
  fallSilent(): void {
    for (const [client, service] of this.#pairs) {
      client.unpipe(service);
      service.unpipe(client);
    }
  }

  /** As a process that was killed. */
  reset(): void {
    for (const [client] of this.#pairs) client.resetAndDestroy();
  }

  /** The client has read all that was sent before. */
  async isHeard(): Promise<void> {
    const [session] = this.sessions;
    await new Promise<void>((resolve) => session?.ping(() => resolve()));
  }

  #begin(stream: ServerHttp2Stream): void {
    stream.on("error", () => {});
    if (this.refusal !== undefined) {
      stream.respond(this.refusal, { endStream: true });
      stream.resume();
      return;
    }
    this.#stream = stream;
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
    const reader = new GrpcReader(1024 * 1024);
    stream.on("data", (chunk: Buffer) => {
      reader.push(chunk);
      for (let next = reader.next(); next !== undefined; next = reader.next())
        this.requests.push(readRequest(next));
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const session of this.sessions) session.destroy();
    for (const sockets of this.#pairs) for (const socket of sockets) socket.destroy();
    await Promise.all(
      [this.#http2, this.#relay].map((server) => new Promise((resolve) => server.close(resolve))),
    );
  }
}

function portOf(server: { address(): string | AddressInfo | null }): number {
  return (server.address() as AddressInfo).port; // It listens at a port.
}
