/** Both ends of a link in one process, for tests. */
import { Duplex, duplexPair } from "node:stream";
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

export class Heard implements AnswerListener {
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

export interface Pair {
  readonly caller: LinkCaller;
  readonly callee: LinkCallee;
  readonly requests: CalleeExchange[];
  readonly ends: LinkEnd[];
  readonly clock: FakeClock;
  readonly duplexes: readonly [Duplex, Duplex];
}

export function settled(): Promise<void> {
  return new Promise((resolve) => {
    let turns = 12;
    const next = () => (turns-- > 0 ? setImmediate(next) : resolve());
    next();
  });
}

export async function pair(
  options: {
    readonly limits?: Partial<LinkLimits>;
    readonly keepalive?: boolean;
    readonly duplexes?: [Duplex, Duplex];
  } = {},
): Promise<Pair> {
  const clock = new FakeClock();
  const limits = { ...defaultLinkLimits, ...options.limits };
  const link = { limits, clock, log: silentLog, keepalive: options.keepalive ?? false };
  const [a, b] = options.duplexes ?? duplexPair();
  const requests: CalleeExchange[] = [];
  const ends: LinkEnd[] = [];
  const callee = new LinkCallee(
    b,
    { request: (exchange) => requests.push(exchange), over: (end) => ends.push(end) },
    link,
  );
  const caller = new LinkCaller(a, { ready() {}, leaving() {}, over: (end) => ends.push(end) }, link);
  await settled();
  return { caller, callee, requests, ends, clock, duplexes: [a, b] };
}

/** Two ends of a stream that takes little at a time, cuts what it is given anywhere, and hands it on some turns later. */
export function choppyPair(random: () => number): [Duplex, Duplex] {
  const near: ChoppyEnd = new ChoppyEnd(random, () => far);
  const far: ChoppyEnd = new ChoppyEnd(random, () => near);
  return [near, far];
}

class ChoppyEnd extends Duplex {
  readonly #random: () => number;
  readonly #peer: () => ChoppyEnd;
  #wanted: (() => void) | undefined;

  constructor(random: () => number, peer: () => ChoppyEnd) {
    super({ highWaterMark: 2_000, allowHalfOpen: false });
    this.#random = random;
    this.#peer = peer;
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    const next = (at: number) => {
      if (at >= chunk.length) {
        done();
        return;
      }
      const end = at + 1 + Math.floor(this.#random() ** 3 * 3_000);
      this.#peer().hand(Buffer.from(chunk.subarray(at, end)), () => setImmediate(next, end));
    };
    setImmediate(next, 0);
  }

  override _final(done: () => void): void {
    setImmediate(() => {
      this.#peer().push(null);
      done();
    });
  }

  override _read(): void {
    const wanted = this.#wanted;
    this.#wanted = undefined;
    wanted?.();
  }

  hand(bytes: Buffer, taken: () => void): void {
    if (this.push(bytes)) taken();
    else this.#wanted = taken;
  }
}
