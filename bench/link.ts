/** What an exchange over a link costs, beside HTTP/1.1 of plain Node over the same kind of socket. */
import { mkdtempSync, rmSync } from "node:fs";
import { Agent, createServer as createHttpServer, request } from "node:http";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../kit/clock.ts";
import { silentLog } from "../kit/log.ts";
import { systemRandom } from "../kit/random.ts";
import type {
  AnswerListener,
  CalleeExchange,
  CallerExchange,
  RequestHead,
} from "../node-daemon/link/exchange.ts";
import { defaultLinkLimits } from "../node-daemon/link/limits.ts";
import { LinkCallee } from "../node-daemon/link/link-callee.ts";
import { LinkCaller } from "../node-daemon/link/link-caller.ts";
import type { LinkOptions } from "../node-daemon/link/link-connection.ts";
import { PeerDialer } from "../node-daemon/link/peers/peer-dialer.ts";
import { PeerListener } from "../node-daemon/link/peers/peer-listener.ts";
import { TestAuthority } from "../node-daemon/testing/certificates.ts";
import type { Figure } from "./figure.ts";

const exchanges = 200_000;
const largeBytes = 512 * 1024 * 1024;
const together = [1, 64] as const;
const hello = Buffer.from("hello, world\n");
const options: LinkOptions = {
  limits: defaultLinkLimits,
  clock: systemClock,
  log: silentLog,
  keepalive: false,
};
const head: RequestHead = {
  target: { kind: "instance", uid: "0f9c1f6e-6c35-4e7e-9b8e-0123456789ab" },
  method: "GET",
  scheme: "http",
  authority: "hello.example.com",
  path: "/greet?name=world",
  matchedPath: "/",
  headers: Object.entries({
    host: "hello.example.com",
    "user-agent": "wrk/4.1.0",
    accept: "*/*",
    "accept-encoding": "gzip, deflate",
    "x-forwarded-for": "10.0.0.7",
    "x-forwarded-proto": "http",
    traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
  }).flat(),
  clientAddress: "10.0.0.7",
  clientPort: 54_321,
  timeoutMs: 30_000,
  bodyLength: 0,
};
const answerHeaders = ["content-type", "text/plain", "content-length", "13"];

export async function* run(): AsyncIterable<Figure> {
  const folder = mkdtempSync(join(tmpdir(), "wherry-bench-"));
  try {
    for (const count of together) yield* besideHttp(folder, count);
    yield* betweenNodes();
    yield* large(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Both ends are this process, so what it costs is what both cost together. */
async function* besideHttp(folder: string, count: number): AsyncIterable<Figure> {
  const http = await overHttp(join(folder, `http-${count}.sock`), count);
  const link = await overLink(join(folder, `link-${count}.sock`), count);
  const what = `${count} at a time`;
  yield { name: `HTTP/1.1 of plain Node, ${what}`, value: http.perSecond, unit: "requests/s" };
  yield { name: `link, ${what}`, value: link.perSecond, unit: "requests/s" };
  yield { name: "  processor time, both ends together", value: link.cpuUs, unit: "µs" };
  yield { name: "  against HTTP/1.1", value: http.cpuUs / link.cpuUs, unit: "times less" };
}

interface Measured {
  readonly perSecond: number;
  readonly cpuUs: number;
}

async function measure(count: number, ask: (done: () => void) => void): Promise<Measured> {
  await rounds(count, exchanges / 10, ask);
  const cpu = process.cpuUsage();
  const begin = performance.now();
  await rounds(count, exchanges, ask);
  const seconds = (performance.now() - begin) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return { perSecond: exchanges / seconds, cpuUs: (user + system) / exchanges };
}

function rounds(count: number, total: number, ask: (done: () => void) => void): Promise<void> {
  return new Promise((resolve) => {
    let begun = 0;
    let done = 0;
    const next = () => {
      if (begun === total) return;
      begun++;
      ask(() => {
        if (++done === total) resolve();
        else next();
      });
    };
    for (let index = 0; index < count; index++) next();
  });
}

async function overHttp(path: string, count: number): Promise<Measured> {
  const server = createHttpServer((_request, response) => {
    response.writeHead(200, answerHeaders);
    response.end(hello);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const agent = new Agent({ keepAlive: true, maxSockets: count });
  const headers = head.headers.slice();
  try {
    return await measure(count, (done) => {
      const asked = request({ socketPath: path, path: head.path, agent, headers }, (response) => {
        response.on("data", () => {});
        response.on("end", done);
      });
      asked.end();
    });
  } finally {
    agent.destroy();
    server.close();
  }
}

async function overLink(path: string, count: number): Promise<Measured> {
  const { caller, close } = await linkTo(path, sayHello);
  try {
    return await measure(count, (done) => ask(caller, done));
  } finally {
    close();
  }
}

function ask(
  way: { open(head: RequestHead, listener: AnswerListener): CallerExchange | undefined },
  done: () => void,
): void {
  const exchange = way.open(head, {
    head() {},
    data: (bytes) => exchange?.consumed(bytes.length),
    end: done,
    fault: (fault) => {
      throw new Error(JSON.stringify(fault));
    },
    drain() {},
  });
  exchange?.end([]);
}

function sayHello(exchange: CalleeExchange): void {
  exchange.respond({ status: 200, headers: answerHeaders });
  exchange.write(hello);
  exchange.end({ trailers: [] });
}

/** The same over mutual TLS, as between gateways. */
async function* betweenNodes(): AsyncIterable<Figure> {
  const parts = { clock: systemClock, log: silentLog, random: systemRandom };
  const authority = await TestAuthority.make();
  const identityOf = async (node: string) => {
    const { ca, cert, key } = await authority.issue(`system:node:${node}`);
    return { caPem: ca.toString(), certPem: cert.toString(), keyPem: key.toString() };
  };
  using listener = new PeerListener(sayHello, parts);
  listener.replaceIdentity(await identityOf("there"));
  const server = createServer({ noDelay: true }, (socket) => listener.accept(socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const dialer = new PeerDialer(parts);
  dialer.replaceIdentity(await identityOf("here"));
  const client = dialer.dial("there", `127.0.0.1:${(server.address() as AddressInfo).port}`);
  for (const count of together) {
    const { perSecond, cpuUs } = await measure(count, (done) => ask(client, done));
    yield { name: `link over mutual TLS, ${count} at a time`, value: perSecond, unit: "requests/s" };
    yield { name: "  processor time, both ends together", value: cpuUs, unit: "µs" };
  }
  client.close();
  server.close();
}

/** One large answer, taken as it comes. */
async function* large(folder: string): AsyncIterable<Figure> {
  const piece = Buffer.alloc(64 * 1024);
  const { caller, close } = await linkTo(join(folder, "large.sock"), (exchange) => {
    exchange.respond({ status: 200, headers: [] });
    let left = largeBytes;
    const send = () => {
      while (left > 0) {
        left -= piece.length;
        if (!exchange.write(piece)) return;
      }
      exchange.end({ trailers: [] });
    };
    exchange.listen({ data() {}, end() {}, cancelled() {}, drain: send });
    send();
  });
  const begin = performance.now();
  await new Promise<void>((resolve) => {
    const exchange = caller.open(head, {
      head() {},
      data: (bytes) => exchange?.consumed(bytes.length),
      end: () => resolve(),
      fault: () => resolve(),
      drain() {},
    });
    exchange?.end([]);
  });
  const seconds = (performance.now() - begin) / 1000;
  close();
  yield { name: "link, one large answer", value: largeBytes / 2 ** 20 / seconds, unit: "MiB/s" };
}

async function linkTo(
  path: string,
  answer: (exchange: CalleeExchange) => void,
): Promise<{ readonly caller: LinkCaller; readonly close: () => void }> {
  const server: Server = createServer((socket) => {
    void new LinkCallee(socket, { request: answer, over() {} }, options);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const socket: Socket = connect(path);
  const caller = await new Promise<LinkCaller>((resolve) => {
    const caller = new LinkCaller(socket, { ready: () => resolve(caller), leaving() {}, over() {} }, options);
  });
  return {
    caller,
    close: () => {
      caller.close();
      server.close();
    },
  };
}
