/** Who waits: a user, and with which of that user's programs. */
export interface Flow {
  readonly user: string;
  readonly agent: string;
}

export function flowKey({ user, agent }: Flow): string {
  return `${user}\0${agent}`;
}

/** Counts what each has; what has none is not kept. */
export function addCount(counts: Map<string, number>, key: string, change: number): void {
  const count = (counts.get(key) ?? 0) + change;
  if (count > 0) counts.set(key, count);
  else counts.delete(key);
}

interface Waiting<T> {
  readonly flow: Flow;
  readonly items: Set<T>;
}

interface UserLine<T> {
  /** By agent, in the order in which they have their turns. */
  readonly flows: Map<string, Waiting<T>>;
  size: number;
}

export interface MayGo {
  user(user: string): boolean;
  flow(flow: Flow): boolean;
}

const everybody: MayGo = { user: () => true, flow: () => true };

/**
 * What waits of many flows. Users take turns, and so do the flows of each: whoever calls himself by a thousand names still
 * has one turn when others have one. Within a flow the oldest goes first. Every operation costs the same, however much
 * waits, but for those that may not go; the bounds are for whoever puts things in.
 */
export class TurnQueue<T> {
  readonly #users = new Map<string, UserLine<T>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  sizeOfUser(user: string): number {
    return this.#users.get(user)?.size ?? 0;
  }

  sizeOf({ user, agent }: Flow): number {
    return this.#users.get(user)?.flows.get(agent)?.items.size ?? 0;
  }

  push(flow: Flow, item: T): void {
    let line = this.#users.get(flow.user);
    if (!line) this.#users.set(flow.user, (line = { flows: new Map(), size: 0 }));
    let waiting = line.flows.get(flow.agent);
    if (!waiting) line.flows.set(flow.agent, (waiting = { flow, items: new Set() }));
    waiting.items.add(item);
    line.size++;
    this.#size++;
  }

  /** Takes out what need not be waited for any more. */
  remove(flow: Flow, item: T): void {
    const line = this.#users.get(flow.user);
    const waiting = line?.flows.get(flow.agent);
    if (!line || !waiting?.items.delete(item)) return;
    this.#forget(line, waiting);
  }

  /** The next one of those that may go, whose user and flow then go to the ends of their lines. */
  shift(mayGo: MayGo = everybody): T | undefined {
    for (const [user, line] of this.#users) {
      if (!mayGo.user(user)) continue;
      for (const waiting of line.flows.values()) {
        if (!mayGo.flow(waiting.flow)) continue;
        const [item] = waiting.items;
        if (item === undefined) continue;
        waiting.items.delete(item);
        this.#users.delete(user);
        this.#users.set(user, line);
        line.flows.delete(waiting.flow.agent);
        line.flows.set(waiting.flow.agent, waiting);
        this.#forget(line, waiting);
        return item;
      }
    }
    return undefined;
  }

  /** One item less, and what is empty goes. */
  #forget(line: UserLine<T>, { flow, items }: Waiting<T>): void {
    line.size--;
    this.#size--;
    if (items.size === 0) line.flows.delete(flow.agent);
    if (line.size === 0) this.#users.delete(flow.user);
  }
}
