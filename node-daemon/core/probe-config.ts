/** Probes, preStop and the termination message of a template, fully defaulted. */
import type { InstanceSpec, Probe } from "../../api/gen/kinds.gen.ts";
import { mountOfPath, probedListener } from "../../api/validation/probes.ts";

const probeKinds = ["startup", "readiness", "liveness"] as const;
export type ProbeKind = (typeof probeKinds)[number];

/** What is asked, and where. */
export type ProbeTarget =
  | { readonly kind: "exec"; readonly args: readonly string[] }
  | {
      readonly kind: "httpGet";
      readonly address: string;
      readonly port: number;
      readonly path: string;
      readonly headers: readonly (readonly [string, string])[];
    }
  | { readonly kind: "tcpSocket"; readonly address: string; readonly port: number };

export interface ProbeConfig {
  readonly target: ProbeTarget;
  readonly initialDelayMs: number;
  readonly periodMs: number;
  readonly timeoutMs: number;
  readonly successThreshold: number;
  readonly failureThreshold: number;
  /** The instance's own when undefined. */
  readonly gracePeriodMs: number | undefined;
}

export type ProbeConfigs = Readonly<Partial<Record<ProbeKind, ProbeConfig>>>;

export type PreStop =
  | { readonly kind: "exec"; readonly args: readonly string[] }
  | { readonly kind: "sleep"; readonly ms: number };

/** Where a guest leaves its termination message. */
export interface TerminationMessageConfig {
  readonly file: { readonly mountPath: string; readonly below: readonly string[] } | undefined;
  readonly fallbackToLog: boolean;
}

/** Of a spec without faults (see api/validation/probes.ts). */
export function configureProbes(spec: InstanceSpec): ProbeConfigs {
  const { startupProbe, readinessProbe, livenessProbe, listeners } = spec;
  return {
    ...(startupProbe && { startup: configureProbe(startupProbe, listeners) }),
    ...(readinessProbe && { readiness: configureProbe(readinessProbe, listeners) }),
    ...(livenessProbe && { liveness: configureProbe(livenessProbe, listeners) }),
  };
}

function configureProbe(probe: Probe, listeners: InstanceSpec["listeners"]): ProbeConfig {
  return {
    target: targetOf(probe, listeners),
    initialDelayMs: probe.initialDelaySeconds * 1000,
    periodMs: probe.periodSeconds * 1000,
    timeoutMs: probe.timeoutSeconds * 1000,
    successThreshold: probe.successThreshold,
    failureThreshold: probe.failureThreshold,
    gracePeriodMs:
      probe.terminationGracePeriodSeconds === undefined
        ? undefined
        : probe.terminationGracePeriodSeconds * 1000,
  };
}

function targetOf({ exec, httpGet, tcpSocket }: Probe, listeners: InstanceSpec["listeners"]): ProbeTarget {
  if (exec) return { kind: "exec", args: exec.args };
  const listener = probedListener((httpGet ?? tcpSocket)?.port ?? "", listeners ?? []);
  const { address, port } = listener ?? { address: "", port: 0 };
  const at = { address: reachable(address), port };
  if (!httpGet) return { kind: "tcpSocket", ...at };
  const headers = (httpGet.httpHeaders ?? []).map(({ name, value }) => [name, value] as const);
  return { kind: "httpGet", ...at, path: httpGet.path, headers };
}

/** One who listens at all addresses is asked at the nearest. */
export function reachable(address: string): string {
  if (address === "0.0.0.0") return "127.0.0.1";
  return /^[0:]+$/.test(address) ? "::1" : address;
}

export function configurePreStop({ lifecycle }: InstanceSpec): PreStop | undefined {
  const { exec, sleep } = lifecycle?.preStop ?? {};
  if (exec) return { kind: "exec", args: exec.args };
  return sleep && { kind: "sleep", ms: sleep.seconds * 1000 };
}

/** `mountPaths`: the mounts' paths as configured. */
export function configureTerminationMessage(
  spec: InstanceSpec,
  mountPaths: readonly string[],
): TerminationMessageConfig {
  const { terminationMessagePath, terminationMessagePolicy } = spec;
  const place =
    terminationMessagePath === undefined
      ? undefined
      : mountOfPath(
          terminationMessagePath,
          mountPaths.map((path) => ({ path })),
        );
  return {
    file: place && { mountPath: place.mount.path, below: place.below },
    fallbackToLog: terminationMessagePolicy === "FallbackToLogsOnError",
  };
}
