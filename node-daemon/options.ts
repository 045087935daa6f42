import { readFileSync } from "node:fs";
import { availableParallelism, totalmem } from "node:os";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { cpuMillis, memoryBytes, parseQuantity } from "../api/quantity.ts";
import { checkExtendedResource } from "../api/extended-resource.ts";
import type { HostFolder } from "../api/host-paths.ts";
import { type ListenRule, parseListenRule } from "../api/listen-rules.ts";
import { errorMessage, WherryError } from "../kit/errors.ts";
import {
  parseTracingFlags,
  tracingFlags,
  type TracingOptions,
  tracingUsage,
} from "../kit/tracing/tracing-options.ts";
import { helloLimits } from "../proto/node-service.ts";
import { instancesDefault, processesDefault, reservedMemory } from "./core/limits.ts";
import { type MachineOptions, machineUsage, parseMachineFlags } from "./machine/machine-options.ts";
import {
  parseServingFlags,
  servingFlags,
  type ServingOptions,
  servingUsage,
} from "./serving/serving-options.ts";

export interface NodeCapacity {
  readonly cpuMillis: number;
  readonly memoryBytes: number;
  readonly instances: number;
  /** Instances that have a process of their own. */
  readonly processes: number;
  /** Amounts of extended resources, such as example.com/camera. */
  readonly extended: Readonly<Record<string, number>>;
}

/** Everything the node daemon is told at its start, parsed and complete. */
export interface DaemonOptions {
  readonly name: string;
  /** HOST:PORT. */
  readonly scheduler: string;
  readonly tls: { readonly ca: Buffer; readonly cert: Buffer; readonly key: Buffer };
  readonly stateDir: string;
  readonly allowedHostPaths: readonly HostFolder[];
  /** Never given to an instance, whatever is allowed. */
  readonly reservedHostPaths: readonly string[];
  readonly allowedListen: readonly ListenRule[];
  /** Namespaces that may connect to the machine's own addresses; `*` is every one. */
  readonly allowedLoopback: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly capacity: NodeCapacity;
  /** What instances may have of it. */
  readonly allocatable: NodeCapacity;
  readonly logLevel: string;
  readonly keepInstancesOnExit: boolean;
  readonly shimAgeMsMax: number;
  /** Undefined: a process that hosts instances waits for the next daemon for as long as it takes. */
  readonly orphanMs: number | undefined;
  readonly machine: MachineOptions;
  readonly serving: ServingOptions;
  /** undefined: there are no traces. */
  readonly tracing: TracingOptions | undefined;
}

export const daemonUsage = `Usage: wherry-node --name NAME --scheduler HOST:PORT --ca FILE --cert FILE --key FILE --state-dir DIR
  --name NAME              this node's name; the certificate must be for system:node:NAME
  --scheduler HOST:PORT    where the scheduler accepts nodes
  --ca, --cert, --key      PEM files: the cluster's CA, and this node's certificate and key
  --state-dir DIR          what the node keeps: instances, logs, cached modules, and Secrets in plain text
  --allow-host-path [NAMESPACE=]DIR
                           a directory that hostPath volumes and file:// modules may come from, for all namespaces or for
                           one (repeatable; default none)
  --reserve-host-path DIR  a directory that is never given, inside an allowed one (repeatable; always --state-dir
                           and the daemon's own program)
  --allow-listen [NAMESPACE=]ADDRESS:PORT[-PORT]
                           where instances may listen; ADDRESS may be * (repeatable; default nowhere)
  --allow-loopback NAMESPACE
                           whose instances may connect to this machine's own addresses, such as 127.0.0.1, if their template
                           lists them; * for all (repeatable; default nobody's)
  --label KEY=VALUE        a label of the node (repeatable)
  --cpu QUANTITY           cores for instances, such as 2 or 1500m (default: the machine's)
  --memory QUANTITY        memory for instances, such as 4Gi (default: the machine's, less a reserve)
  --max-instances N        how many instances at most (default ${instancesDefault})
  --extended-resource NAME=N
                           something else of the machine that instances can request, such as example.com/camera=2 (repeatable)
${machineUsage}
${servingUsage}
${tracingUsage}
  --keep-instances-on-exit leave instances running when the daemon is stopped, for the next one to take over
  --shim-max-age DURATION  after this time a process that hosts instances is replaced, such as 12h or 7d (1h to 20d, default 7d)
  --end-orphaned-shims-after SECONDS
                           without a node daemon for so long, processes that host instances end with them, and so does the
                           gateway (default: they wait)
  --log-level LEVEL        trace, debug, info, warn or error (default info)`;

const logLevels = new Set(["trace", "debug", "info", "warn", "error", "silent"]);

/** Throws a `WherryError` InvalidFlag that names the flag. */
export function parseDaemonOptions(args: readonly string[]): DaemonOptions {
  const values = parseFlags(args);
  const name = required(values.name, "name");
  if (!/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/.test(name)) {
    throw invalid("name", name, "lower case letters, digits, - and .");
  }
  const scheduler = required(values.scheduler, "scheduler");
  if (!/^.+:\d{1,5}$/.test(scheduler)) throw invalid("scheduler", scheduler, "HOST:PORT");
  const logLevel = values["log-level"] ?? "info";
  if (!logLevels.has(logLevel)) throw invalid("log-level", logLevel, [...logLevels].join(", "));
  return {
    name,
    scheduler,
    tls: { ca: file(values.ca, "ca"), cert: file(values.cert, "cert"), key: file(values.key, "key") },
    stateDir: resolve(required(values["state-dir"], "state-dir")),
    allowedHostPaths: (values["allow-host-path"] ?? []).map(parseRoot),
    reservedHostPaths: (values["reserve-host-path"] ?? []).map(absolutePath("reserve-host-path")),
    allowedListen: (values["allow-listen"] ?? []).map(parseListen),
    allowedLoopback: (values["allow-loopback"] ?? []).map(parseNamespace),
    labels: Object.fromEntries((values.label ?? []).map(parseLabel)),
    ...capacities(values),
    logLevel,
    keepInstancesOnExit: values["keep-instances-on-exit"] ?? false,
    shimAgeMsMax: shimAge(values["shim-max-age"] ?? "7d"),
    orphanMs: orphanMs(values["end-orphaned-shims-after"]),
    machine: parseMachineFlags(values),
    serving: parseServingFlags(values, availableParallelism()),
    tracing: parseTracingFlags(values),
  };
}

function parseFlags(args: readonly string[]) {
  const text = { type: "string" } as const;
  const texts = { type: "string", multiple: true } as const;
  try {
    return parseArgs({
      args: [...args],
      options: {
        name: text,
        scheduler: text,
        ca: text,
        cert: text,
        key: text,
        "state-dir": text,
        "allow-host-path": texts,
        "reserve-host-path": texts,
        "allow-listen": texts,
        "allow-loopback": texts,
        label: texts,
        cpu: text,
        memory: text,
        "max-instances": text,
        "max-processes": text,
        "extended-resource": texts,
        "eviction-memory": text,
        "eviction-disk": text,
        "metrics-address": text,
        "metrics-per-instance": { type: "boolean" },
        "keep-instances-on-exit": { type: "boolean" },
        "shim-max-age": text,
        "end-orphaned-shims-after": text,
        "log-level": text,
        ...servingFlags,
        ...tracingFlags,
      },
    }).values;
  } catch (thrown) {
    throw new WherryError("InvalidFlag", errorMessage(thrown), { cause: thrown });
  }
}

type Flags = ReturnType<typeof parseFlags>;

function required(value: string | undefined, flag: string): string {
  if (value === undefined || value === "") throw new WherryError("InvalidFlag", `--${flag} is required`);
  return value;
}

function invalid(flag: string, value: string, expected: string): WherryError {
  return new WherryError("InvalidFlag", `--${flag}: "${value}" is not valid; expected ${expected}`);
}

function file(path: string | undefined, flag: string): Buffer {
  try {
    return readFileSync(required(path, flag));
  } catch (thrown) {
    if (thrown instanceof WherryError) throw thrown;
    throw new WherryError("InvalidFlag", `--${flag}: ${errorMessage(thrown)}`, { cause: thrown });
  }
}

function absolutePath(flag: string): (path: string) => string {
  return (path) => {
    if (path === "") throw invalid(flag, path, "a directory");
    return resolve(path);
  };
}

/** Splits `NAMESPACE=VALUE`; a folder whose name looks like that is written `./a=b`. */
function splitNamespace(text: string): readonly [namespace: string | undefined, value: string] {
  const match = /^([a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?)=(.*)$/s.exec(text);
  return match === null ? [undefined, text] : [match[1], match[2] ?? ""];
}

function parseRoot(text: string): HostFolder {
  const [namespace, path] = splitNamespace(text);
  return { namespace, path: absolutePath("allow-host-path")(path) };
}

function parseListen(text: string): ListenRule {
  const [namespace, endpoint] = splitNamespace(text);
  const rule = parseListenRule(endpoint, namespace);
  if (rule !== undefined) return rule;
  throw invalid("allow-listen", text, "[NAMESPACE=]ADDRESS:PORT[-PORT], such as 127.0.0.1:8000-8999");
}

function parseNamespace(text: string): string {
  if (text === "*" || /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(text)) return text;
  throw invalid("allow-loopback", text, "a namespace, or *");
}

function parseLabel(text: string): readonly [string, string] {
  const equals = text.indexOf("=");
  if (equals < 1) throw invalid("label", text, "KEY=VALUE");
  return [text.slice(0, equals), text.slice(equals + 1)];
}

function capacities(values: Flags): Pick<DaemonOptions, "capacity" | "allocatable"> {
  // In a container the machine's memory is not what one may have.
  const constrained = process.constrainedMemory();
  const machineBytes = constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
  const reserved = Math.max(reservedMemory.bytesMin, machineBytes * reservedMemory.share);
  const cpu = quantity(values.cpu, "cpu", cpuMillis) ?? availableParallelism() * 1000;
  const memory = quantity(values.memory, "memory", memoryBytes);
  const instances = count(values["max-instances"], "max-instances") ?? instancesDefault;
  const allocatableBytes = memory ?? wholeMebibytes(Math.max(0, machineBytes - reserved));
  const processes =
    count(values["max-processes"], "max-processes") ??
    Math.min(processesDefault.most, Math.ceil(allocatableBytes / processesDefault.memoryBytesEach));
  const extended = extendedResources(values["extended-resource"] ?? []);
  const alike = { cpuMillis: cpu, instances, processes, extended };
  return {
    capacity: { ...alike, memoryBytes: memory ?? wholeMebibytes(machineBytes) },
    allocatable: { ...alike, memoryBytes: allocatableBytes },
  };
}

function extendedResources(texts: readonly string[]): Readonly<Record<string, number>> {
  const flag = "extended-resource";
  const amounts = new Map<string, number>();
  const { extendedMax } = helloLimits;
  if (texts.length > extendedMax)
    throw invalid(flag, texts[extendedMax] ?? "", `at most ${extendedMax} of them`);
  for (const text of texts) {
    const [name = "", amount = ""] = text.split("=", 2);
    const problem = checkExtendedResource(name);
    if (problem !== undefined || !/^\d+$/.test(amount) || !Number.isSafeInteger(Number(amount)))
      throw invalid(
        flag,
        text,
        `NAME=N, such as example.com/camera=2${problem === undefined ? "" : ` (${problem})`}`,
      );
    if (amounts.has(name)) throw invalid(flag, text, "each name once");
    amounts.set(name, Number(amount));
  }
  return Object.fromEntries(amounts);
}

/** So that people can read it. */
function wholeMebibytes(bytes: number): number {
  return Math.floor(bytes / 2 ** 20) * 2 ** 20;
}

function quantity(
  text: string | undefined,
  flag: string,
  amount: (text: string) => number,
): number | undefined {
  if (text === undefined) return undefined;
  const parsed = parseQuantity(text);
  if (parsed.kind === "invalid" || parsed.milli <= 0n)
    throw invalid(flag, text, "a quantity above zero, such as 2 or 4Gi");
  return amount(text);
}

/** A timer waits for 24 days at most; within an hour nothing that leaks slowly has got far. */
function shimAge(text: string): number {
  const match = /^(\d{1,4})([hd])$/.exec(text);
  const hours = Number(match?.[1]) * (match?.[2] === "d" ? 24 : 1);
  if (hours >= 1 && hours <= 480) return hours * 3_600_000;
  throw invalid("shim-max-age", text, "hours or days from 1h to 20d, such as 12h or 7d");
}

function orphanMs(text: string | undefined): number | undefined {
  const seconds = count(text, "end-orphaned-shims-after");
  return seconds === undefined ? undefined : Math.min(seconds, orphanSecondsMax) * 1000;
}

/** What a timer can wait for. */
const orphanSecondsMax = 20 * 24 * 3_600;

function count(text: string | undefined, flag: string): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < 1) {
    throw invalid(flag, text, "a whole number above zero");
  }
  return value;
}
