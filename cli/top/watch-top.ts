/**
 * `top --watch`: looks again and again until somebody has seen enough.
 *
 *   look ──▶ draw ──▶ pause ──▶ look …        q, ctrl-c: the end      space: no pause
 *
 * On a terminal each picture is written over the one before, and a look that fails leaves the last one there with the reason below
 * it. Elsewhere one table follows another. The first look must succeed: until then there is nothing to show.
 */
import { errorMessage } from "../../kit/errors.ts";
import { sleep } from "../../kit/clock.ts";
import { LiveLines } from "../output/live-lines.ts";
import { oneLine } from "../output/table.ts";
import type { Terminal, TerminalSize } from "../terminal.ts";

/** Gateways tell once a second; more often there is nothing new. */
const pauseMsMin = 2_000;
/** The cluster spends at most a fifth of the time on those who look. */
const pauseShare = 4;

/** The lines that fit onto a terminal of this size; undefined: all, for nobody's eyes. */
export type Draw = (size: TerminalSize | undefined) => readonly string[];

export async function watchTop(terminal: Terminal, look: () => Promise<Draw>): Promise<void> {
  const isLive = terminal.size() !== undefined && terminal.env["TERM"] !== "dumb";
  const quit = new AbortController();
  let wake = new AbortController();
  using _ = terminal.keys((key) => {
    // In the raw mode in which keys come, ctrl-c and ctrl-d are keys, too.
    if (key === "q" || key === "\u0003" || key === "\u0004") quit.abort();
    if (key === " ") wake.abort();
  });
  // Whoever has seen enough does not wait for an answer that is slow.
  const quitting = new Promise<undefined>((resolve) => {
    quit.signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
  const screen = isLive ? new Screen(terminal) : undefined;
  let draw: Draw | undefined;
  while (!quit.signal.aborted) {
    wake = new AbortController();
    const beganMs = terminal.clock.monotonic();
    let trouble: string | undefined;
    try {
      const seen = await Promise.race([look(), quitting]);
      if (seen === undefined) return;
      draw = seen;
    } catch (thrown) {
      if (!draw) throw thrown;
      trouble = oneLine(errorMessage(thrown));
    }
    if (screen) await screen.show(draw, trouble);
    else if (trouble === undefined) await terminal.out(`${draw(undefined).join("\n")}\n\n`);
    else await terminal.err(`${trouble}\n`);
    const pauseMs = Math.max(pauseMsMin, pauseShare * (terminal.clock.monotonic() - beganMs));
    await sleep(terminal.clock, pauseMs, AbortSignal.any([quit.signal, wake.signal])).catch(() => {});
  }
}

class Screen {
  readonly #terminal: Terminal;
  #lines: LiveLines;
  #size: TerminalSize | undefined;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
    this.#lines = new LiveLines(terminal);
  }

  async show(draw: Draw, trouble: string | undefined): Promise<void> {
    const size = this.#terminal.size() ?? { columns: 80, rows: 24 };
    const before = this.#size;
    this.#size = size;
    // Where the lines of before are now, nobody knows: a terminal that got narrower has wrapped them.
    if (before && (before.columns !== size.columns || before.rows !== size.rows)) {
      this.#lines = new LiveLines(this.#terminal);
      await this.#terminal.out("\u001b[H\u001b[2J");
    }
    const below = trouble === undefined ? [] : [`! ${trouble}`];
    const lines = draw({ ...size, rows: Math.max(1, size.rows - 1 - below.length) });
    await this.#lines.show([...lines, ...below]);
  }
}
