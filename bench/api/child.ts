import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** A process of the benchmark's own. Ends when it is disposed of, and with this process. */
export class Child implements AsyncDisposable {
  readonly #process: ChildProcess;

  constructor(program: string, args: readonly string[]) {
    const file = fileURLToPath(new URL(program, import.meta.url));
    this.#process = fork(file, args, { stdio: ["ignore", "ignore", "inherit", "ipc"] });
  }

  /** What it says next; the processes of this folder say one thing at a time. */
  async message<T>(): Promise<T> {
    const ended = once(this.#process, "exit").then(([code]) => {
      throw new Error(`a process of the benchmark ended with ${String(code)}`);
    });
    ended.catch(() => {});
    const [message] = await Promise.race([once(this.#process, "message"), ended]);
    return message as T; // Sent by a program that stands beside this one.
  }

  ask<T>(): Promise<T> {
    const answer = this.message<T>();
    this.#process.send("tell");
    return answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const gone = once(this.#process, "exit");
    this.#process.kill("SIGKILL");
    await gone;
  }
}
