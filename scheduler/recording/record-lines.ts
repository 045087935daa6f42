/**
 * What a recording is made of: JSON lines, in the order in which things happened.
 *
 *   checkpoint ─▶ namespaces, nodes, templates, held ─▶ checkpointed ─▶ whatever happens, in order
 *
 * Each file begins with a checkpoint, so that it can be replayed by itself, also when those before it are gone. After
 * lines were lost there is another one. Templates have numbers, which hold within one file.
 */
import { WherryError } from "../../kit/errors.ts";
import type { ClusterNode, Instance, PlacementRequirements } from "../core/model.ts";

/** What the instances of a template have in common. */
export type RecordedTemplate = Omit<
  Instance,
  "uid" | "name" | "createdMs" | "state" | "slot" | "targetNode" | "leaving"
>;

export type RecordedEvent =
  | { readonly kind: "checkpoint"; readonly version: 1; readonly lost: number }
  | { readonly kind: "checkpointed" }
  | { readonly kind: "namespace"; readonly name: string; readonly labels: Labels | null }
  | { readonly kind: "node"; readonly node: ClusterNode }
  | { readonly kind: "nodeGone"; readonly name: string }
  | {
      readonly kind: "template";
      readonly id: number;
      readonly template: RecordedTemplate;
      /** null: not known, because the instance came from a node. */
      readonly requirements: PlacementRequirements | null;
      /** Whether those that wait get nodes together or not at all. */
      readonly isGang: boolean;
    }
  /** Instances that are on a node without having been placed since the recording began. */
  | {
      readonly kind: "held";
      readonly template: number;
      readonly node: string;
      readonly uids: readonly string[];
    }
  /**
   * Nodes were looked at for these instances, after the quotas had let them through. Per instance the node; null: there
   * was none.
   */
  | {
      readonly kind: "decided";
      readonly template: number;
      readonly uids: readonly string[];
      readonly nodes: readonly (string | null)[];
      /** The only node that will do for them; absent: any. */
      readonly target?: string;
    }
  | { readonly kind: "stopping" | "gone"; readonly uids: readonly string[] };

export type RecordedLine = RecordedEvent & {
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
};

type Labels = Readonly<Record<string, string>>;

export function encodeLine(line: RecordedLine): string {
  return `${JSON.stringify(line, (_, value: unknown) => {
    if (value instanceof Map) return { $map: [...value] };
    if (value instanceof Set) return { $set: [...value] };
    return value;
  })}\n`;
}

const kinds: ReadonlySet<unknown> = new Set<RecordedEvent["kind"]>([
  "checkpoint",
  "checkpointed",
  "namespace",
  "node",
  "nodeGone",
  "template",
  "held",
  "decided",
  "stopping",
  "gone",
]);

/** Throws a `WherryError` RecordingUnreadable. */
export function decodeLine(text: string, place: string): RecordedLine {
  let value: unknown;
  try {
    value = JSON.parse(text, revive);
  } catch (thrown) {
    throw new WherryError("RecordingUnreadable", `${place}: this is no JSON`, { cause: thrown });
  }
  const isLine =
    typeof value === "object" &&
    value !== null &&
    "kind" in value &&
    kinds.has(value.kind) &&
    "at" in value &&
    typeof value.at === "number";
  if (!isLine) throw new WherryError("RecordingUnreadable", `${place}: this is no line of a recording`);
  // The file was written by this program: its lines are not checked further than that.
  return value as RecordedLine;
}

function revive(_: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if ("$map" in value && Array.isArray(value.$map)) return new Map(value.$map as [unknown, unknown][]);
  if ("$set" in value && Array.isArray(value.$set)) return new Set(value.$set as unknown[]);
  return value;
}
