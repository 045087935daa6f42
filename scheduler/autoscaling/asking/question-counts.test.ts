import { expect, test } from "vitest";
import { FakeClock } from "../../../kit/fake-clock.ts";
import { silentLog } from "../../../kit/log.ts";
import { seededRandom } from "../../../kit/random.ts";
import { collectedRegistry } from "../../metrics/collected-registry.ts";
import { questionMetrics } from "../../metrics/question-metrics.ts";
import { QuestionBoard } from "./question-board.ts";
import { type Asked, unknown } from "./question.ts";

async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}

test("QuestionBoard.counts: questions by server and by what became of them, and those under way", async () => {
  const clock = new FakeClock();
  const board = new QuestionBoard({ clock, random: seededRandom(1), log: silentLog });
  const value: Asked = {
    kind: "answered",
    reading: { kind: "value", value: 1, isAtLeast: false, atMs: 0 },
  };
  const refused: Asked = { kind: "answered", reading: unknown("Refused", "no") };
  const ask = (key: string, server: string, answer: Promise<Asked>) =>
    board.watch(
      { key, server, owner: "ns", intervalMs: 3_600_000, timeoutMs: 1_000, ask: () => answer },
      () => {},
    );
  ask("a", "http://prometheus:9090", Promise.resolve(value));
  ask("b", "https://other:9090", Promise.resolve(refused));
  ask("c", "redis://redis:6379", new Promise(() => {}));
  clock.advance(0);
  await settle();
  expect(board.counts).toEqual({
    prometheus: { results: { answered: 1, Refused: 1 }, running: 0 },
    redis: { results: {}, running: 1 },
  });
  clock.advance(1_000);
  await settle();
  expect(board.counts.redis).toEqual({ results: { Unreachable: 1 }, running: 0 });
  const text = await collectedRegistry(questionMetrics(() => board.counts)).metrics();
  expect(text).toContain('wherry_autoscaler_questions_total{source="prometheus",result="Refused"} 1\n');
  expect(text).toContain('wherry_autoscaler_questions_running{source="redis"} 0\n');
  await board[Symbol.asyncDispose]();
});
