/**
 * What is believed of a shim that cannot leave its confinement: that may be another program by now. It speaks for its one
 * run, in well-formed messages; who it is, the daemon has written down itself, where the shim cannot.
 */
import type { RunId } from "../runtime-driver.ts";
import type { FromShim, RunReport } from "../../shim/protocol.ts";

/** Why the message cannot come from an honest shim; undefined if it can. */
export function findBreach(message: FromShim, own: RunId): string | undefined {
  switch (message.kind) {
    case "hello":
      return numbers(message, ["protocol", "protocolMin", "ageMs"]);
    case "inventoryEnd":
      return undefined;
    case "usage":
      for (const usage of message.usages) {
        const breach =
          foreign(usage.id, own) ??
          numbers(usage, ["cpuUs", "memoryBytes", "fuel", "throttledUs"]) ??
          badRequests(usage.requests);
        if (breach !== undefined) return breach;
      }
      return undefined;
    case "run":
      return foreign(message.id, own) ?? findReportBreach(message, own);
    case "started":
      return foreign(message.id, own) ?? numbers(message, ["atMs"]);
    case "ended":
      return foreign(message.id, own) ?? badEnd(message);
    case "listening":
      return foreign(message.id, own) ?? badListeners(message.listeners);
    default:
      return foreign(message.id, own);
  }
}

/** A template has no more. */
const listenersMax = 64;

/** Which of them is asked is the daemon's choice; a port has to be one. */
function badListeners(listeners: unknown): string | undefined {
  if (!Array.isArray(listeners) || listeners.length > listenersMax)
    return "it tells of listeners that are no list";
  const isOne = (one: unknown) => {
    const { name, port } = (one ?? {}) as Readonly<Record<string, unknown>>;
    return typeof name === "string" && Number.isInteger(port) && Number(port) > 0 && Number(port) <= 65_535;
  };
  return listeners.every(isOne) ? undefined : "it tells of a listener without a name or a port";
}

const countsOfRequests = [
  "arrived",
  "inFlight",
  "waiting",
  "durationSumMs",
  "wakeUps",
  "wakeUpSumMs",
  "retries",
];
/** Another version may have more or fewer of them. */
const durationsMax = 64;
const classesOfRequests = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/** They are added to what others say. */
function badRequests(told: unknown): string | undefined {
  if (told === undefined) return undefined;
  const said = (told ?? {}) as Readonly<Record<string, unknown>>;
  const { requests, durations } = said;
  if (!Array.isArray(durations) || durations.length === 0 || durations.length > durationsMax)
    return "it tells of requests without their durations";
  const classes = (requests ?? {}) as Readonly<Record<string, unknown>>;
  return (
    numbers(said, countsOfRequests) ??
    numbers(classes, classesOfRequests) ??
    numbers(Object.fromEntries(durations.entries()), Object.keys(durations))
  );
}

export function findReportBreach(report: RunReport, own: RunId): string | undefined {
  const { id, startedMs, ended, listeners } = report;
  const breach = foreign(id, own) ?? badListeners(listeners) ?? (ended && badEnd(ended));
  if (breach !== undefined || startedMs === undefined) return breach;
  return numbers({ startedMs }, ["startedMs"]);
}

function foreign(id: RunId, own: RunId): string | undefined {
  if (id.uid === own.uid && id.run === own.run) return undefined;
  return `it speaks of a run that is not its own, ${id.uid}/${id.run}`;
}

/** Also of those who call no number a number. */
function numbers<K extends string>(
  message: Readonly<Record<K, unknown>>,
  keys: readonly K[],
): string | undefined {
  const bad = keys.find(
    (key) => typeof message[key] !== "number" || !Number.isFinite(message[key]) || message[key] < 0,
  );
  return bad === undefined ? undefined : `it says that ${bad} is ${String(message[bad])}`;
}

const textsOfEnd: Readonly<Record<string, readonly string[]>> = {
  exited: [],
  stopped: [],
  trapped: ["reason", "message"],
  refused: ["reason", "message"],
  lost: ["message"],
};

/** Longer ones would fill statuses and events. */
const textCharsMax = 8_192;

function badEnd(ended: NonNullable<RunReport["ended"]>): string | undefined {
  const end = ended.end as Readonly<Record<string, unknown>>;
  const texts = textsOfEnd[String(end["kind"])];
  if (!texts) return `it tells of an end of kind ${String(end["kind"])}`;
  const bad = texts.find((key) => typeof end[key] !== "string" || end[key].length > textCharsMax);
  if (bad !== undefined) return `it tells of an end whose ${bad} is no text, or too long`;
  if (end["kind"] === "exited" && !Number.isInteger(end["exitCode"]))
    return "it tells of an exit without a code";
  if (end["kind"] === "refused" && typeof end["retryable"] !== "boolean") return "it tells of half a refusal";
  return numbers(ended, ["atMs"]);
}
