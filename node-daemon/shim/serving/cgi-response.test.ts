import { describe, expect, test } from "vitest";
import { parseCgiHead } from "./cgi-response.ts";
import { CgiHeadReader } from "./cgi-head-reader.ts";
import { cgiLimits } from "./limits.ts";

const type = "Content-Type: text/plain\n";
const typed = ["content-type", "text/plain"];
const response = (status: number, headers: readonly string[], contentLength?: number) => ({
  kind: "response",
  status,
  headers,
  contentLength,
});

describe("parseCgiHead: responses", () => {
  test.each([
    ["Content-Type alone: 200", type, response(200, typed)],
    [
      "lines that end with CR LF",
      "Content-Type: text/plain\r\nX-A: b\r\n",
      response(200, [...typed, "x-a", "b"]),
    ],
    ["Status with a reason", `Status: 404 Not Found\n${type}`, response(404, typed)],
    ["Status without", "Status: 418\n", response(418, [])],
    [
      "names in any case, values without the spaces around",
      "STATUS:201\ncOnTent-tYpe: \t text/plain \n",
      response(201, typed),
    ],
    ["an empty value", `${type}X-A:\n`, response(200, [...typed, "x-a", ""])],
    ["bytes above 127 stay", `${type}X-A: \u00e9\n`, response(200, [...typed, "x-a", "\u00e9"])],
    [
      "two cookies stay two",
      `${type}Set-Cookie: a=1\nSet-Cookie: b=2\n`,
      response(200, [...typed, "set-cookie", "a=1", "set-cookie", "b=2"]),
    ],
    [
      "a client redirect is 302",
      "Location: https://example.com/x?y\n",
      response(302, ["location", "https://example.com/x?y"]),
    ],
    [
      "a redirect with a status of its own",
      "Status: 303 See Other\nLocation: /x\n",
      response(303, ["location", "/x"]),
    ],
    [
      "another authority is no local path",
      "Location: //example.com/x\n",
      response(302, ["location", "//example.com/x"]),
    ],
    [
      "a local path beside a document is the client's",
      `Location: /x\n${type}`,
      response(302, [...typed, "location", "/x"]),
    ],
    ["a length", `${type}Content-Length: 12\n`, response(200, [...typed, "content-length", "12"], 12)],
    [
      "the same length twice is one",
      `${type}Content-Length: 12\ncontent-length: 12\n`,
      response(200, [...typed, "content-length", "12"], 12),
    ],
    ["204 has no length", "Status: 204\nContent-Length: 12\n", response(204, [])],
    ["304 may say one", "Status: 304\nContent-Length: 12\n", response(304, ["content-length", "12"], 12)],
    [
      "what belongs to the connection is dropped",
      `${type}Connection: close\nTransfer-Encoding: chunked\nKeep-Alive: x\nUpgrade: h2c\nTE: x\nTrailer: y\nProxy-Connection: z\nHTTP2-Settings: a\n`,
      response(200, typed),
    ],
    ["and what Connection names", `${type}X-A: b\nConnection: x-a, close\n`, response(200, typed)],
  ])("%s", (_name, text, expected) => {
    expect(parseCgiHead(text)).toEqual(expected);
  });
});

test("parseCgiHead: a path alone is a local redirect, without its fragment", () => {
  expect(parseCgiHead("Location: /x/y?z=1#top\n")).toEqual({ kind: "redirect", path: "/x/y?z=1" });
});

describe("parseCgiHead: what is no response of CGI", () => {
  test.each([
    ["nothing", "", "none of the headers"],
    ["none of the headers that make a response", "X-A: b\n", "none of the headers"],
    ["a line without a colon", `${type}hello\n`, 'is no header; print headers, such as "Content-Type'],
    ["a status line of HTTP", `HTTP/1.1 200 OK\n${type}`, 'print "Status: 200 OK" instead'],
    ["a continued line", `${type} and more\n`, "goes on from the one before"],
    ["a name with a space", "Content Type: text/plain\n", "is no header"],
    ["a space before the colon", "Content-Type : text/plain\n", "is no header"],
    ["an empty name", ": text/plain\n", "is no header"],
    ["a name with a control character", `${type}X\u0001: y\n`, "is no header"],
    ["a name with a NUL", `${type}X\u0000: y\n`, "is no header"],
    ["a bare CR in a value", `${type}X-A: b\rX-Injected: c\n`, "control character"],
    ["a NUL in a value", `${type}X-A: b\u0000c\n`, "control character"],
    ["DEL in a value", `${type}X-A: b\u007f\n`, "control character"],
    ["a CR behind a CR", `${type}X-A: b\r\r\n`, "control character"],
    ["status 100", "Status: 100 Continue\n", "say 200 to 599"],
    ["status 101", "Status: 101\n", "say 200 to 599"],
    ["status 600", "Status: 600\n", "say 200 to 599"],
    ["status with four digits", "Status: 2000\n", "say 200 to 599"],
    ["no status", "Status: OK\n", "say 200 to 599"],
    ["two statuses", "Status: 200\nStatus: 404\n", "two headers Status"],
    ["two locations", "Location: /a\nLocation: /b\n", "two headers Location"],
    ["two types", `${type}${type}`, "two headers Content-Type"],
    ["a length that is none", `${type}Content-Length: 1x\n`, "Content-Length"],
    ["a negative length", `${type}Content-Length: -1\n`, "Content-Length"],
    ["a length with a plus", `${type}Content-Length: +1\n`, "Content-Length"],
    ["two lengths", `${type}Content-Length: 1\nContent-Length: 2\n`, "Content-Length"],
    ["a list of lengths", `${type}Content-Length: 1, 1\n`, "Content-Length"],
    ["a length of 16 digits", `${type}Content-Length: 1234567890123456\n`, "Content-Length"],
    ["a local path with a space", "Location: /a b\n", "no path has"],
    ["too many headers", type + "X-A: b\n".repeat(cgiLimits.headersMax), "more than 100 headers"],
  ])("%s", (_name, text, says) => {
    expect(parseCgiHead(text)).toEqual({ kind: "invalid", message: expect.stringContaining(says) });
  });
});

describe("CgiHeadReader: finds the empty line", () => {
  const read = (text: string, piece: number) => {
    const reader = new CgiHeadReader();
    const bytes = Buffer.from(text, "latin1");
    for (let at = 0; at < bytes.length; at += piece) {
      const found = reader.read(bytes.subarray(at, at + piece));
      if (found.kind === "too long") return found;
      if (found.text !== undefined) return { text: found.text, body: text.slice(at + found.taken) };
    }
    return "no end";
  };
  const table: readonly (readonly [string, string, unknown])[] = [
    ["LF", "A: b\n\nbody\n\n", { text: "A: b\n", body: "body\n\n" }],
    ["CR LF", "A: b\r\n\r\nbody", { text: "A: b\r\n", body: "body" }],
    ["both mixed", "A: b\r\nC: d\n\r\nbody", { text: "A: b\r\nC: d\n", body: "body" }],
    ["at once", "\nbody", { text: "", body: "body" }],
    ["two CRs are no empty line", "A: b\n\r\r\nbody", "no end"],
    ["a CR with something behind it is none", "A: b\n\rx\nbody", "no end"],
    ["none", "A: b\n", "no end"],
  ];
  for (const piece of [1, 2, 3, 1_000]) {
    test.each(table)(`%s, ${piece} bytes at a time`, (_name, text, expected) => {
      const found = read(text, piece);
      // What is left of the piece is all that it says.
      if (typeof found === "object" && "body" in found && piece < 1_000) {
        expect(found.text).toBe((expected as { readonly text: string }).text);
        return;
      }
      expect(found).toEqual(expected);
    });
  }

  test("no more than its limit", () => {
    expect(read("x".repeat(cgiLimits.headBytesMax + 1), 1_000)).toEqual({ kind: "too long" });
    expect(read("x".repeat(cgiLimits.headBytesMax + 1), 100_000)).toEqual({ kind: "too long" });
    const most = `${"x".repeat(cgiLimits.headBytesMax - 2)}\n\n`;
    expect(read(most, 100_000)).toEqual({ text: most.slice(0, -1), body: "" });
  });
});
