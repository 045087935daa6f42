/**
 * Brings files of ConfigMaps and Secrets that have changed to the nodes whose instances read them.
 *
 *   owner changed ─▶ dirty ─(interval)─▶ pass: each session, its owners that are dirty ─┐
 *   node registered ─▶ fresh ──────────▶ the session, all its owners ──────────────────┴─▶ session.updateContents
 *
 * Contents are resolved when a session's turn comes, so it gets the newest; and a session sends only what its node does not
 * have. What changes a hundred times a second is therefore sent as often as passes begin, and what changes during a
 * pass is taken up by the next one.
 *
 * Invariants: a pass goes on in slices of bounded work and bytes, so that thousands of nodes delay nothing else and get no
 * more than a network carries. A volume whose object or key is missing is not sent: instances keep the files that they have
 * there, and the workload is told once a pass.
 */
import type { Clock, Timer } from "../../kit/clock.ts";
import type { NodeSession } from "../nodes/node-port.ts";
import type { Files } from "./template-catalogue.ts";

export interface ConfigUpdatesOptions {
  readonly clock: Clock;
  readonly nodeNames: () => Iterable<string>;
  readonly session: (nodeName: string) => NodeSession | undefined;
  /** undefined: the workload is gone, or the template not kept. */
  readonly contentsOf: (ownerUid: string, templateHash: string) => Files | undefined;
  /** Instances of this owner keep files that are not what is declared. */
  readonly missing: (ownerUid: string, message: string) => void;
}

export const configUpdateLimits = {
  /** From a change to the pass that takes it up, and from one pass to the next: what people do not notice. */
  intervalMs: 100,
  sliceMs: 50,
  /** A slice a time makes 80 MB a second: less than a network of 1 Gbit/s carries, so that it does not pile up in memory. */
  sliceBytes: 4 * 1024 * 1024,
  /** A visit without anything to send takes a microsecond or two. */
  sliceNodes: 1_000,
} as const;

interface Pass {
  readonly owners: ReadonlySet<string>;
  /** Still to visit, the next one last. */
  readonly nodeNames: string[];
}

export class ConfigUpdates {
  readonly #options: ConfigUpdatesOptions;
  #dirty = new Set<string>();
  readonly #fresh = new Set<string>();
  readonly #missing = new Map<string, string>();
  #pass: Pass | undefined;
  /** Monotonic. */
  #nextPassMs = 0;
  #timer: Timer | undefined;
  #closed = false;

  constructor(options: ConfigUpdatesOptions) {
    this.#options = options;
  }

  /** Something that instances of this owner read may have changed. */
  changed(ownerUid: string): void {
    if (this.#dirty.size === 0) {
      const { intervalMs } = configUpdateLimits;
      this.#nextPassMs = Math.max(this.#nextPassMs, this.#options.clock.monotonic() + intervalMs);
    }
    this.#dirty.add(ownerUid);
    this.#arm();
  }

  /** The node has told which files it has: what has changed while it was away is sent. */
  registered(nodeName: string): void {
    this.#fresh.add(nodeName);
    this.#arm();
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  #arm(): void {
    if (this.#timer !== undefined || this.#closed) return;
    const isBusy = this.#pass !== undefined || this.#fresh.size > 0;
    if (!isBusy && this.#dirty.size === 0) return;
    const { sliceMs } = configUpdateLimits;
    const waitMs = isBusy ? sliceMs : Math.max(0, this.#nextPassMs - this.#options.clock.monotonic());
    this.#timer = this.#options.clock.setTimer(waitMs, () => {
      this.#timer = undefined;
      this.#slice();
      this.#arm();
    });
  }

  #slice(): void {
    const { sliceBytes, sliceNodes, intervalMs } = configUpdateLimits;
    const nowMs = this.#options.clock.monotonic();
    if (this.#pass === undefined && this.#dirty.size > 0 && nowMs >= this.#nextPassMs) {
      this.#pass = { owners: this.#dirty, nodeNames: [...this.#options.nodeNames()] };
      this.#dirty = new Set();
      this.#nextPassMs = nowMs + intervalMs;
    }
    let bytes = 0;
    for (let visits = 0; bytes < sliceBytes && visits < sliceNodes; visits++) {
      const [fresh] = this.#fresh;
      if (fresh !== undefined) {
        this.#fresh.delete(fresh);
        bytes += this.#visit(fresh, undefined);
        continue;
      }
      const nodeName = this.#pass?.nodeNames.pop();
      if (nodeName === undefined) break;
      bytes += this.#visit(nodeName, this.#pass?.owners);
    }
    if (this.#pass?.nodeNames.length === 0) this.#pass = undefined;
    if (this.#pass === undefined) this.#tellMissing();
  }

  /** Of these owners, or of all whose files the node has. */
  #visit(nodeName: string, owners: ReadonlySet<string> | undefined): number {
    const session = this.#options.session(nodeName);
    if (!session) return 0;
    let bytes = 0;
    for (const ownerUid of session.contentsOwners()) {
      if (owners === undefined || owners.has(ownerUid)) bytes += this.#update(session, ownerUid);
    }
    return bytes;
  }

  #update(session: NodeSession, ownerUid: string): number {
    return session.updateContents(ownerUid, (templateHash) => {
      const files = this.#options.contentsOf(ownerUid, templateHash);
      if (files?.missing !== undefined) this.#missing.set(ownerUid, files.missing);
      return files?.contents;
    });
  }

  #tellMissing(): void {
    for (const [ownerUid, message] of this.#missing) this.#options.missing(ownerUid, message);
    this.#missing.clear();
  }
}
