import { execFile } from "node:child_process";
import { FakeClock } from "../../kit/fake-clock.ts";
import { systemClock } from "../../kit/clock.ts";
import type { Terminal, TerminalSize } from "../terminal.ts";

/** A terminal that keeps what is printed. Its time stands still unless a timer is set, which runs on the real one. */
export class TestTerminal implements Terminal {
  readonly env: Record<string, string> = {};
  readonly workingDirectory: string;
  readonly homeDirectory: string;
  readonly clock;
  stdout = "";
  stderr = "";
  standardInput = "";
  /** undefined: no people look at it. */
  screen: TerminalSize | undefined;
  readonly #listeners = new Set<(key: string) => void>();
  readonly #waiting: { readonly text: string; readonly resolve: () => void }[] = [];

  constructor(directory: string) {
    this.workingDirectory = directory;
    this.homeDirectory = directory;
    const wall = new FakeClock();
    this.clock = { ...systemClock, now: () => wall.now() };
  }

  async out(text: string | Uint8Array): Promise<void> {
    this.stdout += typeof text === "string" ? text : Buffer.from(text).toString("utf8");
    for (const { text: wanted, resolve } of this.#waiting) {
      if (this.stdout.includes(wanted)) resolve();
    }
  }

  async err(text: string): Promise<void> {
    this.stderr += text;
  }

  readStandardInput(): Promise<string> {
    return Promise.resolve(this.standardInput);
  }

  readStandardBytes(): Promise<Uint8Array> {
    return Promise.resolve(Buffer.from(this.standardInput));
  }

  keys(listener: (key: string) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  press(key: string): void {
    for (const listener of this.#listeners) listener(key);
  }

  /** Whether somebody listens to the keys. */
  get isListening(): boolean {
    return this.#listeners.size > 0;
  }

  size(): TerminalSize | undefined {
    return this.screen;
  }

  run(program: string, args: readonly string[]): Promise<number> {
    return new Promise((resolve, reject) => {
      execFile(program, args, (error, stdout, stderr) => {
        this.stdout += stdout;
        this.stderr += stderr;
        if (!error) resolve(0);
        else if (typeof error.code === "number") resolve(error.code);
        else reject(error);
      });
    });
  }

  /** Resolves as soon as standard output contains the text. */
  printed(text: string): Promise<void> {
    return new Promise((resolve) => {
      if (this.stdout.includes(text)) resolve();
      else this.#waiting.push({ text, resolve });
    });
  }
}
