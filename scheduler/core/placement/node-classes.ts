/**
 * Positions in heaps, one per class of nodes that topology rules judge alike. A position is in one class at most; a class without
 * positions is not kept.
 */
import { NodeHeap, NodeHeaps } from "./node-heap.ts";

export type ClassKey = number | string;

/** Nodes of one class, best first. */
export interface NodeClass {
  /** Its place in the list of classes; those of classes that have gone are used again. */
  readonly id: number;
  readonly key: ClassKey;
  readonly heap: NodeHeap;
}

export class NodeClasses {
  readonly #heaps: NodeHeaps;
  readonly #byKey = new Map<ClassKey, NodeClass>();
  /** By id; undefined: free. */
  readonly #list: (NodeClass | undefined)[] = [];
  readonly #freeIds: number[] = [];
  /** Position to the id of its class; -1: in none. */
  #classAt: Int32Array;

  constructor(capacity: number) {
    this.#heaps = new NodeHeaps(capacity);
    this.#classAt = new Int32Array(capacity).fill(-1);
  }

  all(): Iterable<NodeClass> {
    return this.#byKey.values();
  }

  withKey(key: ClassKey): NodeClass | undefined {
    return this.#byKey.get(key);
  }

  /** undefined: the position is in none. */
  of(position: number): NodeClass | undefined {
    const id = this.#classAt[position] ?? -1;
    return id < 0 ? undefined : this.#list[id];
  }

  scoreOf(position: number): number {
    return this.#heaps.scoreOf(position);
  }

  /** Whether of two equal scores the first one goes first. */
  isBefore(position: number, other: number): boolean {
    return this.#heaps.isBefore(position, other);
  }

  /** Puts a position into a class, out of the one that it was in. */
  put(position: number, key: ClassKey, score: number, order: number): void {
    this.#enter(position, key).heap.put(position, score, order);
  }

  /** Puts a position into another class with the score that it has; one that is in none stays so. */
  move(position: number, key: ClassKey): void {
    if (this.of(position) === undefined) return;
    this.put(position, key, this.#heaps.scoreOf(position), this.#heaps.orderOf(position));
  }

  remove(position: number): void {
    const found = this.of(position);
    if (found === undefined) return;
    found.heap.remove(position);
    this.#classAt[position] = -1;
    if (found.heap.length > 0) return;
    this.#byKey.delete(found.key);
    this.#list[found.id] = undefined;
    this.#freeIds.push(found.id);
  }

  /** Makes room for positions below `size`. */
  grow(size: number): void {
    this.#heaps.grow(size);
    if (size <= this.#classAt.length) return;
    const classAt = new Int32Array(Math.max(size, 2 * this.#classAt.length)).fill(-1);
    classAt.set(this.#classAt);
    this.#classAt = classAt;
  }

  #enter(position: number, key: ClassKey): NodeClass {
    const before = this.of(position);
    if (before?.key === key) return before;
    if (before !== undefined) this.remove(position);
    const found = this.#byKey.get(key) ?? this.#open(key);
    this.#classAt[position] = found.id;
    return found;
  }

  #open(key: ClassKey): NodeClass {
    const id = this.#freeIds.pop() ?? this.#list.length;
    const opened: NodeClass = { id, key, heap: new NodeHeap(this.#heaps) };
    this.#byKey.set(key, opened);
    this.#list[id] = opened;
    return opened;
  }
}
