/**
 * A cluster on this machine: one scheduler and some node daemons as child processes.
 *
 *   lock ─▶ certificates ─▶ scheduler ready ─▶ kubeconfig ─▶ nodes ready ─▶ … ─▶ signal ─▶ nodes stop ─▶ scheduler stops
 *
 * Nodes start after the scheduler, since they need its port, and stop before it, so that it hears how their instances
 * ended. Whatever fails on the way in, everything that was started is stopped again, in the same order.
 */
import { existsSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join, resolve } from "node:path";
import { sleep, type Clock } from "../../kit/clock.ts";
import type { TracingFlags } from "../../kit/tracing/tracing-options.ts";
import { Failure } from "../failure.ts";
import { LocalCertificates } from "./certificates.ts";
import { errorLevel, RotatingFile, shortLine } from "./child-log.ts";
import { SupervisedChild, type ChildEvents } from "./child.ts";
import { writeLocalKubeconfig } from "./kubeconfig.ts";
import { gatewayFlags, type GatewayPorts } from "./gateway-flags.ts";
import { localLimits } from "./limits.ts";
import { StateLock } from "./lock.ts";
import { requireFreePort } from "./port.ts";
import { madeProgramsFolder } from "./program.ts";
import { isRunning, signalProcess, type ProcessIdentity } from "./process-identity.ts";
import { openStateDirectory, storeFileOf, type StateDirectory } from "./state-directory.ts";

export interface UpOptions extends GatewayPorts {
  /** How many node daemons. */
  readonly nodes: number;
  /** The API's port; the nodes' is the next one. 0: any two that are free. */
  readonly port: number;
  readonly stateDirectory: string;
  /** Directories that manifests may mount, beside the working directory. */
  readonly hostPaths: readonly string[];
  /** Where instances may listen, beside the machine's loopback addresses: as the daemon's `--allow-listen`. */
  readonly listen: readonly string[];
  /** The file for the scheduler's `--placement-config`. */
  readonly placementConfig: string | undefined;
  /** The file for the scheduler's `--record-placement`. */
  readonly recordPlacement: string | undefined;
  /** For the scheduler's `--allow-metrics-server`. */
  readonly metricServers: readonly string[];
  /** Whether metrics have series of each instance. */
  readonly metricsPerInstance: boolean;
  /** For the daemons, and what the scheduler takes of them for it. */
  readonly tracing: TracingFlags;
  /** Show the children's informational lines as well. */
  readonly verbose: boolean;
  readonly workingDirectory: string;
  readonly hostname: string;
  readonly schedulerProgram: string;
  readonly nodeProgram: string;
}

export interface SchedulerReady {
  readonly kind: "ready";
  readonly url: string;
  /** HOST:PORT where the daemons dial in. */
  readonly nodesAddress: string;
  /** Why the store can only be read; then daemons are not listened to. */
  readonly readOnly?: string;
}

export interface NodeReady {
  readonly kind: "ready";
  readonly name: string;
  readonly capacity: { readonly cpuMillis: number; readonly memoryBytes: number; readonly instances: number };
  readonly runtimes: readonly string[];
  /** Of its gateway. */
  readonly urls: readonly string[];
}

export interface RunningCluster {
  readonly url: string;
  readonly kubeconfig: string;
  /** Why nothing can be written or scheduled; there are no nodes then. */
  readonly readOnly: string | undefined;
  readonly nodes: readonly NodeReady[];
}

export interface UpEvents {
  /** Everything runs. */
  readonly onReady: (cluster: RunningCluster) => void;
  /** A line for the user: warnings of children, restarts. */
  readonly onNotice: (text: string) => void;
}

export interface UpSignals {
  /** Stop in order. */
  readonly stop: AbortSignal;
  /** Do not wait any longer. */
  readonly kill: AbortSignal;
}

/** Runs a cluster until `stop` aborts. Rejects with a {@link Failure} when it cannot start. */
export async function up(
  options: UpOptions,
  events: UpEvents,
  signals: UpSignals,
  clock: Clock,
): Promise<void> {
  const directory = openStateDirectory(options.stateDirectory);
  using lock = new StateLock(directory.lock, options.stateDirectory);
  await endLeftovers(lock.leftovers, events, clock);
  const nodesPort = options.port === 0 ? 0 : options.port + 1;
  await requireFreePort(options.port, "the API");
  await requireFreePort(nodesPort, "the node daemons");
  await using cluster = new LocalCluster(options, directory, lock, events, clock);
  const kill = () => cluster.kill();
  signals.kill.addEventListener("abort", kill, { once: true });
  const stopped = new Promise<undefined>((resolve) => {
    const stop = () => resolve(undefined);
    if (signals.stop.aborted) stop();
    else signals.stop.addEventListener("abort", stop, { once: true });
  });
  const running = await Promise.race([cluster.start(nodesPort), stopped]);
  if (running) events.onReady(running);
  await stopped;
}

class LocalCluster implements AsyncDisposable {
  readonly #options: UpOptions;
  readonly #directory: StateDirectory;
  readonly #lock: StateLock;
  readonly #clock: Clock;
  readonly #childEvents: ChildEvents;
  readonly #logs = new Map<string, RotatingFile>();
  readonly #certificates: LocalCertificates;
  #scheduler: SupervisedChild<SchedulerReady> | undefined;
  #nodes: readonly SupervisedChild<NodeReady>[] = [];
  #closing = false;

  constructor(
    options: UpOptions,
    directory: StateDirectory,
    lock: StateLock,
    events: UpEvents,
    clock: Clock,
  ) {
    this.#options = options;
    this.#directory = directory;
    this.#lock = lock;
    this.#clock = clock;
    this.#certificates = new LocalCertificates(directory.pki, () => clock.now());
    this.#childEvents = {
      onLine: (child, line) => {
        this.#logs.get(child)?.writeLine(line);
        const short = shortLine(child, line, this.#shownLevel(child));
        if (short !== undefined) events.onNotice(short);
      },
      onNotice: events.onNotice,
      onProcesses: () => this.#recordChildren(),
    };
  }

  async start(nodesPort: number): Promise<RunningCluster> {
    const names = nodeNames(this.#options.hostname, this.#options.nodes);
    const hosts = ["localhost", "127.0.0.1", "::1", this.#options.hostname];
    const server = await this.#certificates.scheduler(hosts);
    const identities = await Promise.all(names.map((name) => this.#certificates.node(name)));
    const admin = this.#certificates.adminToken();
    const serviceAccountKey = this.#certificates.serviceAccountKey();
    const encryptionKeyFile = this.#encryptionKeyFile();
    const listen = { api: `127.0.0.1:${this.#options.port}`, nodes: `127.0.0.1:${nodesPort}` };
    if (this.#closing) throw new Failure("stopped while starting");
    this.#scheduler = this.#child<SchedulerReady>("scheduler", {
      program: this.#options.schedulerProgram,
      args: () =>
        flags({
          store: `sqlite:${storeFileOf(this.#directory)}`,
          listen: listen.api,
          "nodes-listen": listen.nodes,
          ca: server.ca,
          cert: server.certificate,
          key: server.key,
          "token-file": admin.file,
          "service-account-key-file": serviceAccountKey,
          "encryption-key-file": encryptionKeyFile,
          // Whoever runs it is its only tenant.
          "wide-host-namespaces": "default",
          "allow-metrics-server": this.#options.metricServers,
          ...(this.#options.placementConfig === undefined
            ? {}
            : { "placement-config": this.#options.placementConfig }),
          ...(this.#options.recordPlacement === undefined
            ? {}
            : { "record-placement": this.#options.recordPlacement }),
          ...schedulerTracing(this.#options.tracing),
          "log-level": "info",
        }),
      stopMs: localLimits.schedulerStopMs,
    });
    const ready = await this.#scheduler.start();
    // A scheduler that is started again must be found where it was.
    listen.api = new URL(ready.url).host;
    listen.nodes = ready.nodesAddress;
    const access = { server: ready.url, caFile: server.ca, token: admin.token };
    writeLocalKubeconfig(this.#directory.kubeconfig, access);
    if (this.#closing) throw new Failure("stopped while starting");
    const cluster = { url: ready.url, kubeconfig: this.#directory.kubeconfig, readOnly: ready.readOnly };
    if (ready.readOnly !== undefined) return { ...cluster, nodes: [] };
    this.#nodes = names.map((name, index) => {
      const files = identities[index] ?? server;
      return this.#child<NodeReady>(`node-${name}`, {
        program: this.#options.nodeProgram,
        args: () =>
          flags({
            name,
            scheduler: listen.nodes,
            ca: files.ca,
            cert: files.certificate,
            key: files.key,
            "state-dir": this.#directory.node(name),
            "log-level": "info",
            "allow-host-path": allowedHostPaths(this.#options),
            "reserve-host-path": [this.#directory.root, madeProgramsFolder],
            // Whoever starts a cluster on a machine of their own writes its manifests, too.
            "allow-listen": ["127.0.0.1:1024-65535", "[::1]:1024-65535", ...this.#options.listen],
            "allow-loopback": "*",
            // When this stops, instances stop with it; if it was killed and is not started again, they do as well.
            "end-orphaned-shims-after": String(localLimits.orphanedShimsSeconds),
            // The scheduler says where they are: /sd/prometheus.
            "metrics-address": "127.0.0.1:0",
            ...(this.#options.metricsPerInstance ? { "metrics-per-instance": "" } : {}),
            ...given({ ...this.#options.tracing }),
            ...gatewayFlags(this.#options, index),
            ...shareOfMachine(names.length),
          }),
        stopMs: localLimits.nodeStopMs,
      });
    });
    const nodes = await Promise.all(this.#nodes.map((node) => node.start()));
    return { ...cluster, nodes };
  }

  #shownLevel(child: string): number | undefined {
    if (this.#options.verbose) return 0;
    // The nodes are stopped first. That they are gone is no news then.
    return this.#closing && child === "scheduler" ? errorLevel : undefined;
  }

  kill(): void {
    for (const child of [...this.#nodes, ...(this.#scheduler ? [this.#scheduler] : [])]) child.kill();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing = true;
    await Promise.all(this.#nodes.map((node) => node.stop()));
    await this.#scheduler?.stop();
    for (const log of this.#logs.values()) log[Symbol.dispose]();
  }

  /** A key that is lost is not missed before somebody reads a Secret: who deletes the file by mistake should hear of it. */
  #encryptionKeyFile(): string {
    const isLost = existsSync(storeFileOf(this.#directory)) && !this.#certificates.hasEncryptionKey;
    const file = this.#certificates.encryptionKeyFile();
    if (isLost)
      this.#childEvents.onNotice(
        `${file} was missing beside a store: a new key was made for it. Secrets that are stored under another key can be read again once that key's line is put back, after the first`,
      );
    return file;
  }

  #child<Ready>(name: string, spec: Omit<ConstructorParameters<typeof SupervisedChild>[0], "name">) {
    this.#logs.set(name, new RotatingFile(join(this.#directory.logs, `${name}.log`)));
    return new SupervisedChild<Ready>({ name, ...spec }, this.#childEvents, this.#clock);
  }

  #recordChildren(): void {
    const children = [this.#scheduler, ...this.#nodes].flatMap((child) => child?.identity ?? []);
    this.#lock.record(children);
  }
}

/** The first node has the machine's name whatever the number of nodes, so that it keeps its state. */
export function nodeNames(hostname: string, count: number): readonly string[] {
  const cleaned = hostname.toLowerCase().replaceAll(/[^a-z0-9-]+/g, "-");
  const first = cleaned.slice(0, 50).replaceAll(/^-+|-+$/g, "") || "node";
  return Array.from({ length: count }, (_, index) => (index === 0 ? first : `${first}-${index + 1}`));
}

function allowedHostPaths({ workingDirectory, hostPaths }: UpOptions): readonly string[] {
  return [...new Set([workingDirectory, ...hostPaths.map((path) => resolve(workingDirectory, path))])];
}

/** `--name value` for each entry; a list repeats its flag, and one without a value is empty. */
function flags(values: Readonly<Record<string, string | readonly string[]>>): readonly string[] {
  return Object.entries(values).flatMap(([name, value]) =>
    [value].flat().flatMap((one) => (one === "" ? [`--${name}`] : [`--${name}`, one])),
  );
}

function schedulerTracing({ "otlp-endpoint": endpoint }: TracingFlags): Readonly<Record<string, string>> {
  return given({ "otlp-endpoint": endpoint });
}

/** Those that have a value. */
function given(values: Readonly<Record<string, string | undefined>>): Readonly<Record<string, string>> {
  const entries = Object.entries(values);
  return Object.fromEntries(entries.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}

/** Several daemons on one machine share it: each would otherwise offer all of it. */
function shareOfMachine(nodes: number): { readonly cpu?: string; readonly memory?: string } {
  if (nodes === 1) return {};
  const cpuMillis = Math.floor((cpus().length * 1000) / nodes);
  // In a container the machine's memory is not what one may have.
  const limit = process.constrainedMemory();
  const bytes = limit > 0 ? Math.min(limit, totalmem()) : totalmem();
  const memoryMiB = Math.floor((bytes * localLimits.nodesMemoryShare) / nodes / 2 ** 20);
  return { cpu: `${cpuMillis}m`, memory: `${memoryMiB}Mi` };
}

/** Children of an `up` that was killed are stopping by themselves; this waits for them, and ends those that hang. */
async function endLeftovers(
  leftovers: readonly ProcessIdentity[],
  events: UpEvents,
  clock: Clock,
): Promise<void> {
  if (!leftovers.some(isRunning)) return;
  events.onNotice("waiting for the processes of an earlier run to end");
  const deadline = clock.monotonic() + localLimits.leftoversMs;
  while (leftovers.some(isRunning) && clock.monotonic() < deadline) {
    // They are no children of this process: the system tells of their end only to those who look.
    await sleep(clock, localLimits.leftoversLookMs);
  }
  for (const leftover of leftovers) signalProcess(leftover, "SIGKILL");
}
