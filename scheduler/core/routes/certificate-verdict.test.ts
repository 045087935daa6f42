import { expect, test } from "vitest";
import { type CertificateFacts, certificateVerdict, nextVerdictMs } from "./certificate-verdict.ts";

const dayMs = 86_400_000;
const facts = (days: number, uncovered: readonly string[] = []): CertificateFacts => ({
  secretName: "s",
  uncovered,
  validFromMs: dayMs,
  validToMs: (1 + days) * dayMs,
});

test.each([
  ["before its time", facts(90), 0, "False NotYetValid", "is valid from 1970-01-02T00:00:00Z"],
  ["from its first moment", facts(90), 1, "True Valid", "is valid until 1970-04-02T00:00:00Z"],
  [
    "for other hosts",
    facts(90, ["a.example", "*.b.example"]),
    1,
    "False HostNotCovered",
    "is not for a.example, *.b.example",
  ],
  ["until two weeks before its end", facts(90), 76.9, "True Valid", "is valid until"],
  ["then", facts(90), 77, "True ExpiresSoon", "is valid until 1970-04-02T00:00:00Z only"],
  ["that lives for six days, and has one left", facts(6), 6, "True ExpiresSoon", "only"],
  ["that lives for six days, and has two left", facts(6), 5, "True Valid", "is valid until"],
  ["from its last moment on", facts(90), 91, "False Expired", "was valid until 1970-04-02T00:00:00Z"],
  ["over, and for other hosts", facts(90, ["a.example"]), 92, "False Expired", "was valid until"],
])("certificateVerdict: one %s", (_name, given, days, said, message) => {
  const verdict = certificateVerdict(given, days * dayMs);
  expect(`${verdict.status} ${verdict.reason}`).toBe(said);
  expect(verdict.message).toContain(
    `the certificate of Secret s ${message.startsWith("only") ? "" : message}`,
  );
  expect(verdict.message).toContain(message);
});

test("nextVerdictMs: whenever the verdict may be another, and never again after the end", () => {
  const times: number[] = [];
  for (let at = nextVerdictMs(facts(90), 0); at !== undefined; at = nextVerdictMs(facts(90), at))
    times.push(at / dayMs);
  expect(times).toEqual([1, 77, 91]);
});
