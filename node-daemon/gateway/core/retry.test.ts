import { expect, test } from "vitest";
import { type AttemptEnd, nextStep, type RefusalReason, type RetryFacts } from "./retry.ts";

const refused = (reason: RefusalReason): AttemptEnd => ({ kind: "refused", reason });
const lost: AttemptEnd = { kind: "lost" };
const status = (code: number): AttemptEnd => ({ kind: "status", status: code });

const usual: RetryFacts = {
  method: "GET",
  isReplayable: true,
  isUpgrade: false,
  tries: 1,
  retries: 0,
  retry: { attempts: 2, codes: [503] },
};

test.each<[string, AttemptEnd, Partial<RetryFacts>, string]>([
  ["a refused GET", refused("draining"), {}, "elsewhere"],
  ["a refused POST", refused("draining"), { method: "POST" }, "elsewhere"],
  [
    "a refused request without any retries",
    refused("full"),
    { retry: { attempts: 0, codes: [] } },
    "elsewhere",
  ],
  ["one that was refused by many", refused("unknown"), { tries: 5 }, "hold"],
  ["one that many were too full for", refused("full"), { tries: 5 }, "give up"],
  ["an upgrade that is not supported there", refused("unsupported"), { isUpgrade: true }, "elsewhere"],
  ["one that is not supported anywhere", refused("unsupported"), { isUpgrade: true, tries: 5 }, "give up"],
  ["a refused upgrade", refused("draining"), { isUpgrade: true }, "elsewhere"],
  ["a refused one whose body is gone", refused("unknown"), { isReplayable: false }, "give up"],
  ["a lost GET", lost, {}, "retry"],
  ["a lost upgrade", lost, { isUpgrade: true }, "give up"],
  ["a lost DELETE", lost, { method: "DELETE" }, "retry"],
  ["a lost POST", lost, { method: "POST" }, "give up"],
  ["a lost PATCH", lost, { method: "PATCH" }, "give up"],
  ["a lost PUT whose body is gone", lost, { method: "PUT", isReplayable: false }, "give up"],
  ["one that was lost too often", lost, { retries: 2 }, "give up"],
  ["a status that is named", status(503), {}, "retry"],
  ["a status that is named, of an upgrade", status(503), { isUpgrade: true }, "give up"],
  ["a status that is not named", status(502), {}, "give up"],
  ["a named status of a POST", status(503), { method: "POST" }, "give up"],
])("nextStep: after %s", (_name, end, facts, step) => {
  expect(nextStep(end, { ...usual, ...facts })).toBe(step);
});
