import { expect, test } from "vitest";
import type { Unknown } from "../../core/autoscaling/reading.ts";
import { readAnswer, type HttpAnswer } from "./answer.ts";

const nowMs = 1_700_000_000_000;
const bounds = { nowMs, aheadMs: 0, staleAfterMs: 60_000, rangeMs: 300_000 };
const server = "http://prom:9090";

function json(status: number, body: unknown): HttpAnswer {
  return {
    status,
    contentType: "application/json",
    body: typeof body === "string" ? body : JSON.stringify(body),
  };
}

function success(resultType: string, result: unknown, more: object = {}): HttpAnswer {
  return json(200, { status: "success", data: { resultType, result }, ...more });
}

const sample = (value: unknown, seconds: unknown = nowMs / 1000) => [seconds, value];
const vector = (...values: readonly unknown[]) =>
  success(
    "vector",
    values.map((value, at) => ({ metric: { instance: `i${at}` }, value: sample(value) })),
  );
const readingOf = (answer: HttpAnswer, more: Partial<typeof bounds> = {}) =>
  readAnswer(server, answer, { ...bounds, ...more });

test.each([
  ["a vector of one", vector("3.5"), 3.5],
  ["a scalar", success("scalar", sample("3.5")), 3.5],
  ["an exponent", vector("1.5e+06"), 1_500_000],
  ["a negative one", vector("-2"), -2],
  ["zero", vector("0"), 0],
])("readAnswer: the value of %s", (_, answer, value) => {
  expect(readingOf(answer)).toEqual({
    kind: "answered",
    reading: { kind: "value", value, isAtLeast: false, atMs: nowMs, rangeMs: 300_000 },
  });
});

test("readAnswer: what was asked ahead is of the time that it was asked at", () => {
  const answer = success("scalar", sample("1", nowMs / 1000 + 240));
  expect(readingOf(answer, { aheadMs: 240_000 })).toMatchObject({ reading: { kind: "value", atMs: nowMs } });
  expect(readingOf(answer)).toMatchObject({ reading: { reason: "Stale" } });
});

test("readAnswer: with warnings it is at least that, and the warning is told", () => {
  expect(
    readingOf(success("scalar", sample("1"), { warnings: ["store s3 is\u001b[2J away"] })),
  ).toMatchObject({
    reading: { value: 1, isAtLeast: true, note: "http://prom:9090 warns: store s3 is [2J away" },
  });
});

test("readAnswer: what Prometheus finds remarkable is no warning", () => {
  const warnings = ["PromQL info: metric might not be a counter"];
  expect(readingOf(success("scalar", sample("1"), { warnings, infos: ["PromQL info: x"] }))).toMatchObject({
    reading: { isAtLeast: false },
  });
});

const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;

test.each<[string, HttpAnswer, Unknown["reason"], string]>([
  [
    "several series",
    vector("1", "2", "3"),
    "Ambiguous",
    '3 series where one number is wanted (the first is {instance="i0"})',
  ],
  ["no series", vector(), "NoData", "the query comes to nothing"],
  ["NaN", vector("NaN"), "NoData", "comes to NaN"],
  ["+Inf", vector("+Inf"), "NoData", "comes to +Inf"],
  ["-Inf", vector("-Inf"), "NoData", "comes to -Inf"],
  ["a matrix", success("matrix", []), "Malformed", "comes to a matrix"],
  ["a string", success("string", sample("x")), "Malformed", "comes to a string"],
  ["a type that is none", success("streams", []), "Malformed", "no result of a query"],
  [
    "a histogram",
    success("vector", [{ metric: {}, histogram: [1, {}] }]),
    "Malformed",
    "comes to a histogram",
  ],
  ["a number that is none", vector("0x10"), "Malformed", "no number"],
  ["a number as a number", vector(3), "Malformed", "a sample that is none"],
  ["a number that is too large", vector("1e400"), "Malformed", "no number"],
  ["a time that is none", success("scalar", ["now", "1"]), "Malformed", "a sample that is none"],
  ["a result that is none", success("vector", "x"), "Malformed", "no result of a query"],
  ["a series that is null", success("vector", [null]), "Malformed", "a sample that is none"],
  ["a time before ours", success("scalar", sample("1", nowMs / 1000 - 61)), "Stale", "61 s before ours"],
  ["a time after ours", success("scalar", sample("1", nowMs / 1000 + 61)), "Stale", "61 s after ours"],
  [
    "a query that is wrong",
    json(400, { status: "error", errorType: "bad_data", error: "1:4: parse error" }),
    "Refused",
    "http://prom:9090 says: 1:4: parse error",
  ],
  [
    "a query that cannot be executed",
    json(422, { status: "error", errorType: "execution", error: "many-to-many" }),
    "Refused",
    "many-to-many",
  ],
  [
    "an error within 200",
    json(200, { status: "error", errorType: "execution", error: "many-to-many" }),
    "Refused",
    "many-to-many",
  ],
  [
    "a time that was over",
    json(503, { status: "error", errorType: "timeout", error: "query timed out" }),
    "Unreachable",
    "query timed out",
  ],
  ["an error without a message", json(400, { status: "error" }), "Malformed", "without saying what is wrong"],
  [
    "wrong credentials",
    { status: 401, contentType: "text/plain", body: "no" },
    "Refused",
    "does not accept the credentials",
  ],
  [
    "a proxy without its server",
    { status: 502, contentType: "text/html", body: "" },
    "Unreachable",
    "answered 502",
  ],
  [
    "a page",
    { status: 200, contentType: "text/html", body: "<html>" },
    "Malformed",
    "content type text/html",
  ],
  [
    "a page that is not there",
    { status: 404, contentType: "text/plain", body: "" },
    "Refused",
    "is serverURL the address of Prometheus?",
  ],
  ["another address", { status: 302, contentType: "text/html", body: "" }, "Refused", "not followed"],
  ["no JSON", json(200, "{"), "Malformed", "not JSON"],
  ["an array", json(200, "[]"), "Malformed", "not JSON"],
  ["null", json(200, "null"), "Malformed", "not JSON"],
  ["deep JSON", json(200, deep), "Malformed", "not JSON"],
  ["deep JSON in a field", json(200, `{"status":"success","data":${deep}}`), "Malformed", "no result"],
  [
    "a prototype",
    json(200, '{"__proto__":{"status":"success","data":{"resultType":"scalar","result":[1,"1"]}}}'),
    "Malformed",
    "without saying",
  ],
  [
    "a prototype in a field",
    json(200, '{"status":"success","data":{"__proto__":{"resultType":"scalar"}}}'),
    "Malformed",
    "no result",
  ],
])("readAnswer: %s", (_, answer, reason, message) => {
  const { reading } = readingOf(answer);
  expect(reading).toMatchObject({ kind: "unknown", reason });
  expect(reading).toHaveProperty("message", expect.stringContaining(message));
});

test("readAnswer: whatever the other side says is cut, in one line, and without control characters", () => {
  const error = `a\u0000\r\n\u001b[31m\u202e${"x".repeat(100_000)}`;
  const { reading } = readingOf(json(400, { status: "error", errorType: "bad_data", error }));
  if (reading.kind !== "unknown") throw new Error("it is known");
  expect(reading.message.length).toBeLessThan(350);
  expect(reading.message).not.toMatch(/[\p{Cc}\p{Cf}]/u);
});

test("readAnswer: labels are shown up to a bound", () => {
  const metric = Object.fromEntries(
    Array.from({ length: 1000 }, (_, at) => [`label${at}`, "v".repeat(10_000)]),
  );
  const { reading } = readingOf(success("vector", [{ metric }, { metric }]));
  if (reading.kind !== "unknown") throw new Error("it is known");
  expect(reading.message.length).toBeLessThan(500);
});

test("readAnswer: a server that is away counts as not answering, one that refuses as answering", () => {
  const kindOf = (answer: HttpAnswer) => readingOf(answer).kind;
  expect(kindOf({ status: 503, contentType: "text/html", body: "" })).toBe("unanswered");
  expect(kindOf({ status: 429, contentType: "text/plain", body: "" })).toBe("unanswered");
  expect(kindOf(json(400, { status: "error", errorType: "bad_data", error: "x" }))).toBe("answered");
  expect(kindOf({ status: 401, contentType: "", body: "" })).toBe("answered");
});
