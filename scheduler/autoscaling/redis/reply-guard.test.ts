import { expect, test } from "vitest";
import { ReplyGuard, replyLimits } from "./reply-guard.ts";

function guarded(text: string, { expected = 1, chunkBytes = Infinity } = {}): string | undefined {
  const guard = new ReplyGuard();
  for (let at = 0; at < expected; at++) guard.expect();
  const bytes = Buffer.from(text, "latin1");
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    const problem = guard.check(bytes.subarray(at, Math.min(bytes.length, at + chunkBytes)));
    if (problem !== undefined) return problem;
  }
  return undefined;
}

const groups =
  "*2\r\n*4\r\n$4\r\nname\r\n$3\r\na\r\n\r\n$7\r\npending\r\n:2\r\n*4\r\n$4\r\nname\r\n$0\r\n\r\n$3\r\nlag\r\n$-1\r\n";

test.each([
  ["a number", ":12\r\n"],
  ["a negative number", ":-12\r\n"],
  ["a status", "+OK\r\n"],
  ["an error", "-ERR no such key\r\n"],
  ["nothing", "$-1\r\n"],
  ["no list", "*-1\r\n"],
  ["an empty list", "*0\r\n"],
  ["groups", groups],
  ["a bulk that looks like a list", "$14\r\n*99999999\r\n:1\r\r\n"],
])("ReplyGuard: lets pass %s, in whatever pieces it comes", (_, reply) => {
  for (const chunkBytes of [1, 2, 3, 5, Infinity]) {
    expect(guarded(reply, { chunkBytes })).toBeUndefined();
    // It knows where the reply ends.
    expect(guarded(`${reply}+OK\r\n`, { chunkBytes })).toBe("said something that it was not asked");
    expect(guarded(`${reply}${reply}`, { chunkBytes, expected: 2 })).toBeUndefined();
  }
});

const malformed = "answered something that is not Redis' protocol";
const tooMuch = "answered more than 1 MiB";

test.each([
  ["a push of RESP3", ">1\r\n_\r\n", malformed],
  ["a map of RESP3", "%1\r\n", malformed],
  ["HTTP", "HTTP/1.1 400 Bad Request\r\n", malformed],
  ["a line feed alone", ":1\n", malformed],
  ["a number that is none", ":abc\r\n", malformed],
  ["a length that is none", "$abc\r\n", malformed],
  ["a negative length", "$-2\r\n", malformed],
  ["an array that says it is long", "*30000000\r\n", "answered more than 20000 items"],
  ["an array that says it is longer", "*999999999999\r\n", malformed],
  ["a bulk that says it is long", "$99999999\r\n", tooMuch],
  ["a status without end", `+${"x".repeat(replyLimits.replyBytesMax)}`, tooMuch],
  ["many arrays", `*3\r\n*15000\r\n${":1\r\n".repeat(15_000)}*15000\r\n`, "answered more than 20000 items"],
  ["many items", `*10000\r\n${`+${"a".repeat(200)}\r\n`.repeat(10_000)}`, tooMuch],
  ["deep arrays", "*1\r\n".repeat(5), malformed],
])("ReplyGuard: stops %s", (_, reply, problem) => {
  expect(guarded(reply)).toBe(problem);
  expect(guarded(reply, { chunkBytes: 1 })).toBe(problem);
});

test("ReplyGuard: nothing may come before something was asked", () => {
  expect(guarded("$-1\r\n", { expected: 0 })).toBe("said something that it was not asked");
});

test("ReplyGuard: the bound is of each reply, not of all", () => {
  const reply = `$500000\r\n${"x".repeat(500_000)}\r\n`;
  expect(guarded(reply.repeat(5), { expected: 5, chunkBytes: 65_536 })).toBeUndefined();
});
