/**
 * One `wherry up` per state directory. The lock is a file that names its holder; a holder that no longer runs holds
 * nothing. The file appears with its content at once (link), so that no reader ever sees it empty.
 */
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { errorCode } from "../../kit/errors.ts";
import { Failure } from "../failure.ts";
import { identify, isRunning, type ProcessIdentity } from "./process-identity.ts";
import { writePrivateFile } from "./state-directory.ts";

interface LockContent {
  readonly holder: ProcessIdentity;
  /** The holder's children, which outlive it for a moment when it was killed. */
  readonly children: readonly ProcessIdentity[];
}

const attemptsMax = 5;

export class StateLock implements Disposable {
  readonly #path: string;
  readonly #holder = identify(process.pid);
  /** Children of a holder that died; they may still be on their way out. */
  readonly leftovers: readonly ProcessIdentity[];

  /** Takes the lock, or fails with the process that has it. */
  constructor(path: string, stateDirectory: string) {
    this.#path = path;
    this.leftovers = this.#take(stateDirectory);
  }

  /** Names the children, for whoever finds the lock after this process was killed. */
  record(children: readonly ProcessIdentity[]): void {
    writePrivateFile(this.#path, this.#content(children));
  }

  [Symbol.dispose](): void {
    if (readLock(this.#path)?.holder.pid === process.pid) rmSync(this.#path, { force: true });
  }

  #content(children: readonly ProcessIdentity[]): string {
    return `${JSON.stringify({ holder: this.#holder, children } satisfies LockContent)}\n`;
  }

  #take(stateDirectory: string): readonly ProcessIdentity[] {
    const draft = `${this.#path}.${process.pid}`;
    writeFileSync(draft, this.#content([]), { mode: 0o600 });
    let leftovers: readonly ProcessIdentity[] = [];
    try {
      for (let attempt = 0; attempt < attemptsMax; attempt++) {
        if (tryLink(draft, this.#path)) return leftovers;
        const found = readLock(this.#path);
        if (found && isRunning(found.holder)) {
          throw new Failure(
            `wherry is already running on ${stateDirectory} (pid ${found.holder.pid}); stop it first, or choose another folder with --state-dir`,
          );
        }
        leftovers = [...leftovers, ...(found?.children ?? [])].filter(isRunning);
        this.#setAside(found);
      }
    } finally {
      rmSync(draft, { force: true });
    }
    throw new Failure(`cannot take ${this.#path}: other processes are taking it at the same time`);
  }

  /** Removes a stale lock, but not the fresh one of somebody who was quicker. */
  #setAside(stale: LockContent | undefined): void {
    const aside = `${this.#path}.stale.${process.pid}`;
    try {
      renameSync(this.#path, aside);
    } catch (error) {
      if (errorCode(error) === "ENOENT") return;
      throw error;
    }
    const moved = readLock(aside);
    if (moved && moved.holder.pid !== stale?.holder.pid && isRunning(moved.holder))
      tryLink(aside, this.#path);
    rmSync(aside, { force: true });
  }
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (errorCode(error) === "EEXIST") return false;
    throw error;
  }
}

function readLock(path: string): LockContent | undefined {
  try {
    const { holder, children } = JSON.parse(readFileSync(path, "utf8")) as Partial<LockContent>;
    return typeof holder?.pid === "number" ? { holder, children: children ?? [] } : undefined;
  } catch {
    return undefined;
  }
}
