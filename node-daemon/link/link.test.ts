import { duplexPair, type Duplex } from "node:stream";
import { expect, test } from "vitest";
import { FakeClock } from "../../kit/fake-clock.ts";
import { silentLog } from "../../kit/log.ts";
import type {
  AnswerListener,
  CalleeExchange,
  ExchangeEnd,
  ExchangeFault,
  RequestHead,
  ResponseHead,
} from "./exchange.ts";
import { defaultLinkLimits, type LinkLimits } from "./limits.ts";
import { LinkCallee } from "./link-callee.ts";
import { LinkCaller } from "./link-caller.ts";
import type { LinkEnd } from "./link-connection.ts";

export const someHead: RequestHead = {
  target: { kind: "instance", uid: "i-1" },
  method: "GET",
  scheme: "http",
  authority: "example.com",
  path: "/a?b=c",
  matchedPath: "/a",
  headers: ["accept", "*/*"],
  clientAddress: "10.0.0.7",
  clientPort: 4_321,
  timeoutMs: 1_000,
  bodyLength: undefined,
};

class Heard implements AnswerListener {
  readonly events: string[] = [];
  readonly pieces: Buffer[] = [];
  onData: (bytes: Buffer) => void = () => {};
  head(head: ResponseHead): void {
    this.events.push(`head ${head.status} ${head.headers.join(",")}`);
  }
  data(bytes: Buffer): void {
    this.pieces.push(bytes);
    this.onData(bytes);
  }
  end(end: ExchangeEnd): void {
    this.events.push(`end ${JSON.stringify(end)}`);
  }
  fault(fault: ExchangeFault): void {
    this.events.push(`fault ${fault.kind} ${"reason" in fault ? fault.reason : ""}`);
  }
  drain(): void {
    this.events.push("drain");
  }
  get text(): string {
    return Buffer.concat(this.pieces).toString();
  }
}

interface Pair {
  readonly caller: LinkCaller;
  readonly callee: LinkCallee;
  readonly requests: CalleeExchange[];
  readonly ends: LinkEnd[];
  readonly clock: FakeClock;
  readonly ends2: readonly [Duplex, Duplex];
}

function settled(): Promise<void> {
  return new Promise((resolve) => {
    let turns = 12;
    const next = () => (turns-- > 0 ? setImmediate(next) : resolve());
    next();
  });
}

async function pair(options: { limits?: Partial<LinkLimits>; keepalive?: boolean } = {}): Promise<Pair> {
  const clock = new FakeClock();
  const limits = { ...defaultLinkLimits, ...options.limits };
  const link = { limits, clock, log: silentLog, keepalive: options.keepalive ?? false };
  const [a, b] = duplexPair();
  const requests: CalleeExchange[] = [];
  const ends: LinkEnd[] = [];
  const callee = new LinkCallee(
    b,
    { request: (exchange) => requests.push(exchange), over: (end) => ends.push(end) },
    link,
  );
  const caller = new LinkCaller(
    a,
    { ready() {}, leaving() {}, settled() {}, over: (end) => ends.push(end) },
    link,
  );
  await settled();
  return { caller, callee, requests, ends, clock, ends2: [a, b] };
}

test("an exchange: head, body and end arrive on both sides", async () => {
  const { caller, requests } = await pair();
  const heard = new Heard();
  const exchange = caller.open(someHead, heard);
  exchange?.write(Buffer.from("question"));
  exchange?.end(["x-checksum", "1"]);
  await settled();
  const [request] = requests;
  expect(request?.head).toEqual(someHead);
  let body = "";
  request?.listen({
    data: (bytes) => (body += bytes.toString()),
    end: (trailers) => (body += trailers.join("=")),
    cancelled() {},
    drain() {},
  });
  expect(body).toBe("questionx-checksum=1");
  request?.respond({ status: 200, headers: ["x", "y"] });
  request?.write(Buffer.from("answer"));
  request?.end({ trailers: [], usage: { cpuUs: 5, fuel: 7 } });
  await settled();
  expect(heard.text).toBe("answer");
  expect(heard.events).toEqual(["head 200 x,y", 'end {"trailers":[],"usage":{"cpuUs":5,"fuel":7}}']);
  expect(caller.count).toBe(0);
});

test("goaway: those under way finish, what the callee has not seen is refused, and both ends close", async () => {
  const { caller, callee, requests, ends } = await pair();
  const early = new Heard();
  caller.open(someHead, early)?.end([]);
  await settled();
  callee.leave();
  const late = new Heard();
  caller.open(someHead, late)?.end([]);
  await settled();
  expect(late.events).toEqual(["fault refused draining"]);
  expect(caller.accepts).toBe(false);
  requests[0]?.respond({ status: 204, headers: [] });
  requests[0]?.end({ trailers: [] });
  await settled();
  expect(early.events).toEqual(["head 204 ", 'end {"trailers":[]}']);
  expect(ends.map((end) => end.reason)).toEqual(["closed", "closed"]);
});

test("a lost connection: what was sent is lost, what never left is refused, the callee hears of it", async () => {
  const { caller, requests, ends2 } = await pair();
  const sent = new Heard();
  caller.open(someHead, sent)?.end([]);
  await settled();
  let cancelled = 0;
  requests[0]?.listen({ data() {}, end() {}, cancelled: () => cancelled++, drain() {} });
  const unsent = new Heard();
  caller.open(someHead, unsent)?.end([]);
  ends2[0].destroy();
  await settled();
  expect(sent.events).toEqual(["fault failed lost"]);
  expect(unsent.events).toEqual(["fault refused broken"]);
  expect(cancelled).toBe(1);
});
