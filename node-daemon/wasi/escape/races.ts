import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import type { Attacker, Handle, MakeAttacker } from "./attacker.ts";
import { Fence, inodesIn, secret, stateOf } from "./fence.ts";
import { type Swap, swaps } from "./swaps.ts";

export interface RaceResult {
  /** Every call that opens something. */
  readonly opens: number;
  /** Of the reads. */
  readonly inside: number;
  readonly refused: number;
  /** What got out: nothing may be in here. */
  readonly escapes: readonly string[];
}

const escapesMax = 20;

/** A guest against another process that makes the swap, until so many files and directories were opened. */
export async function race(make: MakeAttacker, swap: Swap, opensMin: number): Promise<RaceResult> {
  using fence = new Fence();
  swap.lay(fence.root);
  const before = stateOf(fence.outside);
  const stop = await startSwapper(fence.root, swap);
  const attacker = await make(fence.mounts);
  let result: RaceResult;
  try {
    result = await new Contest(attacker, swap, inodesIn(fence.outside)).run(opensMin);
  } finally {
    await attacker.dispose();
    await stop();
  }
  const after = stateOf(fence.outside);
  const changed = after.join("\n") === before.join("\n") ? [] : [`the outside changed: ${after.join("; ")}`];
  const escaped = changed.concat(leftovers(fence));
  return { ...result, escapes: [...result.escapes, ...escaped] };
}

/** Whatever else lies beside the mount now. */
function leftovers(fence: Fence): readonly string[] {
  const moved = join(fence.root, "moved");
  const expected = new Set([fence.mount, fence.other, fence.fixed, fence.outside, moved]);
  return stateOf(fence.root)
    .map((line) => line.slice(0, line.indexOf(" ")))
    .filter((path) => path !== fence.root && path !== `${fence.root}/`)
    .filter((path) => ![...expected].some((folder) => path === folder || path.startsWith(`${folder}/`)))
    .concat(stateOf(fence.root).filter((line) => line.startsWith(`${moved}/`)))
    .map((path) => `left behind: ${path}`);
}

export async function startSwapper(root: string, swap: Swap): Promise<() => Promise<void>> {
  const file = fileURLToPath(new URL("swapper.ts", import.meta.url));
  const swapper = spawn(process.execPath, [file, root, String(swaps.indexOf(swap))], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  await once(swapper.stdout, "data");
  return async () => {
    const exited = once(swapper, "exit");
    swapper.stdin.end();
    await exited;
  };
}

class Contest {
  readonly #attacker: Attacker;
  readonly #swap: Swap;
  readonly #outside: ReadonlySet<bigint>;
  readonly #at: Handle;
  readonly #escapes: string[] = [];
  #opens = 0;
  #inside = 0;
  #refused = 0;

  constructor(attacker: Attacker, swap: Swap, outside: ReadonlySet<bigint>) {
    this.#attacker = attacker;
    this.#swap = swap;
    this.#outside = outside;
    [this.#at = -1] = attacker.mounts;
  }

  async run(opensMin: number): Promise<RaceResult> {
    for (let round = 0; this.#opens < opensMin && this.#escapes.length < escapesMax; round++) {
      // What only looks is quick, and finds the most: the rest has its turn now and then.
      for (let i = 0; i < 4; i++) await this.#read();
      await this.#look();
      if (round % 2 === 0) await this.#write();
      if (round % 4 === 0) await this.#make();
    }
    return {
      opens: this.#opens,
      inside: this.#inside,
      refused: this.#refused,
      escapes: this.#escapes,
    };
  }

  #escaped(how: string): void {
    this.#escapes.push(`${this.#swap.name}: ${how}`);
  }

  async #read(): Promise<void> {
    const attacker = this.#attacker;
    this.#opens++;
    const opened = await attacker.open(this.#at, this.#swap.file, { read: true });
    if (!opened.ok) {
      this.#refused++;
      return;
    }
    const text = await attacker.read(opened.value);
    if (text.ok && text.value.includes(secret)) this.#escaped("read the secret");
    else this.#inside++;
    await attacker.close(opened.value);
  }

  async #look(): Promise<void> {
    const attacker = this.#attacker;
    const { file, directory } = this.#swap;
    for (const [path, follow] of [
      [file, true],
      [file, false],
      [directory, true],
    ] as const) {
      const stat = await attacker.stat(this.#at, path, follow);
      if (stat.ok && this.#outside.has(stat.value.inode)) this.#escaped(`stat of ${path}`);
    }
    this.#opens++;
    const opened = await attacker.open(this.#at, directory, { read: true, directory: true });
    if (!opened.ok) return;
    const stat = await attacker.statHandle(opened.value);
    if (stat.ok && this.#outside.has(stat.value.inode)) this.#escaped("opened a directory");
    await attacker.list(opened.value);
    await attacker.setHandleTimes(opened.value, 1n);
    await attacker.close(opened.value);
  }

  async #write(): Promise<void> {
    const attacker = this.#attacker;
    const { file } = this.#swap;
    await attacker.setTimes(this.#at, file, true, 1n);
    for (const how of [
      { read: true, write: true },
      { write: true, append: true },
    ]) {
      this.#opens++;
      const opened = await attacker.open(this.#at, file, how);
      if (!opened.ok) continue;
      const stat = await attacker.statHandle(opened.value);
      if (stat.ok && this.#outside.has(stat.value.inode)) this.#escaped("opened for writing");
      await attacker.setHandleTimes(opened.value, 1n);
      await attacker.close(opened.value);
    }
  }

  async #make(): Promise<void> {
    const attacker = this.#attacker;
    const at = this.#at;
    const made = `${this.#swap.directory}/made`;
    this.#opens += 2;
    for (const how of [
      { write: true, create: true, exclusive: true },
      { write: true, create: true, truncate: true },
    ]) {
      const opened = await attacker.open(at, made, how);
      if (opened.ok) await attacker.close(opened.value);
    }
    await attacker.rename(at, made, at, `${made}-moved`);
    await attacker.unlink(at, `${made}-moved`);
    await attacker.unlink(at, made);
    await attacker.createDirectory(at, made);
    await attacker.rename(at, made, at, "dir/moved");
    await attacker.removeDirectory(at, "dir/moved");
    await attacker.removeDirectory(at, made);
    await attacker.link(at, "dir/file", false, at, made);
    await attacker.unlink(at, made);
    await attacker.symlink("file", at, made);
    await attacker.unlink(at, made);
    await attacker.link(at, this.#swap.file, false, at, "dir/taken");
    await attacker.unlink(at, "dir/taken");
  }
}
