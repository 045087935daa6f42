import { spawn } from "node:child_process";
import { once } from "node:events";
import { homedir } from "node:os";
import { systemClock, type Clock } from "../kit/clock.ts";

export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/** What a command has of the world besides the cluster. Tests hand in their own. */
export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly workingDirectory: string;
  readonly homeDirectory: string;
  readonly clock: Clock;
  /** Of what people look at; undefined when the output goes to a file or another program. */
  size(): TerminalSize | undefined;
  /** Resolves when the text was taken; a slow reader of a pipe slows the command, it never fills its memory. */
  out(text: string | Uint8Array): Promise<void>;
  err(text: string): Promise<void>;
  /** Tells of the keys that somebody presses, one by one, and of nothing when no people are there. Ctrl-C is a key then. */
  keys(listener: (key: string) => void): Disposable;
  readStandardInput(): Promise<string>;
  /** The same as bytes. */
  readStandardBytes(): Promise<Uint8Array>;
  /** Runs a program on this terminal and returns its exit code. Rejects when it cannot be started. */
  run(program: string, args: readonly string[]): Promise<number>;
}

export function processTerminal(): Terminal {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      // The reader (`| head`) has seen enough: that is no failure of the command.
      if (error.code === "EPIPE") process.exit(0);
      // The terminal was closed; the signal that says so follows.
      if (error.code === "EIO") return;
      throw error;
    });
  }
  return {
    env: process.env,
    workingDirectory: process.cwd(),
    homeDirectory: process.env["HOME"] ?? homedir(),
    clock: systemClock,
    size: () => {
      const { isTTY, columns, rows } = process.stdout;
      // A terminal that does not know is taken for the smallest that there is.
      return isTTY ? { columns: columns || 80, rows: rows || 24 } : undefined;
    },
    out: (text) => write(process.stdout, text),
    err: (text) => write(process.stderr, text),
    keys: listenToKeys,
    readStandardInput: async () => (await readStandardBytes()).toString("utf8"),
    readStandardBytes,
    run: runProgram,
  };
}

function listenToKeys(listener: (key: string) => void): Disposable {
  const { stdin, stdout } = process;
  if (!stdin.isTTY || !stdout.isTTY) return { [Symbol.dispose]: () => {} };
  // A key that is held, or pasted text, comes as one chunk.
  const take = (chunk: Buffer) => Array.from(chunk.toString("utf8")).forEach((key) => listener(key));
  stdin.setRawMode(true);
  stdin.on("data", take);
  return {
    [Symbol.dispose]: () => {
      stdin.off("data", take);
      stdin.setRawMode(false);
      stdin.pause();
    },
  };
}

async function runProgram(program: string, args: readonly string[]): Promise<number> {
  const child = spawn(program, args, { stdio: "inherit" });
  const [code] = (await once(child, "close")) as [number | null];
  return code ?? 128;
}

async function write(stream: NodeJS.WriteStream, text: string | Uint8Array): Promise<void> {
  if (!stream.write(text)) await once(stream, "drain");
}

async function readStandardBytes(): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
