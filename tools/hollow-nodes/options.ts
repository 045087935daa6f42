import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { cpuMillis, memoryBytes, parseQuantity } from "../../api/quantity.ts";
import { errorMessage, WherryError } from "../../kit/errors.ts";
import type { HollowClusterOptions } from "./hollow-cluster.ts";
import type { DelayRange } from "./hollow-instances.ts";
import { type HollowLoad, sleepingLoad } from "./hollow-load.ts";
import type { HollowRuntime, HollowTraits } from "./hollow-node.ts";
import { nodesMax, workersMax } from "./limits.ts";

/** Everything the program is told at its start, parsed and complete. */
export interface HollowOptions extends HollowClusterOptions {
  readonly workers: number;
  readonly logLevel: string;
}

export const hollowUsage = `usage: npm run hollow-nodes -- --nodes N [--join HOST:PORT] [--pki DIR] …
  --nodes N                how many nodes to pretend (default 10)
  --join HOST:PORT         where the scheduler accepts nodes (default 127.0.0.1:7444)
  --pki DIR                folder with the cluster's ca.crt and ca.key; the nodes' certificates are put beside them (default .wherry/pki)
  --prefix NAME            nodes are called NAME0, NAME1, … (default hollow-)
  --first N                the number of the first node (default 0)
  --zones N                spreads the nodes over zone-1 to zone-N by the label topology.kubernetes.io/zone (default: no label)
  --label KEY=VALUE        a label of all nodes (repeatable)
  --cpu QUANTITY           of each node (default 4)
  --memory QUANTITY        of each node (default 16Gi)
  --max-instances N        of each node (default 1000)
  --max-processes N        instances with a process of their own, of each node (default 100)
  --runtime NAME[@VERSION][:FEATURE,…]
                           what the nodes say they have (repeatable; default v8 as a real node has it)
  --start-delay DURATION[-DURATION]
                           between an assignment and Running, such as 250ms, or 1s-60s for any between (default 0s)
  --run-for DURATION       how long runs last that are to end: those of jobs, and those that fail (default 1s)
  --fail-share SHARE       of runs that fail, from 0 to 1 (default 0)
  --usage-interval DURATION
                           how often nodes tell what each instance uses; 0s: never (default 10s)
  --instance-cpu QUANTITY, --instance-memory QUANTITY
                           what each instance uses (default 50u, 64Ki)
  --requests-per-second N  that arrive at each node for each instance there (default 0: nodes have no traffic)
  --answer-after DURATION  how long a request is in flight (default 20ms)
  --wave DURATION          cpu and requests go up to twice and down to nothing once within this time (default 0s: they stay)
  --metrics                each node serves its metrics at a port of 127.0.0.1
  --seed N                 which runs fail (default 1)
  --workers N              processes to divide the nodes among (default 1)
  --log-level LEVEL        trace, debug, info, warn, error or silent (default warn)`;

const text = { type: "string" } as const;
const texts = { type: "string", multiple: true } as const;
const flags = {
  nodes: text,
  join: text,
  pki: text,
  prefix: text,
  first: text,
  zones: text,
  label: texts,
  cpu: text,
  memory: text,
  "max-instances": text,
  "max-processes": text,
  runtime: texts,
  "start-delay": text,
  "run-for": text,
  "fail-share": text,
  "usage-interval": text,
  "instance-cpu": text,
  "instance-memory": text,
  "requests-per-second": text,
  "answer-after": text,
  wave: text,
  metrics: { type: "boolean" } as const,
  seed: text,
  workers: text,
  "log-level": text,
};
type Flags = ReturnType<typeof parseFlags>;

const defaultRuntime: HollowRuntime = {
  name: "v8",
  version: process.versions.v8,
  features: [
    "wasi_snapshot_preview1",
    "wasi_unstable",
    "fuel",
    "memory-limit",
    "shared-process",
    "isolation-process",
  ],
};
const logLevels = new Set(["trace", "debug", "info", "warn", "error", "silent"]);

/** Throws a `WherryError` InvalidFlag that names the flag. Paths are relative to `folder`. */
export function parseHollowOptions(args: readonly string[], folder: string): HollowOptions {
  const values = parseFlags(args);
  const join = values.join ?? "127.0.0.1:7444";
  if (!/^.+:\d{1,5}$/.test(join)) throw invalid("join", join, "HOST:PORT");
  const prefix = values.prefix ?? "hollow-";
  if (!/^[a-z0-9][-a-z0-9.]{0,200}$/.test(prefix))
    throw invalid("prefix", prefix, "lower case letters, digits, - and .");
  const logLevel = values["log-level"] ?? "warn";
  if (!logLevels.has(logLevel)) throw invalid("log-level", logLevel, [...logLevels].join(", "));
  const count = whole(values, "nodes", 10, 1, nodesMax);
  return {
    traits: { join, ...traits(values) },
    first: whole(values, "first", 0, 0, 1_000_000),
    count,
    prefix,
    labels: Object.fromEntries((values.label ?? []).map(parseLabel)),
    zones: whole(values, "zones", 0, 0, nodesMax),
    pki: pkiFolder(resolve(folder, values.pki ?? ".wherry/pki")),
    seed: whole(values, "seed", 1, 0, 2 ** 31 - 1),
    workers: Math.min(count, whole(values, "workers", 1, 1, workersMax)),
    logLevel,
  };
}

function parseFlags(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: flags }).values;
  } catch (thrown) {
    throw new WherryError("InvalidFlag", errorMessage(thrown), { cause: thrown });
  }
}

function traits(values: Flags): Omit<HollowTraits, "join"> {
  const runtimes = (values.runtime ?? []).map(parseRuntime);
  return {
    capacity: {
      cpuMillis: quantity("cpu", values.cpu ?? "4", cpuMillis),
      memoryBytes: quantity("memory", values.memory ?? "16Gi", memoryBytes),
      instances: whole(values, "max-instances", 1_000, 1, 1_000_000),
      processes: whole(values, "max-processes", 100, 0, 1_000_000),
    },
    runtimes: runtimes.length > 0 ? runtimes : [defaultRuntime],
    startDelay: delayRange(values["start-delay"] ?? "0s"),
    runMs: duration("run-for", values["run-for"] ?? "1s"),
    failShare: share("fail-share", values["fail-share"] ?? "0"),
    usageIntervalMs: duration("usage-interval", values["usage-interval"] ?? "10s") || undefined,
    load: load(values),
    servesMetrics: values.metrics ?? false,
  };
}

function load(values: Flags): HollowLoad {
  const cpu = values["instance-cpu"];
  const memory = values["instance-memory"];
  return {
    cpuMillis: cpu === undefined ? sleepingLoad.cpuMillis : quantity("instance-cpu", cpu, cpuMillis),
    memoryBytes:
      memory === undefined ? sleepingLoad.memoryBytes : quantity("instance-memory", memory, memoryBytes),
    requestsPerSecond: whole(values, "requests-per-second", 0, 0, 1_000_000),
    answerMs: duration("answer-after", values["answer-after"] ?? `${sleepingLoad.answerMs}ms`),
    waveMs: duration("wave", values.wave ?? "0s"),
  };
}

/** A CA of our own would be no use: the scheduler knows one. */
function pkiFolder(pki: string): string {
  for (const name of ["ca.crt", "ca.key"])
    if (!existsSync(join(pki, name)))
      throw invalid(
        "pki",
        pki,
        `a folder with the cluster's ${name}, such as .wherry/pki after \`wherry up\``,
      );
  return pki;
}

function parseRuntime(value: string): HollowRuntime {
  const match = /^(?<name>[a-z0-9][-a-z0-9]*)(?:@(?<version>[^:@,]+))?(?::(?<features>[^:]+))?$/.exec(value);
  const { name, version = "0.0.0", features = "" } = match?.groups ?? {};
  if (name === undefined)
    throw invalid("runtime", value, "NAME[@VERSION][:FEATURE,…], such as wasmtime@42.0.0:simd");
  return { name, version, features: features.split(",").filter((feature) => feature !== "") };
}

function parseLabel(value: string): readonly [string, string] {
  const equals = value.indexOf("=");
  if (equals < 1) throw invalid("label", value, "KEY=VALUE");
  return [value.slice(0, equals), value.slice(equals + 1)];
}

function quantity(flag: string, value: string, amount: (value: string) => number): number {
  const parsed = parseQuantity(value);
  if (parsed.kind === "invalid" || parsed.milli <= 0n)
    throw invalid(flag, value, "a quantity above zero, such as 2 or 4Gi");
  return amount(value);
}

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000 };

function duration(flag: string, value: string): number {
  const match = /^(?<amount>\d{1,6})(?<unit>ms|s|m)$/.exec(value);
  const ms = Number(match?.groups?.["amount"]) * (unitMs[match?.groups?.["unit"] ?? ""] ?? Number.NaN);
  if (!(ms <= 3_600_000)) throw invalid(flag, value, "a duration up to 60m, such as 250ms or 10s");
  return ms;
}

function delayRange(value: string): DelayRange {
  const [from = "", to = from, ...more] = value.split("-");
  const range = { fromMs: duration("start-delay", from), toMs: duration("start-delay", to) };
  if (more.length > 0 || range.fromMs > range.toMs)
    throw invalid("start-delay", value, "a duration, or a range such as 250ms-10s");
  return range;
}

function share(flag: string, value: string): number {
  const number = /^\d(\.\d+)?$/.test(value) ? Number(value) : Number.NaN;
  if (!(number <= 1)) throw invalid(flag, value, "a share from 0 to 1, such as 0.01");
  return number;
}

function whole(
  values: Flags,
  flag:
    | "nodes"
    | "first"
    | "zones"
    | "max-instances"
    | "max-processes"
    | "requests-per-second"
    | "seed"
    | "workers",
  otherwise: number,
  min: number,
  max: number,
): number {
  const value = values[flag] ?? String(otherwise);
  const number = /^\d{1,10}$/.test(value) ? Number(value) : Number.NaN;
  if (!(number >= min && number <= max)) throw invalid(flag, value, `a whole number from ${min} to ${max}`);
  return number;
}

function invalid(flag: string, value: string, expected: string): WherryError {
  return new WherryError("InvalidFlag", `--${flag} ${value}: expected ${expected}`);
}
