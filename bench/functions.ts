/**
 * Calls of functions, from a program to a guest and back, with a gateway in between, beside the same messages by a gRPC library for Node to a
 * server that returns them. All of them by TLS, from one program that is no part of what is called.
 */
import { type Callee, guest, plainStream, plainUnary } from "./functions/callees.ts";
import { type Figure, median } from "./figure.ts";
import { cpuMsOf } from "./processes.ts";

const rounds = 3;
const calls = 20_000;
const warmUp = 10_000;
/** What a stream may have under way. */
const together = 256;
const alone = 500;
const input = Buffer.from("forty bytes that go there and come back.");

interface Measurement {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly calleeUs: number;
  readonly callerUs: number;
  /** Of calls one after the other. */
  readonly aloneMs: number;
}

export async function* run(): AsyncIterable<Figure> {
  await using stack = new AsyncDisposableStack();
  const starts = [
    plainStream,
    plainUnary,
    () => guest("module", 1_000),
    () => guest("module", 1),
    () => guest("component", 1_000),
  ];
  const measured = new Map<Callee, Measurement[]>();
  for (const start of starts) measured.set(stack.use(await start()), []);
  for (const callee of measured.keys()) await ask(callee, warmUp, together);
  // In turns, so that what else the machine does hits each of them.
  for (let round = 0; round < rounds; round++)
    for (const [callee, measurements] of measured) measurements.push(await measure(callee));
  const [first] = measured.keys();
  for (const [{ name, beside }, measurements] of measured) {
    const bases = [...measured].filter(([other]) => other === first || other.name === beside);
    yield* figuresOf(name, measurements, bases);
  }
}

async function measure(callee: Callee): Promise<Measurement> {
  const singles = await ask(callee, alone, 1);
  const pids = callee.pids();
  const cpu = process.cpuUsage();
  const calleeMs = cpuMsOf(pids);
  const beganMs = performance.now();
  const took = await ask(callee, calls, together);
  const seconds = (performance.now() - beganMs) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  return {
    perSecond: calls / seconds,
    p50Ms: at(took, 0.5),
    p99Ms: at(took, 0.99),
    calleeUs: ((cpuMsOf(pids) - calleeMs) * 1_000) / calls,
    callerUs: (user + system) / calls,
    aloneMs: at(singles, 0.5),
  };
}

/** Milliseconds of each, sorted. */
async function ask({ name, call }: Callee, count: number, atOnce: number): Promise<readonly number[]> {
  const took: number[] = [];
  let left = count;
  const asker = async () => {
    while (left-- > 0) {
      const beganMs = performance.now();
      const output = await call(input);
      if (output.byteLength !== input.byteLength) throw new Error(`${name} has answered something else`);
      took.push(performance.now() - beganMs);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, asker));
  return took.toSorted((a, b) => a - b);
}

function at(sorted: readonly number[], part: number): number {
  return sorted[Math.ceil(sorted.length * part) - 1] ?? Number.NaN;
}

function* figuresOf(
  name: string,
  measurements: readonly Measurement[],
  bases: readonly (readonly [Callee, readonly Measurement[]])[],
): Iterable<Figure> {
  const of = (value: (measurement: Measurement, round: number) => number) => median(measurements.map(value));
  yield { name, value: of(({ perSecond }) => perSecond), unit: "calls/s" };
  for (const [callee, base] of bases) {
    if (base === measurements) continue;
    const ratio = of(({ perSecond }, round) => perSecond / (base[round]?.perSecond ?? Number.NaN));
    yield { name: `  against ${callee.name}`, value: ratio, unit: "ratio" };
  }
  yield { name: `  p50, ${together} at a time`, value: of(({ p50Ms }) => p50Ms), unit: "ms" };
  yield { name: "  p99", value: of(({ p99Ms }) => p99Ms), unit: "ms" };
  yield { name: "  p50, one at a time", value: of(({ aloneMs }) => aloneMs), unit: "ms" };
  yield { name: "  processor time of the caller", value: of(({ callerUs }) => callerUs), unit: "µs" };
  yield { name: "  processor time of what is called", value: of(({ calleeUs }) => calleeUs), unit: "µs" };
}
