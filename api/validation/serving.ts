/** What a schema cannot say about templates that answer requests (`http`) or calls (`functions`). The node asks the same again. */
import { directListenerOf } from "../direct-listener.ts";
import type { HttpHandler, InstanceSpec } from "../gen/kinds.gen.ts";
import {
  type FieldError,
  forbiddenValue,
  invalidValue,
  notFoundValue,
  requiredValue,
  unsupportedValue,
} from "./field-error.ts";

/** `field` is where the spec stands, such as `spec.template.spec`. */
export function servingFaults(spec: InstanceSpec, field: string): readonly FieldError[] {
  const { http, functions } = spec;
  return [
    ...(http && functions
      ? [forbiddenValue(`${field}.functions`, "may not be used with `http`: a template serves one of them")]
      : []),
    ...(http ? faultsOfListener(http, spec, field) : []),
    ...(http && spec.deterministic
      ? [
          forbiddenValue(
            `${field}.http`,
            "may not be used with `deterministic`: what comes from outside differs from run to run",
          ),
        ]
      : []),
    ...(isActivated(spec) ? faultsOfActivated(spec, field) : []),
  ];
}

/** Jobs end, and what serves does not. */
export function faultsOfServingJob({ http, functions }: InstanceSpec, field: string): readonly FieldError[] {
  const why = "is for deployments and daemon sets only: a job is done when its instances have ended";
  return [
    ...(http ? [forbiddenValue(`${field}.http`, why)] : []),
    ...(functions ? [forbiddenValue(`${field}.functions`, why)] : []),
  ];
}

/** What is legal, and is probably not what was meant. */
export function servingWarnings(spec: InstanceSpec, field: string): readonly string[] {
  const { http, functions, terminationGracePeriodSeconds: grace } = spec;
  const [at, seconds] = http
    ? (["http.requestTimeoutSeconds", http.requestTimeoutSeconds] as const)
    : (["functions.timeoutSeconds", functions?.timeoutSeconds ?? 0] as const);
  const tooLong = `${field}.${at}: ${seconds} s are more than terminationGracePeriodSeconds (${grace}): what takes longer than that is cut off when an instance stops`;
  return [...(seconds > grace ? [tooLong] : []), ...(http ? reuseWarnings(http, field) : [])];
}

const requestsPerInstanceDefault = 1_000;

/** The default stands there for every handler. */
function reuseWarnings({ handler, requestsPerInstance }: HttpHandler, field: string): readonly string[] {
  if (handler === "wasi-http" || requestsPerInstance === requestsPerInstanceDefault) return [];
  const what =
    handler === "wagi" ? "a program runs anew for each request anyhow" : "its server runs on for all of them";
  return [`${field}.http.requestsPerInstance: means nothing with handler ${handler}: ${what}`];
}

/** Whether the node starts the module anew for requests, instead of once for the life of the instance. */
function isActivated({ http, functions }: InstanceSpec): boolean {
  return functions !== undefined || (http !== undefined && http.handler !== "listener");
}

function faultsOfListener({ handler, listener }: HttpHandler, spec: InstanceSpec, field: string) {
  const listeners = spec.listeners ?? [];
  const at = `${field}.http.listener`;
  if (listener !== undefined)
    return listeners.some(({ name }) => name === listener)
      ? []
      : [notFoundValue(at, listener, "no listener has this name; requests come to one of spec.listeners")];
  if (handler !== "listener" || listeners.length === 1) return [];
  const why =
    listeners.length === 0
      ? "handler listener needs one of spec.listeners, and there is none"
      : `say which of the ${listeners.length} listeners answers requests`;
  return [requiredValue(at, why)];
}

/** No guest runs that could accept, but the process that hosts the instance can. */
function faultsOfDirect(spec: InstanceSpec, what: string, field: string): readonly FieldError[] {
  const { listeners = [] } = spec;
  const direct = directListenerOf(spec);
  const others = listeners.filter((listener) => listener !== direct);
  if (others.length > 0) {
    const leave = spec.http
      ? "; only the one that http.listener names may stay: there the hosting process takes requests itself"
      : "";
    return [
      forbiddenValue(
        `${field}.listeners`,
        `may not be used with ${what}: no guest runs that could accept${leave}`,
      ),
    ];
  }
  if (direct?.port !== 0) return [];
  const why = "must be above 0: clients have to know it, and the instances of a node share it";
  return [invalidValue(`${field}.listeners[${listeners.indexOf(direct)}].port`, 0, why)];
}

/** Between requests there is no guest: nothing listens, reads a notice, or is asked over a port. */
function faultsOfActivated(spec: InstanceSpec, field: string): readonly FieldError[] {
  const { runtime, stopNotice, lifecycle } = spec;
  const what = spec.functions ? "functions" : `handler ${spec.http?.handler ?? ""}`;
  const faults: FieldError[] = [];
  if (runtime !== undefined && runtime !== "v8")
    faults.push(unsupportedValue(`${field}.runtime`, runtime, ["v8"]));
  faults.push(...faultsOfDirect(spec, what, field));
  if (stopNotice !== "none")
    faults.push(
      invalidValue(
        `${field}.stopNotice`,
        stopNotice,
        `must be none with ${what}: no guest runs that could read it`,
      ),
    );
  if (spec.http?.handler === "wagi") return faults;
  // Only a WAGI program is a command that can be run for another purpose.
  const why = `may not be used with ${what}: the module is no command`;
  for (const probe of ["startupProbe", "readinessProbe", "livenessProbe"] as const)
    if (spec[probe]?.exec) faults.push(forbiddenValue(`${field}.${probe}.exec`, why));
  if (lifecycle?.preStop?.exec) faults.push(forbiddenValue(`${field}.lifecycle.preStop.exec`, why));
  return faults;
}
