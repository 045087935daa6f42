import { describe, expect, test } from "vitest";
import { threadCpuMs } from "../../../kit/thread-cpu.ts";
import type { JsonObject } from "../resource.ts";
import { compileRules } from "./rules.ts";
import { integer, list, object, ruled, text } from "./testing/evaluate.ts";

describe("check: a hostile rule ends in time, with an error", () => {
  const numbers = Array.from({ length: 10_000 }, (_, at) => at);
  const big = object({ l: list(integer), s: text });
  const limit = "no further validation rules will be run due to call cost exceeds limit for rule";
  /** Of CPU time: the machine may be busy with anything. */
  const attack = (
    rule: string,
    data: JsonObject,
  ): { readonly messages: readonly string[]; readonly ms: number } => {
    const rules = compileRules(object({ spec: ruled(big, rule) }));
    const startMs = threadCpuMs();
    const found = rules.check({ spec: data }, undefined);
    return { messages: found.map(({ message }) => message), ms: threadCpuMs() - startMs };
  };

  test.each([
    [
      "three loops over 10,000 items",
      "self.l.all(x, self.l.all(y, self.l.all(z, x + y + z >= 0)))",
      { l: numbers },
    ],
    [
      "texts that grow",
      "self.l.all(i, self.s.replace('x', self.s) != '')",
      { l: numbers, s: "x".repeat(10_000) },
    ],
    ["sizes of a long text", "self.l.all(i, size(self.s) > 0)", { l: numbers, s: "x".repeat(1_000_000) }],
    ["joined texts", "self.l.map(i, self.s).join(self.s) != ''", { l: numbers, s: "x".repeat(10_000) }],
    [
      "a large pattern on a long text",
      "self.l.all(i, !self.s.matches('(x{1000}y{1000}|[a-z]{1000})z'))",
      { l: numbers, s: "x".repeat(10_000) },
    ],
    [
      "named time zones",
      "self.l.all(i, self.l.all(j, timestamp(i).getHours('Europe/Berlin') >= 0))",
      { l: numbers },
    ],
  ])("%s", (_name, rule, data) => {
    const { messages, ms } = attack(rule, data);
    expect(messages).toHaveLength(1);
    expect(messages[0]).toMatch(new RegExp(`${limit}|too long`));
    expect(ms).toBeLessThan(5000);
  });

  test.each([
    ["a pattern that backtracks elsewhere", "!self.s.matches('^(a+)+$')", { s: `${"a".repeat(50_000)}b` }],
    ["nested repetitions", "!self.s.matches('(a?){500}a{500}$')", { s: "a".repeat(499) }],
    [
      "many large patterns",
      "self.l.all(i, !self.s.matches('((x{10}){10}){10}((y{10}){10}){10}((z{10}){10}){10}' + string(i)))",
      { l: numbers, s: "x" },
    ],
    ["lists of lists", "self.l.map(i, self.l).flatten().size() > 0", { l: numbers }],
    ["a list of a billion", "lists.range(1000000000).size() > 0", {}],
  ])("%s", (_name, rule, data) => {
    expect(attack(rule, data).ms).toBeLessThan(5000);
  });

  test("many cheap rules end when all together have taken too much", () => {
    const items = {
      ...list(ruled(integer, "[1, 2, 3].all(x, [1, 2, 3].all(y, x + y > self))")),
      maxItems: 200_000,
    };
    const rules = compileRules(object({ spec: object({ items }) }));
    const data = { spec: { items: Array.from({ length: 200_000 }, () => -1) } };
    expect(rules.check(data, undefined)[0]?.message).toContain(
      "validation failed due to running out of cost budget, no further validation rules will be run",
    );
  });

  test("an expression within its limits still runs after one that was stopped", () => {
    const rules = compileRules(object({ spec: ruled(big, "self.l.all(x, self.l.all(y, x + y >= 0))") }));
    expect(rules.check({ spec: { l: numbers } }, undefined)).toHaveLength(1);
    expect(rules.check({ spec: { l: [1, 2] } }, undefined)).toEqual([]);
  });

  test("many large patterns in one definition", () => {
    const rules = Array.from(
      { length: 1000 },
      (_, at) => `self.s.matches('((x{10}){10}){10}((y{10}){10}){10}((z{10}){10}){10}${at}')`,
    );
    const startMs = threadCpuMs();
    const { problems } = compileRules(object({ spec: ruled(big, ...rules) }));
    expect(threadCpuMs() - startMs).toBeLessThan(5000);
    expect(problems.some(({ message }) => message.includes("the patterns are too large together"))).toBe(
      true,
    );
  });
});
