import { expect, test } from "vitest";
import { TestTerminal } from "../testing/test-terminal.ts";
import { watchTop } from "./watch-top.ts";

const lines = () => ["one", "two"];

function terminalOf(columns: number): TestTerminal {
  const terminal = new TestTerminal("/");
  terminal.screen = { columns, rows: 10 };
  return terminal;
}

test.each(["q", "\u0003", "\u0004"])("watchTop: %j ends it while a look is under way", async (key) => {
  const terminal = terminalOf(80);
  const ended = watchTop(terminal, () => new Promise(() => {}));
  terminal.press(key);
  await ended;
  expect(terminal.stdout).toBe("");
  expect(terminal.isListening).toBe(false);
});

test("watchTop: another size of the window begins a new picture", async () => {
  const terminal = terminalOf(80);
  const ended = watchTop(terminal, async () => lines);
  await terminal.printed("two");
  terminal.screen = { columns: 60, rows: 10 };
  terminal.press(" ");
  await terminal.printed("\u001b[H\u001b[2J\rone");
  terminal.press("q");
  await ended;
  expect(terminal.stdout).not.toContain("\u001b[2A");
});

test("watchTop: a terminal that cannot be drawn on gets one table after another", async () => {
  const terminal = terminalOf(80);
  terminal.env["TERM"] = "dumb";
  const ended = watchTop(terminal, async () => lines);
  await terminal.printed("two\n\n");
  terminal.press("q");
  await ended;
  expect(terminal.stdout).toBe("one\ntwo\n\n");
});
