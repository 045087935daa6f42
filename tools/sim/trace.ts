import type { Log } from "../../kit/log.ts";
import type { SimulatedTime } from "./simulated-time.ts";

/** What a failure is told with. */
const keptLines = 300;

/** What happened, in order: the last lines for people, and a digest of all of it by which two runs are compared. */
export class Trace {
  readonly #time: SimulatedTime;
  readonly #lines: string[] = [];
  /** Sees each line as it comes. */
  onLine: ((line: string) => void) | undefined;
  /** Told of each error that a process logs: none is expected. */
  onError: ((line: string) => void) | undefined;
  #digest = 0x811c9dc5;

  constructor(time: SimulatedTime) {
    this.#time = time;
  }

  /** `besides` is for people alone. */
  note(who: string, text: string, besides = ""): void {
    const told = `${(this.#time.elapsedMs / 1000).toFixed(3).padStart(10)}  ${who.padEnd(6)} ${text}`;
    this.#mix(told);
    const line = told + besides;
    this.#lines.push(line);
    if (this.#lines.length > 2 * keptLines) this.#lines.splice(0, keptLines);
    this.onLine?.(line);
  }

  tail(count = keptLines): readonly string[] {
    return this.#lines.slice(-count);
  }

  get digest(): string {
    return (this.#digest >>> 0).toString(16).padStart(8, "0");
  }

  log(who: string, bound: Readonly<Record<string, unknown>> = {}): Log {
    const say =
      (level: string) =>
      (message: string, fields: Readonly<Record<string, unknown>> = {}) => {
        const line = `${level}${message}${fieldsText({ ...bound, ...fields })}`;
        const { err } = fields;
        // A stack depends on who calls the simulation.
        const stack = err instanceof Error && !isExpected(err) ? `\n${err.stack}` : "";
        this.note(who, line, stack);
        if (level === "ERROR ") this.onError?.(`${who}: ${line}${stack}`);
      };
    return {
      debug: () => {},
      info: say(""),
      warn: say("warn "),
      error: say("ERROR "),
      bind: (fields) => this.log(who, { ...bound, ...fields }),
    };
  }

  /** FNV-1a over the UTF-16 units. */
  #mix(line: string): void {
    let digest = this.#digest;
    for (let at = 0; at < line.length; at++) digest = Math.imul(digest ^ line.charCodeAt(at), 0x01000193);
    this.#digest = digest;
  }
}

/** What the simulation itself has broken. */
function isExpected({ message }: Error): boolean {
  return message.startsWith("ENOSPC");
}

function fieldsText(fields: Readonly<Record<string, unknown>>): string {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return entries.map(([key, value]) => ` ${key}=${valueText(value)}`).join("");
}

function valueText(value: unknown): string {
  if (value instanceof Error) return JSON.stringify(value.message);
  return typeof value === "string" ? value : JSON.stringify(value);
}
