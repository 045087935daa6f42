/** A server on loopback that answers as a test says, and what asks it. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import {
  createServer as createNetServer,
  type AddressInfo,
  type Server as NetServer,
  type Socket,
} from "node:net";
import type { ApiObject } from "../../../api/object-meta.ts";
import { FakeClock } from "../../../kit/fake-clock.ts";
import { silentLog } from "../../../kit/log.ts";
import { seededRandom } from "../../../kit/random.ts";
import { QuestionBoard } from "../asking/question-board.ts";
import type { MetricOwner } from "../metric-source.ts";
import type { MetricSecrets } from "../metric-secrets.ts";
import { type NameLookup, ServerAddresses } from "../server-addresses.ts";
import { parseServerPattern, ServerPolicy } from "../server-policy.ts";

export const testOwner: MetricOwner = {
  namespace: "default",
  autoscaler: "a",
  targetUid: undefined,
  instances: () => [],
};

export function policyOf(...texts: readonly string[]): ServerPolicy {
  return new ServerPolicy(
    texts.map((text) => {
      const reading = parseServerPattern(text);
      if (reading.kind === "invalid") throw new Error(reading.message);
      return reading.pattern;
    }),
  );
}

/** Secrets that a test writes. */
export class TestSecrets implements MetricSecrets {
  readonly #data = new Map<string, Readonly<Record<string, string>>>();
  readonly #watchers = new Map<string, Set<() => void>>();

  put(name: string, data: Readonly<Record<string, string>> | undefined): void {
    if (data) this.#data.set(`default/${name}`, data);
    else this.#data.delete(`default/${name}`);
    for (const changed of this.#watchers.get(`default/${name}`) ?? []) changed();
  }

  secret(namespace: string, name: string): ApiObject | undefined {
    const data = this.#data.get(`${namespace}/${name}`);
    if (!data) return undefined;
    const encoded = Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString("base64")]);
    // What is read of Secrets is their data.
    return { data: Object.fromEntries(encoded) } as unknown as ApiObject;
  }

  watch(namespace: string, name: string, changed: () => void): () => void {
    const key = `${namespace}/${name}`;
    const watchers = this.#watchers.get(key) ?? new Set();
    this.#watchers.set(key, watchers.add(changed));
    return () => void watchers.delete(changed);
  }

  get watcherCount(): number {
    return [...this.#watchers.values()].reduce((count, { size }) => count + size, 0);
  }
}

export interface AskingParts {
  readonly clock: FakeClock;
  readonly board: QuestionBoard;
  readonly secrets: TestSecrets;
  readonly addresses: ServerAddresses;
}

export function askingParts(
  patterns: readonly string[] = ["*"],
  nameLookup: NameLookup = () => Promise.resolve(["127.0.0.1"]),
): AskingParts {
  // Samples have real times.
  const clock = new FakeClock(Date.now());
  return {
    clock,
    board: new QuestionBoard({ clock, random: seededRandom(1), log: silentLog }),
    secrets: new TestSecrets(),
    addresses: new ServerAddresses(policyOf(...patterns), clock, nameLookup),
  };
}

export interface TestServer extends AsyncDisposable {
  readonly port: number;
}

export function httpServer(
  respond: (request: IncomingMessage, response: ServerResponse, body: string) => void,
): Promise<TestServer> {
  return listening(
    createServer((request, response) => {
      let body = "";
      request.on("data", (chunk: Buffer) => (body += chunk.toString()));
      request.on("end", () => respond(request, response, body));
    }),
  );
}

/** Whatever is said to it, `said` decides what it does. */
export function rawServer(said: (socket: Socket, text: string) => void): Promise<TestServer> {
  return listening(
    createNetServer((socket) => {
      socket.on("error", () => {});
      socket.on("data", (chunk: Buffer) => said(socket, chunk.toString("latin1")));
    }),
  );
}

/** Accepts connections, and that is all. */
export function closingServer(): Promise<TestServer> {
  return listening(createNetServer((socket) => void socket.resetAndDestroy()));
}

export async function listening(server: Server | NetServer): Promise<TestServer> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  return {
    // It listens at a port.
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise((resolve) => void server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
