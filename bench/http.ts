/**
 * Servers that say hello, each a process of its own under the same load: one after the other, several rounds of all, so that
 * what else the machine does hits each of them. `bench/http/servers.ts` lists them.
 */
import { errorMessage } from "../kit/errors.ts";
import { findLoadGenerator, type Load, type LoadGenerator } from "./http/load.ts";
import { baseline, servers } from "./http/servers.ts";
import type { Server } from "./http/server.ts";
import { median, type Figure } from "./figure.ts";
import { cpuMsOf, memoryBytesOf } from "./processes.ts";

const rounds = 3;
const warmUpSeconds = 2;
/** A server is warm once it is hardly faster than it was before, or after so many warm-ups. */
const warmUpsMax = 5;
const warmGrowth = 1.1;
const measuredSeconds = 5;

interface Measurement extends Load {
  /** Processor time of all its processes: what a loaded machine changes least. */
  readonly cpuMicrosPerRequest: number;
  /** At the end of the load. */
  readonly memoryBytes: number;
}

/** One of each round, or why there is none. */
type Outcome = readonly Measurement[] | Error;

export async function* run(): AsyncIterable<Figure> {
  const generator = await findLoadGenerator();
  const outcomes = new Map<Server, Outcome>(servers.map((server) => [server, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [server, outcome] of outcomes) {
      if (!(outcome instanceof Error)) outcomes.set(server, await oneMore(server, outcome, generator));
    }
  }
  const base = outcomes.get(baseline);
  if (!base || base instanceof Error) throw new Error(`${baseline.name} was not measured`, { cause: base });
  for (const [server, outcome] of outcomes) yield* figuresOf(server, outcome, base);
}

async function oneMore(
  server: Server,
  before: readonly Measurement[],
  generator: LoadGenerator,
): Promise<Outcome> {
  try {
    return [...before, await measure(server, generator)];
  } catch (thrown) {
    return new Error(errorMessage(thrown), { cause: thrown });
  }
}

async function measure(server: Server, generator: LoadGenerator): Promise<Measurement> {
  const running = await server.start();
  try {
    await warmUp(running.url, generator);
    const pids = running.pids();
    const usedBeforeMs = cpuMsOf(pids);
    const load = await generator.run(running.url, measuredSeconds);
    const usedMs = cpuMsOf(pids) - usedBeforeMs;
    const requests = load.requestsPerSecond * measuredSeconds;
    if (requests === 0) throw new Error(`it answered nothing within ${measuredSeconds} s of load`);
    return {
      ...load,
      cpuMicrosPerRequest: (usedMs * 1_000) / requests,
      memoryBytes: memoryBytesOf(running.pids()),
    };
  } finally {
    await running.stop();
  }
}

/** Engines compile what is called often, pools fill. */
async function warmUp(url: string, generator: LoadGenerator): Promise<void> {
  let before = 0;
  for (let i = 0; i < warmUpsMax; i++) {
    const { requestsPerSecond } = await generator.run(url, warmUpSeconds);
    if (requestsPerSecond < before * warmGrowth) return;
    before = requestsPerSecond;
  }
}

function* figuresOf(server: Server, outcome: Outcome, base: readonly Measurement[]): Iterable<Figure> {
  if (outcome instanceof Error) {
    yield { name: server.name, notMeasured: outcome.message };
    return;
  }
  const of = (value: (measurement: Measurement, round: number) => number) => median(outcome.map(value));
  const ratio = of(
    ({ requestsPerSecond }, round) => requestsPerSecond / (base[round]?.requestsPerSecond ?? NaN),
  );
  yield { name: server.name, value: of(({ requestsPerSecond }) => requestsPerSecond), unit: "1/s" };
  if (server !== baseline) yield { name: `  against ${baseline.name}`, value: ratio, unit: "ratio" };
  yield { name: "  p50", value: of(({ p50Ms }) => p50Ms), unit: "ms" };
  yield { name: "  p99", value: of(({ p99Ms }) => p99Ms), unit: "ms" };
  yield {
    name: "  processor time of a request",
    value: of(({ cpuMicrosPerRequest }) => cpuMicrosPerRequest),
    unit: "µs",
  };
  yield {
    name: "  memory, its processes together",
    value: of(({ memoryBytes }) => memoryBytes) / 2 ** 20,
    unit: "MiB",
  };
  // The worst round: there is no good reason for a single one.
  const failed = Math.max(...outcome.map((measurement) => measurement.failed));
  if (failed > 0) yield { name: "  requests that failed, in a round at most", value: failed, unit: "" };
}
