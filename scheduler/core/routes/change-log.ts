/**
 * Which keys have changed since when, each with its latest change only: so that whoever was told everything up to a version can be
 * told what is new to it, without a list for each of them. What is gone is kept until everybody has heard of it (`forget`).
 */
import { lowerBound } from "../../../kit/lower-bound.ts";

interface Item {
  readonly key: string;
  readonly version: number;
}

/** Outdated items that may be kept beside as many as there are keys. */
const slack = 1_000;

export class ChangeLog {
  #items: Item[] = [];
  readonly #versions = new Map<string, number>();
  readonly #gone = new Set<string>();
  #version = 0;

  /** Of the latest change; 0 before the first. */
  get version(): number {
    return this.#version;
  }

  /** Answers with the version. */
  changed(key: string): number {
    this.#gone.delete(key);
    return this.#note(key);
  }

  gone(key: string): number {
    this.#gone.add(key);
    return this.#note(key);
  }

  /** Those that have changed after this version or are gone since; the earliest first. */
  *since(version: number): Iterable<string> {
    const items = this.#items;
    const isBefore = (at: number) => (items[at]?.version ?? 0) <= version;
    for (let at = lowerBound(items.length, isBefore); at < items.length; at++) {
      const item = items[at];
      if (item !== undefined && this.#versions.get(item.key) === item.version) yield item.key;
    }
  }

  isGone(key: string): boolean {
    return this.#gone.has(key);
  }

  /** Everybody has heard of what happened up to this version. */
  forget(version: number): void {
    for (const key of this.#gone) {
      if ((this.#versions.get(key) ?? 0) > version) continue;
      this.#gone.delete(key);
      this.#versions.delete(key);
    }
    if (this.#versions.size === 0) this.#items = [];
  }

  #note(key: string): number {
    const version = ++this.#version;
    this.#versions.set(key, version);
    this.#items.push({ key, version });
    if (this.#items.length > 2 * this.#versions.size + slack)
      this.#items = this.#items.filter((item) => this.#versions.get(item.key) === item.version);
    return version;
  }
}
