import type { ApiObject } from "../../api/object-meta.ts";
import type { Terminal } from "../terminal.ts";
import type { Progress } from "./progress.ts";

/** Says how a rollout goes. */
export interface RolloutReporter extends AsyncDisposable {
  progress(progress: Progress, object: ApiObject): Promise<void>;
}

/** A line for each sentence that is another than the one before. Failures are left to whoever ends the command. */
export class LineReporter implements RolloutReporter {
  readonly #terminal: Terminal;
  #last = "";

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  async progress({ kind, text }: Progress): Promise<void> {
    if (kind === "failed" || text === this.#last) return;
    this.#last = text;
    await this.#terminal.out(`${text}\n`);
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
