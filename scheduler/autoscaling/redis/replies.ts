import type { Reading } from "../../core/autoscaling/reading.ts";
import { unknown } from "../asking/question.ts";
import { foreignText } from "../foreign-text.ts";
import type { Reply } from "./redis-connection.ts";

/** Of LLEN. A list that is not there has the length 0, as in Redis. */
export function readLength(reply: Reply, nowMs: number): Reading {
  return typeof reply === "number" && Number.isSafeInteger(reply) && reply >= 0
    ? { kind: "value", value: reply, isAtLeast: false, atMs: nowMs }
    : unknown("Malformed", "the length of the list is no number");
}

interface StreamGroup {
  readonly key: string;
  readonly group: string;
}

/** Of XINFO GROUPS: what the group was not given yet, and what its consumers have been given and have not acknowledged. */
export function readLag(reply: Reply, { key, group }: StreamGroup, nowMs: number): Reading {
  if (!Array.isArray(reply)) return malformedGroups;
  const groups = (reply as readonly Reply[]).map(fieldsOf);
  const found = groups.find((fields) => fields.get("name") === group);
  const names = `group ${JSON.stringify(foreignText(group, 100))} of the stream ${JSON.stringify(foreignText(key, 100))}`;
  if (!found) return unknown("NoData", `there is no ${names}; XGROUP CREATE makes it`);
  const lag = found.get("lag");
  const pending = found.get("pending");
  if (lag === undefined)
    return unknown("NoData", `the server does not say the lag of groups, as Redis does since 7.0`);
  if (lag === null)
    return unknown(
      "NoData",
      `Redis does not know the lag of ${names}, as entries were deleted or the group began in the middle; it knows again once the group has read to the end, or after XGROUP SETID with ENTRIESREAD`,
    );
  const value = Number(lag) + Number(pending);
  return Number.isSafeInteger(value) && value >= 0
    ? { kind: "value", value, isAtLeast: false, atMs: nowMs }
    : malformedGroups;
}

const malformedGroups = unknown("Malformed", "the groups of the stream are not told as XINFO GROUPS does");

/** `[name, value, name, value, …]`. */
function fieldsOf(group: Reply): ReadonlyMap<string, Reply> {
  const fields = new Map<string, Reply>();
  const items: readonly Reply[] = Array.isArray(group) ? (group as readonly Reply[]) : [];
  for (let at = 0; at + 1 < items.length; at += 2) {
    const [name, value = null] = [items[at], items[at + 1]];
    if (typeof name === "string") fields.set(name, value);
  }
  return fields;
}
