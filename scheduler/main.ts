/** The scheduler process: reads flags, wires the parts, handles signals. Nothing imports it. */
import type { KeyObject } from "node:crypto";
import { systemClock } from "../kit/clock.ts";
import { errorCode, errorMessage } from "../kit/errors.ts";
import { createLog, type Log } from "../kit/log.ts";
import { systemRandom } from "../kit/random.ts";
import { stopRequested, tellParent } from "../kit/service.ts";
import { openTracer } from "../kit/tracing/open-tracer.ts";
import type { Tracer } from "../kit/tracing/tracer.ts";
import { openAuditLog } from "./apiserver/audit/audit-log.ts";
import type { AuditLog } from "./apiserver/audit/audit-log.ts";
import { ValueCodec } from "./apiserver/storage/encryption.ts";
import type { Store } from "./store/store.ts";
import { type ApiServer, createApiServer } from "./apiserver/api-server.ts";
import type { Monitoring } from "./apiserver/metrics/monitoring.ts";
import { AskedSources } from "./autoscaling/asked-sources.ts";
import { Engine } from "./engine/engine.ts";
import type { LiveResource } from "./apiserver/live-resource.ts";
import type { MeasuredResource } from "./apiserver/measured-resource.ts";
import { SchedulerMonitoring } from "./metrics/scheduler-monitoring.ts";
import { AssignmentProofs, proofSecrets } from "./nodes/assignment-proofs.ts";
import { NodeServer } from "./nodes/node-server.ts";
import {
  parsePrintPlacement,
  parseSchedulerOptions,
  schedulerUsage,
  type SchedulerOptions,
} from "./options.ts";
import { printPlacementConfig } from "./placement-config/print.ts";
import { PlacementRecorder } from "./recording/placement-recorder.ts";
import { runReplay } from "./replay-command.ts";
import { runRestore } from "./restore-command.ts";
import { openSqliteStore } from "./store/sqlite/sqlite-store.ts";
import { WorkloadTraces } from "./tracing/workload-traces.ts";

/** How long a graceful stop may take before the process ends anyway. Its store acknowledges nothing that is not on disk. */
const stopTimeoutMs = 10_000;

async function run(options: SchedulerOptions, log: Log): Promise<void> {
  const clock = systemClock;
  const random = systemRandom;
  // From here on, so that a parent that dies while we start leaves no scheduler behind.
  const stop = stopRequested(log);
  const tracer = tracerOf(options, log);
  const traces = tracer.isOn ? new WorkloadTraces(tracer, clock) : undefined;
  const audit = options.audit && (await openAuditLog({ ...options.audit, clock, log }));
  const store = await openSqliteStore({ file: options.storeFile, clock, log, random });
  if (options.encryption.kind === "missing")
    log.error("Secrets cannot be read or written", { reason: options.encryption.reason });
  // The engine needs the API server's backend, and the server the engine's instances: filled in before it listens.
  const live = new Map<string, LiveResource>();
  const measured = new Map<string, MeasuredResource>();
  const later: { engine?: Engine; monitoring?: Monitoring } = {};
  const api = await createApiServer({
    store,
    form: new ValueCodec(options.encryption),
    clock,
    random,
    log,
    tls: options.tls,
    tokens: options.tokens,
    serviceAccountKeys: options.serviceAccountKeys,
    audit,
    live,
    measured,
    simulator: () => later.engine?.simulator,
    callEndpoints: (uid) => later.engine?.callEndpoints(uid),
    monitoring: () => later.monitoring,
    traces,
    ...options.listen,
  });
  if (store.readOnly !== undefined) return serveReadOnly(options, { api, store, audit, stop, log });
  const recorder = options.recording && (await PlacementRecorder.open({ ...options.recording, clock, log }));
  const epoch = await api.backend.takeEpoch();
  const asked = new AskedSources({ ...options, backend: api.backend, clock, random, log });
  const engine = new Engine({
    ...engineOptions(options, api, asked),
    clock,
    random,
    log,
    observer: recorder,
    traces,
  });
  await engine.start();
  live.set("wasminstances", engine.live);
  measured.set("workloadusages", engine.usages);
  later.engine = engine;
  const nodes = new NodeServer({
    ...options.nodesListen,
    tls: options.tls,
    epoch,
    lostAfterMs: options.lostAfterMs,
    listener: engine.nodes,
    proofs: proofsOf(options),
    clock,
    log,
  });
  later.monitoring = monitoringOf(options, { engine, nodes, epoch, asked, tracer });
  const nodesAddress = await nodes.listen();
  const { url } = await api.listen();
  log.info("ready", { url, nodesAddress, epoch });
  await tellParent({ kind: "ready", url, nodesAddress });

  await stop;
  setTimeout(() => {
    log.error("stopping took too long");
    process.exit(1);
  }, stopTimeoutMs).unref();
  await api.drain();
  await nodes.close();
  await engine.close();
  await asked[Symbol.asyncDispose]();
  await recorder?.[Symbol.asyncDispose]();
  await api.close();
  await audit?.close();
  await store.close();
  await tracer[Symbol.asyncDispose]();
}

function tracerOf({ tracing }: SchedulerOptions, log: Log): Tracer {
  const packagesFrom = import.meta.filename;
  return openTracer(
    tracing,
    { service: "wherry-scheduler", instance: "", packagesFrom, clock: systemClock },
    log,
  );
}

interface MonitoredParts {
  readonly engine: Engine;
  readonly nodes: NodeServer;
  readonly epoch: number;
  readonly asked: AskedSources;
  readonly tracer: Tracer;
}

function monitoringOf(
  { tls }: SchedulerOptions,
  { engine, nodes, epoch, asked, tracer }: MonitoredParts,
): SchedulerMonitoring {
  return new SchedulerMonitoring({
    engine,
    sessions: nodes.figures,
    leadership: { epoch, certificate: tls.cert },
    autoscalers: () => engine.autoscalers,
    questions: () => asked.board.counts,
    tracer,
  });
}

function engineOptions(
  { lostAfterMs, placement, wideHostNamespaces, serviceAccountKeys }: SchedulerOptions,
  { backend, scales, counts }: ApiServer,
  { sources }: AskedSources,
) {
  return {
    backend,
    autoscaling: { scales, sources },
    lostAfterMs,
    placement,
    objectCounts: counts,
    wideHostNamespaces,
    ticketKeys: serviceAccountKeys.map(({ publicKey }) => publicPem(publicKey)),
  };
}

function publicPem(key: KeyObject): string {
  return key.export({ type: "spki", format: "pem" });
}

function proofsOf({ serviceAccountKeys, tls }: SchedulerOptions): AssignmentProofs {
  const signing = serviceAccountKeys.map(({ privateKey }) => privateKey);
  return new AssignmentProofs(proofSecrets(signing, tls.key));
}

interface ReadOnlyParts {
  readonly api: ApiServer;
  readonly store: Store;
  readonly audit: AuditLog | undefined;
  readonly stop: Promise<unknown>;
  readonly log: Log;
}

/**
 * A store that cannot be written takes no leadership: what runs goes on, nodes keep their instances, and people can read
 * what is declared, to save it.
 */
async function serveReadOnly(
  options: SchedulerOptions,
  { api, store, audit, stop, log }: ReadOnlyParts,
): Promise<void> {
  const { host, port } = options.nodesListen;
  const nodesAddress = `${host}:${port}`;
  const { url } = await api.listen();
  log.error("read-only: nothing is scheduled, and nodes are not listened to", { url });
  await tellParent({ kind: "ready", url, nodesAddress, readOnly: store.readOnly });
  await stop;
  await api.close();
  await audit?.close();
  await store.close();
}

async function main(): Promise<void> {
  const print = {
    out: (text: string) => void process.stdout.write(text),
    err: (text: string) => void process.stderr.write(text),
  };
  const [command, ...args] = process.argv.slice(2);
  if (command === "restore") {
    process.exitCode = runRestore(args, systemClock, systemRandom, print);
    return;
  }
  if (command === "replay") {
    process.exitCode = await runReplay(args, print);
    return;
  }
  let options: SchedulerOptions;
  try {
    const shown = parsePrintPlacement(process.argv.slice(2));
    if (shown) {
      process.stdout.write(printPlacementConfig(shown));
      return;
    }
    options = parseSchedulerOptions(process.argv.slice(2));
  } catch (thrown) {
    process.stderr.write(`wherry-scheduler: ${errorMessage(thrown)}\n\n${schedulerUsage}\n`);
    await tellParent({ kind: "failed", message: errorMessage(thrown) });
    process.exitCode = 2;
    return;
  }
  const log = createLog({ level: options.logLevel, name: "scheduler" });
  try {
    await run(options, log);
    process.exit(0);
  } catch (thrown) {
    log.error("the scheduler cannot go on", { err: thrown, code: errorCode(thrown) });
    await tellParent({ kind: "failed", message: errorMessage(thrown) });
    process.exit(1);
  }
}

await main();
