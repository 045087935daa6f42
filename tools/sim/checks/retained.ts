/**
 * What an object keeps, private fields included: the size of every collection that can be reached through fields. It asks
 * the inspector of this very process, since nothing else may look into private fields; so no class has to count for it.
 */
import { Session, type Runtime } from "node:inspector";
import type { Cluster } from "../cluster.ts";
import { demand } from "./violation.ts";

/** Leads out of what the object itself keeps: to whom it was given, or who was given to it. */
const foreignFields: ReadonlySet<string> = new Set([
  "#options",
  "#clock",
  "#backend",
  "#log",
  "#random",
  "#source",
]);
const depthMax = 12;
/** What may be kept of what is gone, up to a number. */
const boundedCaches = [
  // Candidates of up to a thousand requests, and the domains of nodes as they were when it last placed something.
  "placement.#placer.",
  // What those candidates count.
  "state.#nodes.populations.#followed",
  // Where the nodes stood when it last asked.
  ".#positions.#positions",
  // The schedules that were asked for last.
  "cronJobs.#schedules.",
  // Gangs that have gone before their turn came: until it would have come.
  "placement.#gangs.turns.#waiting",
  // A chunk that is empty.
  "state.#nodes.#builder.",
];

/** When everything is deleted, a scheduler keeps no more than one that has never known of anything. */
export function checkRetained({ leader }: Cluster, atFirst: ReadonlyMap<string, number>): void {
  if (leader === undefined) return;
  const more = [...retainedBy(leader.engine)].filter(
    ([path, size]) => size > (atFirst.get(path) ?? 0) && !boundedCaches.some((cache) => path.includes(cache)),
  );
  demand(
    more.length === 0,
    "memory",
    () => `the engine keeps ${more.map(([path, size]) => `${size} in ${path}`).join(", ")}`,
  );
}

/** By the path of fields, such as `#placement.#queue.#groups`; empty collections are left out. */
export function retainedBy(root: object): ReadonlyMap<string, number> {
  const session = new Session();
  session.connect();
  const place = globalThis as { simulationRoot?: object; simulationSeen?: WeakSet<object> };
  place.simulationRoot = root;
  place.simulationSeen = new WeakSet();
  try {
    return new Walk(session).sizes();
  } finally {
    delete place.simulationRoot;
    delete place.simulationSeen;
    session.disconnect();
  }
}

class Walk {
  readonly #session: Session;
  readonly #sizes = new Map<string, number>();

  constructor(session: Session) {
    this.#session = session;
  }

  sizes(): ReadonlyMap<string, number> {
    const { objectId } = this.#evaluate("globalThis.simulationRoot");
    if (objectId !== undefined) this.#visit(objectId, "", 0);
    return this.#sizes;
  }

  #visit(objectId: Runtime.RemoteObjectId, path: string, depth: number): void {
    if (depth > depthMax || !this.#isNew(objectId)) return;
    for (const { name, value } of this.#fields(objectId)) {
      if (value?.objectId === undefined || foreignFields.has(name) || value.type === "function") continue;
      const fieldPath = path === "" ? name : `${path}.${name}`;
      const size = /^(?:Map|Set|Array)\((\d+)\)$/.exec(value.description ?? "")?.[1];
      if (size === undefined) this.#visit(value.objectId, fieldPath, depth + 1);
      else if (Number(size) > 0) this.#sizes.set(fieldPath, Number(size));
    }
  }

  #fields(
    objectId: Runtime.RemoteObjectId,
  ): readonly { name: string; value?: Runtime.RemoteObject | undefined }[] {
    let fields: readonly { name: string; value?: Runtime.RemoteObject | undefined }[] = [];
    this.#session.post("Runtime.getProperties", { objectId, ownProperties: true }, (error, answer) => {
      if (error) throw error;
      // The types leave out what the protocol has had for years.
      const { privateProperties = [] } = answer as { privateProperties?: Runtime.PropertyDescriptor[] };
      fields = [...answer.result.filter(({ name }) => name !== "__proto__"), ...privateProperties];
    });
    return fields;
  }

  #isNew(objectId: Runtime.RemoteObjectId): boolean {
    const functionDeclaration =
      "function () { const seen = globalThis.simulationSeen; const isNew = !seen.has(this); seen.add(this); return isNew; }";
    let isNew = false;
    this.#session.post(
      "Runtime.callFunctionOn",
      { objectId, functionDeclaration, returnByValue: true },
      (error, { result }) => {
        if (error) throw error;
        isNew = result.value === true;
      },
    );
    return isNew;
  }

  #evaluate(expression: string): Runtime.RemoteObject {
    let found: Runtime.RemoteObject | undefined;
    this.#session.post("Runtime.evaluate", { expression }, (error, { result }) => {
      if (error) throw error;
      found = result;
    });
    if (found === undefined) throw new Error(`the inspector did not answer what ${expression} is`);
    return found;
  }
}
