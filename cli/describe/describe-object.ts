import type { ApiObject } from "../../api/object-meta.ts";
import type { Condition, WasmAutoscaler, WasmInstance, WasmNode } from "../../api/gen/kinds.gen.ts";
import { ageOf } from "../output/age.ts";
import { cellText, formatColumns } from "../output/table.ts";
import { wrapText } from "../output/wrap.ts";
import { describeAutoscaler, describeMetrics } from "./describe-autoscaler.ts";
import { describeAllocation } from "./describe-node.ts";
import { describeValue, fieldLabel, formatLines, formatSection, type DescribedLine } from "./text.ts";

/** What is known around an object. */
export interface Surroundings {
  readonly events: readonly ApiObject[];
  /** Of a workload, its own; of a node, at least those on it. undefined: it has none by its nature. */
  readonly instances: readonly WasmInstance[] | undefined;
  /** Why an instance is where it is, line by line; empty for everything else. */
  readonly placement: readonly string[];
  readonly now: number;
}

/** Everything about one object as text. */
export function describeObject(
  object: ApiObject,
  { events, instances, placement, now }: Surroundings,
): string {
  return [
    formatLines(describeBody(object, now)),
    isAutoscaler(object) ? describeMetrics(object as unknown as WasmAutoscaler, now) : "",
    describeConditions(object, now),
    instances === undefined ? "" : describeAround(object, instances, now),
    placement.length === 0 ? "" : `Placement:\n${placement.map((line) => wrapText("  ", line)).join("")}`,
    describeEvents(events, now),
  ].join("");
}

function describeBody(object: ApiObject, now: number): readonly DescribedLine[] {
  if (object.kind === "WasmInstance") return describeInstance(object as unknown as WasmInstance, now);
  if (isAutoscaler(object))
    return [...describeHead(object, now), ...describeAutoscaler(object as unknown as WasmAutoscaler, now)];
  return [...describeHead(object, now), ...describeFields(object)];
}

function isAutoscaler({ apiVersion, kind }: ApiObject): boolean {
  return kind === "WasmAutoscaler" && apiVersion.startsWith("wherry.dev/");
}

/** Of a node's thousands of instances only the sums. */
function describeAround(object: ApiObject, instances: readonly WasmInstance[], now: number): string {
  if (object.kind === "WasmNode") return describeAllocation(object as unknown as WasmNode, instances);
  return describeInstances(instances, now);
}

function describeHead({ apiVersion, kind, metadata }: ApiObject, now: number): readonly DescribedLine[] {
  const line = (label: string, value: string | undefined) =>
    value === undefined || value === "" ? [] : [{ depth: 0, label, value }];
  const owners = (metadata.ownerReferences ?? []).map((owner) => `${owner.kind}/${owner.name}`);
  return [
    ...line("Name", metadata.name),
    ...line("Namespace", metadata.namespace),
    ...describeMap("Labels", metadata.labels),
    ...describeMap("Annotations", withoutLastApplied(metadata.annotations)),
    ...line("API Version", apiVersion),
    ...line("Kind", kind),
    ...line("Controlled By", owners.join(", ")),
    ...line("Created", `${metadata.creationTimestamp} (${ageOf(metadata.creationTimestamp, now)} ago)`),
    ...(metadata.deletionTimestamp === undefined
      ? []
      : line(
          "Terminating",
          `since ${metadata.deletionTimestamp} (${ageOf(metadata.deletionTimestamp, now)} ago)`,
        )),
  ];
}

/** The manifest that was applied is as long as the object, and is shown below as the object. */
function withoutLastApplied(annotations: ApiObject["metadata"]["annotations"]) {
  return Object.fromEntries(
    Object.entries(annotations ?? {}).filter(([key]) => !key.endsWith("last-applied-configuration")),
  );
}

function describeMap(
  label: string,
  map: Readonly<Record<string, string>> | undefined,
): readonly DescribedLine[] {
  const entries = Object.entries(map ?? {});
  if (entries.length === 0) return [{ depth: 0, label, value: "<none>" }];
  return entries.map(([key, value], index) => ({
    depth: 0,
    label: index === 0 ? label : "",
    value: cellText(`${key}=${value}`),
  }));
}

const headFields = new Set(["apiVersion", "kind", "metadata"]);

function describeFields(object: ApiObject): readonly DescribedLine[] {
  const hidden = object.kind === "Secret" ? new Set(["data", "stringData"]) : new Set<string>();
  return Object.entries(object)
    .filter(([key]) => !headFields.has(key))
    .flatMap(([key, value]) => {
      if (hidden.has(key)) return describeValue(fieldLabel(key), sizes(value), 0);
      return describeValue(fieldLabel(key), key === "status" ? withoutConditions(value) : value, 0);
    });
}

/** A description is often shown to others: of a secret it says only how long it is. */
function sizes(data: unknown): unknown {
  return Object.fromEntries(
    Object.entries((data ?? {}) as Record<string, string>).map(([key, value]) => [
      key,
      `${Buffer.from(value, "base64").length} bytes`,
    ]),
  );
}

function withoutConditions(status: unknown): unknown {
  if (typeof status !== "object" || status === null) return status;
  return Object.fromEntries(Object.entries(status).filter(([key]) => key !== "conditions"));
}

function describeConditions(object: ApiObject, now: number): string {
  const { conditions } = (object["status"] ?? {}) as { readonly conditions?: readonly Condition[] };
  if (!conditions?.length) return "";
  const rows = conditions.map((condition) => [
    condition.type,
    condition.status,
    condition.reason,
    ageOf(condition.lastTransitionTime, now),
    cellText(condition.message),
  ]);
  return formatSection("Conditions", ["Type", "Status", "Reason", "Since", "Message"], rows, formatColumns);
}

function describeInstances(instances: readonly WasmInstance[], now: number): string {
  const rows = instances.map(({ metadata, spec, status }) => [
    metadata.name,
    status?.ready ?? "",
    status?.display ?? status?.phase ?? "",
    String(status?.restarts ?? 0),
    ageOf(metadata.creationTimestamp, now),
    spec.nodeName ?? "<none>",
    cellText(status?.message ?? ""),
  ]);
  const header = ["Name", "Ready", "Status", "Restarts", "Age", "Node", "Message"];
  return formatSection("Instances", header, rows, formatColumns);
}

interface EventObject extends ApiObject {
  readonly type?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly count?: number;
  readonly lastTimestamp?: string | null;
  readonly firstTimestamp?: string | null;
  readonly eventTime?: string | null;
  readonly source?: { readonly component?: string };
  readonly reportingComponent?: string;
}

function describeEvents(events: readonly ApiObject[], now: number): string {
  const timeOf = (event: EventObject) =>
    event.lastTimestamp ?? event.eventTime ?? event.metadata.creationTimestamp;
  const rows = (events as readonly EventObject[])
    .toSorted((a, b) => Date.parse(timeOf(a)) - Date.parse(timeOf(b)))
    .map((event) => [
      event.type ?? "",
      event.reason ?? "",
      event.count !== undefined && event.count > 1
        ? `${ageOf(timeOf(event), now)} (x${event.count} over ${ageOf(event.firstTimestamp, now)})`
        : ageOf(timeOf(event), now),
      event.source?.component || event.reportingComponent || "",
      cellText(event.message ?? ""),
    ]);
  return formatSection("Events", ["Type", "Reason", "Age", "From", "Message"], rows, formatColumns);
}

/** An instance in the order in which one asks: where it is, how it is, why, and how it ended before. */
function describeInstance(instance: WasmInstance, now: number): readonly DescribedLine[] {
  const { spec, status } = instance;
  const line = (label: string, value: string | number | undefined, depth = 0) =>
    value === undefined || value === "" ? [] : describeValue(label, value, depth);
  const last = status?.lastTermination;
  return [
    ...describeHead(instance as unknown as ApiObject, now),
    ...line("Owner", `${spec.owner.kind}/${spec.owner.name}`),
    ...line("Node", spec.nodeName || "<none>"),
    ...line("QoS Class", status?.qosClass),
    ...line("Isolation", isolationText(instance)),
    ...line("Priority", spec.priority),
    ...line("Priority Class Name", spec.priorityClassName),
    ...line("Phase", status?.phase ?? "Unknown"),
    ...line("Ready", status?.ready),
    ...line("Reason", status?.reason),
    ...line("Message", status?.message),
    ...line("Restarts", status?.restarts ?? 0),
    ...line("Started", status?.startTime),
    ...line("Finished", status?.finishTime),
    ...line("Exit Code", status?.exitCode),
    ...line("Completion Index", spec.completionIndex),
    ...line("Attempt", spec.attempt),
    ...line("Usage", usageText(status?.usage)),
    ...(status?.logsDropped ? line("Logs", "old lines were dropped to stay within the bound on disk") : []),
    ...(last
      ? [
          { depth: 0, label: "Last Termination", value: "" },
          ...line("Reason", last.reason, 1),
          ...line("Message", last.message, 1),
          ...line("Exit Code", last.exitCode, 1),
          ...line("Finished", last.finishTime, 1),
        ]
      : []),
  ];
}

/** What it has, and what it asked for where that is something else. */
function isolationText({ spec, status }: WasmInstance): string | undefined {
  const actual = status?.isolation;
  if (actual === undefined) return spec.isolation;
  return spec.isolation === undefined || spec.isolation === actual
    ? actual
    : `${actual} (it was placed for ${spec.isolation})`;
}

function usageText(usage: NonNullable<WasmInstance["status"]>["usage"]): string | undefined {
  if (!usage) return undefined;
  const fuel = usage.fuel === undefined ? "" : `, fuel ${usage.fuel}`;
  const throttled =
    usage.throttledSeconds === undefined ? "" : `, held back for ${usage.throttledSeconds} s by its limit`;
  return `cpu ${usage.cpu}, memory ${usage.memory}${fuel}${throttled}`;
}
