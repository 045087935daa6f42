import { expect, test } from "vitest";
import { Deadline, DeadlineWheel } from "./deadline-wheel.ts";

class Noted extends Deadline {
  readonly name: string;
  readonly log: string[];
  next: (() => void) | undefined;

  constructor(name: string, log: string[]) {
    super();
    this.name = name;
    this.log = log;
  }

  onDeadline(nowMs: number): void {
    this.log.push(`${this.name}@${nowMs}`);
    this.next?.();
  }
}

function wheel() {
  const log: string[] = [];
  return { wheel: new DeadlineWheel(10, 0), log, make: (name: string) => new Noted(name, log) };
}

test("DeadlineWheel: tells each once, not early", () => {
  const { wheel: w, log, make } = wheel();
  w.set(make("a"), 25);
  w.set(make("b"), 100_000);
  w.advance(29);
  expect(log).toEqual([]);
  w.advance(30);
  expect(log).toEqual(["a@30"]);
  for (let now = 40; now < 100_000; now += 10) w.advance(now);
  expect(log).toEqual(["a@30"]);
  w.advance(100_000);
  expect(log).toEqual(["a@30", "b@100000"]);
  expect(w.size).toBe(0);
});

test("DeadlineWheel: forgets what is cleared or set anew, in any order", () => {
  const { wheel: w, log, make } = wheel();
  const all = ["a", "b", "c", "d"].map(make);
  for (const one of all) w.set(one, 50);
  const [a, b, c, d] = all;
  if (!a || !b || !c || !d) throw new Error("there are four");
  w.clear(b);
  w.clear(b);
  w.set(d, 200);
  w.clear(a);
  expect(w.size).toBe(2);
  w.advance(60);
  expect(log).toEqual(["c@60"]);
  w.advance(200);
  expect(log).toEqual(["c@60", "d@200"]);
});

test("DeadlineWheel: sees everything that is due after a long pause", () => {
  const { wheel: w, log, make } = wheel();
  for (let i = 0; i < 600; i++) w.set(make(`${i}`), i * 10);
  w.advance(1_000_000);
  expect(log.length).toBe(600);
});

test("DeadlineWheel: lets a deadline set itself again", () => {
  const { wheel: w, log, make } = wheel();
  const a = make("a");
  a.next = () => w.set(a, 0);
  w.set(a, 0);
  w.advance(10);
  w.advance(10);
  w.advance(20);
  expect(log).toEqual(["a@10", "a@20"]);
});
