/**
 * What a daemon has told, so that the next one can tell all of it again and only what is different is heard.
 *
 *   changes ─────────────────────────────────▶ passed on
 *   snapshotBegin ─▶ changes are gathered ─▶ snapshotEnd ─▶ the difference is passed on
 *
 * Requests are answered while a snapshot comes in, from what was known before; the difference takes effect at once. What a daemon that
 * went away in the middle had begun to tell is forgotten.
 */
import { assertNever } from "../../../kit/errors.ts";
import type { Teaching } from "../control.ts";

interface Known {
  readonly message: Teaching;
  readonly text: string;
}

export class Knowledge {
  #known = new Map<string, Known>();
  #next: Map<string, Known> | undefined;

  begin(): void {
    this.#next = new Map();
  }

  /** The connection is lost, or begins anew. */
  abandon(): void {
    this.#next = undefined;
  }

  /** What is to be passed on now. */
  take(message: Teaching): readonly Teaching[] {
    const target = this.#next ?? this.#known;
    const { key, holds } = factOf(message);
    const text = JSON.stringify(message);
    const same = holds && target.get(key)?.text === text;
    if (holds) target.set(key, { message, text });
    else target.delete(key);
    return same || this.#next ? [] : [message];
  }

  /** What is different from before. Nothing if no snapshot had begun. */
  end(): readonly Teaching[] {
    const next = this.#next;
    if (!next) return [];
    const before = this.#known;
    this.#known = next;
    this.#next = undefined;
    const news = [...next].filter(([key, { text }]) => before.get(key)?.text !== text);
    const gone = [...before].filter(([key]) => !next.has(key));
    return [
      // What routes name is there before they are, and goes after them.
      ...news.map(([, { message }]) => message).toSorted((a, b) => rankOf(a) - rankOf(b)),
      ...gone
        .flatMap(([, { message }]) => farewellOf(message) ?? [])
        .toSorted((a, b) => rankOf(b) - rankOf(a)),
    ];
  }
}

const ranks: Readonly<Record<Teaching["kind"], number>> = {
  identity: 0,
  certificate: 1,
  certificateGone: 1,
  ticketKey: 1,
  ticketKeyGone: 1,
  workload: 2,
  workloadGone: 2,
  endpoint: 3,
  endpointGone: 3,
  drain: 3,
  route: 4,
  routeGone: 4,
};

function rankOf({ kind }: Teaching): number {
  return ranks[kind];
}

/** Which fact a message is about, and whether it holds from then on. */
function factOf(message: Teaching): { readonly key: string; readonly holds: boolean } {
  switch (message.kind) {
    case "route":
      return { key: `route ${message.route.uid}`, holds: true };
    case "routeGone":
      return { key: `route ${message.uid}`, holds: false };
    case "workload":
      return { key: `workload ${message.workload.uid}`, holds: true };
    case "workloadGone":
      return { key: `workload ${message.uid}`, holds: false };
    case "certificate":
      return { key: `certificate ${message.certificate.name}`, holds: true };
    case "certificateGone":
      return { key: `certificate ${message.name}`, holds: false };
    case "ticketKey":
      return { key: `ticketKey ${message.pem}`, holds: true };
    case "ticketKeyGone":
      return { key: `ticketKey ${message.pem}`, holds: false };
    case "endpoint":
      return { key: `endpoint ${message.endpoint.uid}`, holds: true };
    case "endpointGone":
    case "drain":
      return { key: `endpoint ${message.uid}`, holds: false };
    case "identity":
      return { key: "identity", holds: true };
    default:
      return assertNever(message, "teaching");
  }
}

function farewellOf(message: Teaching): Teaching | undefined {
  switch (message.kind) {
    case "route":
      return { kind: "routeGone", uid: message.route.uid };
    case "workload":
      return { kind: "workloadGone", uid: message.workload.uid };
    case "certificate":
      return { kind: "certificateGone", name: message.certificate.name };
    case "ticketKey":
      return { kind: "ticketKeyGone", pem: message.pem };
    case "endpoint":
      return { kind: "endpointGone", uid: message.endpoint.uid };
    default:
      return undefined;
  }
}
