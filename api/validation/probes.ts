/** What a schema cannot say about probes, preStop and the termination message. The node daemon asks the same again. */
import { directListenerOf } from "../direct-listener.ts";
import type { InstanceSpec, Probe } from "../gen/kinds.gen.ts";
import { isHeaderName, isHeaderValue } from "../http-headers.ts";
import {
  type FieldError,
  forbiddenValue,
  invalidValue,
  notFoundValue,
  requiredValue,
} from "./field-error.ts";

type Listener = NonNullable<InstanceSpec["listeners"]>[number];

/** `field` is where the spec stands, such as `spec.template.spec`. */
export function probeFaults(spec: InstanceSpec, field: string): readonly FieldError[] {
  // One that several instances share would answer for another one.
  const ownListeners = directListenerOf(spec) ? [] : (spec.listeners ?? []);
  return [
    ...(["startupProbe", "readinessProbe", "livenessProbe"] as const).flatMap((name) => {
      const probe = spec[name];
      return probe ? faultsOfProbe(name, probe, ownListeners, `${field}.${name}`) : [];
    }),
    ...faultsOfPreStop(spec, `${field}.lifecycle.preStop`),
    ...faultsOfMessagePath(spec, `${field}.terminationMessagePath`),
  ];
}

const handlers = ["exec", "httpGet", "tcpSocket"] as const;

function faultsOfProbe(
  name: "startupProbe" | "readinessProbe" | "livenessProbe",
  probe: Probe,
  listeners: readonly Listener[],
  field: string,
): readonly FieldError[] {
  const faults = [...faultsOfChoice(handlers, probe, "handler type", field)];
  if (probe.httpGet) {
    faults.push(...faultsOfPort(probe.httpGet.port, listeners, `${field}.httpGet.port`));
    faults.push(...faultsOfRequest(probe.httpGet, `${field}.httpGet`));
  }
  if (probe.tcpSocket)
    faults.push(...faultsOfPort(probe.tcpSocket.port, listeners, `${field}.tcpSocket.port`));
  if (name !== "readinessProbe" && probe.successThreshold > 1)
    faults.push(invalidValue(`${field}.successThreshold`, probe.successThreshold, "must be 1"));
  if (name === "readinessProbe" && probe.terminationGracePeriodSeconds !== undefined)
    faults.push(
      invalidValue(
        `${field}.terminationGracePeriodSeconds`,
        probe.terminationGracePeriodSeconds,
        "must not be set for readinessProbes",
      ),
    );
  return faults;
}

function faultsOfChoice<K extends string>(
  choices: readonly K[],
  given: Readonly<Partial<Record<K, unknown>>>,
  what: string,
  field: string,
): readonly FieldError[] {
  const chosen = choices.filter((choice) => given[choice] !== undefined);
  if (chosen.length === 0)
    return [requiredValue(field, `must specify a ${what}: one of ${choices.join(", ")}`)];
  return chosen
    .slice(1)
    .map((choice) => forbiddenValue(`${field}.${choice}`, `may not specify more than 1 ${what}`));
}

/** The listener that a probe means, by its name or its port. */
export function probedListener(port: number | string, listeners: readonly Listener[]): Listener | undefined {
  return listeners.find((one) => (typeof port === "number" ? one.port === port : one.name === port));
}

function faultsOfPort(
  port: number | string,
  listeners: readonly Listener[],
  field: string,
): readonly FieldError[] {
  const listener = port === 0 ? undefined : probedListener(port, listeners);
  if (!listener)
    return [
      notFoundValue(field, port, "no listener has this name or port; a probe reaches spec.listeners only"),
    ];
  if (listener.port !== 0) return [];
  const why = `the listener "${listener.name}" has port 0, so nobody outside knows its port; give it one to probe it`;
  return [invalidValue(field, port, why)];
}

/** What may stand in a request line: anything else has to be percent-encoded. */
const requestPath = /^\/[\x21-\x22\x24-\x7e]*$/;

function faultsOfRequest(
  { path, httpHeaders = [] }: NonNullable<Probe["httpGet"]>,
  field: string,
): readonly FieldError[] {
  const faults: FieldError[] = [];
  if (!requestPath.test(path)) {
    const why =
      "must begin with / and have no blanks, fragment or characters beyond ASCII: encode them as %XX";
    faults.push(invalidValue(`${field}.path`, path, why));
  }
  for (const [at, { name, value }] of httpHeaders.entries()) {
    if (!isHeaderName(name))
      faults.push(invalidValue(`${field}.httpHeaders[${at}].name`, name, "must be a valid HTTP header name"));
    if (!isHeaderValue(value))
      faults.push(
        invalidValue(`${field}.httpHeaders[${at}].value`, value, "must be a valid HTTP header value"),
      );
  }
  return faults;
}

function faultsOfPreStop(spec: InstanceSpec, field: string): readonly FieldError[] {
  const preStop = spec.lifecycle?.preStop;
  if (!preStop) return [];
  const faults = [...faultsOfChoice(["exec", "sleep"], preStop, "handler type", field)];
  const seconds = preStop.sleep?.seconds ?? 0;
  if (seconds > spec.terminationGracePeriodSeconds) {
    const why = `must not be above terminationGracePeriodSeconds (${spec.terminationGracePeriodSeconds})`;
    faults.push(invalidValue(`${field}.sleep.seconds`, seconds, why));
  }
  return faults;
}

function faultsOfMessagePath(spec: InstanceSpec, field: string): readonly FieldError[] {
  const path = spec.terminationMessagePath;
  if (path === undefined) return [];
  const parts = partsOf(path);
  if (!path.startsWith("/") || path.includes("\0") || parts.includes(".."))
    return [invalidValue(field, path, "must be an absolute path without '..'")];
  const place = mountOfPath(path, spec.mounts ?? []);
  if (!place) return [invalidValue(field, path, "must be a file below one of the mounts")];
  const volume = spec.volumes?.find(({ name }) => name === place.mount.volume);
  if (!place.mount.readOnly && !volume?.configMap && !volume?.secret) return [];
  return [
    invalidValue(field, path, `the guest cannot write there: the mount ${place.mount.path} is read-only`),
  ];
}

/** The innermost mount that a guest's path lies below, and the path from there. */
export function mountOfPath<M extends { readonly path: string }>(
  path: string,
  mounts: readonly M[],
): { readonly mount: M; readonly below: readonly string[] } | undefined {
  const parts = partsOf(path);
  let found: { readonly mount: M; readonly below: readonly string[] } | undefined;
  for (const mount of mounts) {
    const root = partsOf(mount.path);
    if (root.length >= parts.length || root.some((part, at) => part !== parts[at])) continue;
    const below = parts.slice(root.length);
    if (!found || below.length < found.below.length) found = { mount, below };
  }
  return found;
}

function partsOf(path: string): readonly string[] {
  return path.split("/").filter((part) => part !== "" && part !== ".");
}
