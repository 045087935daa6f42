import { expect, test } from "vitest";
import { changeHeaders, cleanAnswer, cleanTrailers } from "./answer-headers.ts";
import { isHeaderName, isHeaderValue, parseLength, tokensOf } from "./headers.ts";
import { addOrigin, hasUpgrade, isLooker, isTraceparent, readRequestHeaders } from "./request-headers.ts";

const origin = { address: "1.2.3.4", scheme: "http", host: "h:8080", port: 8080, protocol: "1.1" } as const;
const madeTrace = "00-11111111111111111111111111111111-2222222222222222-00";

function forwarded(raw: readonly string[], trustForwarded = false): Readonly<Record<string, string>> {
  const headers = readRequestHeaders(raw);
  addOrigin(headers, origin, { name: "node", trustForwarded }, () => madeTrace);
  const pairs: [string, string][] = [];
  for (let i = 0; i < headers.list.length; i += 2)
    pairs.push([headers.list[i] ?? "", headers.list[i + 1] ?? ""]);
  return Object.fromEntries(pairs);
}

const made = {
  "x-forwarded-for": "1.2.3.4",
  "x-forwarded-proto": "http",
  "x-forwarded-host": "h:8080",
  "x-forwarded-port": "8080",
  traceparent: madeTrace,
  via: "1.1 node",
};

const trace = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;

test.each<[string, string[], Readonly<Record<string, string>>]>([
  ["what is the client's own", ["X-A", "1", "Accept", "*/*"], { "x-a": "1", accept: "*/*" }],
  ["cookies in one", ["cookie", "a=1", "cookie", "b=2"], { cookie: "a=1; b=2" }],
  ["via continued", ["Via", "1.0 a", "Via", "1.1 b"], { via: "1.0 a, 1.1 b, 1.1 node" }],
  ["a traceparent", ["tracestate", "a=1", "traceparent", trace], { tracestate: "a=1", traceparent: trace }],
  ["a new traceparent for one that is none", ["traceparent", "x", "tracestate", "a=1"], {}],
  ["a new traceparent for several", ["traceparent", trace, "traceparent", trace, "tracestate", "a=1"], {}],
  ["a new traceparent for three", ["traceparent", trace, "traceparent", trace, "traceparent", trace], {}],
])("addOrigin: says where it came from, and has %s", (_name, raw, expected) => {
  expect(forwarded(raw)).toEqual({ ...made, ...expected });
});

test.each<[string, string[]]>([
  ["Host and lengths", ["Host", "h", "Content-Length", "3"]],
  [
    "headers of the connection",
    [
      "Connection",
      "keep-alive",
      "Keep-Alive",
      "5",
      "TE",
      "trailers",
      "Upgrade",
      "x",
      "Transfer-Encoding",
      "chunked",
    ],
  ],
  [
    "what Connection names, before it and after",
    ["X-A", "1", "Connection", "x-a, X-B", "X-B", "2", "Connection", "x-c", "x-c", "3"],
  ],
  [
    "what the client says of where it came from",
    [
      "X-Forwarded-For",
      "9.9.9.9",
      "X-Forwarded-Host",
      "x",
      "X-Forwarded-Proto",
      "https",
      "X-Forwarded-Port",
      "1",
    ],
  ],
  [
    "others of the kind",
    [
      "Forwarded",
      "for=9.9.9.9",
      "X-Real-IP",
      "9.9.9.9",
      "X-Forwarded-Prefix",
      "/x",
      "Proxy",
      "http://x",
      "wherry-secret",
      "1",
    ],
  ],
  [
    "what CGI takes for them",
    [
      "X_Forwarded_For",
      "9.9.9.9",
      "x-forwarded_for",
      "9.9.9.9",
      "Content_Length",
      "3",
      "Transfer_Encoding",
      "chunked",
    ],
  ],
  ["pseudo headers", [":path", "/", ":authority", "h"]],
])("addOrigin: leaves out %s", (_name, raw) => {
  expect(forwarded(raw)).toEqual(made);
});

test("addOrigin: continues what a trusted proxy says", () => {
  const raw = [
    "X-Forwarded-For",
    "9.9.9.9",
    "X-Forwarded-For",
    "8.8.8.8",
    "X-Forwarded-Host",
    "x",
    "X-Forwarded-Proto",
    "https",
    "X-Forwarded-Port",
    "1",
  ];
  expect(forwarded(raw, true)).toEqual({
    ...made,
    "x-forwarded-for": "9.9.9.9, 8.8.8.8, 1.2.3.4",
    "x-forwarded-host": "x",
    "x-forwarded-proto": "https",
    "x-forwarded-port": "1",
  });
});

test("addOrigin: Connection cannot take away what the gateway says", () => {
  expect(forwarded(["Connection", "x-forwarded-for, via, traceparent"])).toEqual(made);
});

test("readRequestHeaders: knows upgrades, several hosts and those that only look", () => {
  expect(hasUpgrade(readRequestHeaders(["Connection", "keep-alive, Upgrade", "Upgrade", "websocket"]))).toBe(
    true,
  );
  expect(hasUpgrade(readRequestHeaders(["Upgrade", "websocket"]))).toBe(false);
  expect(readRequestHeaders(["Host", "a", "host", "a"]).hosts).toBe(2);
  expect(isLooker(readRequestHeaders(["User-Agent", "kube-probe/1.30"]))).toBe(true);
  expect(isLooker(readRequestHeaders(["User-Agent", "curl/8"]))).toBe(false);
});

test.each([
  ["a usual one", `00-${"a".repeat(32)}-${"b".repeat(16)}-01`, true],
  ["a later version", `01-${"a".repeat(32)}-${"b".repeat(16)}-01-more`, true],
  ["one too long", `00-${"a".repeat(32)}-${"b".repeat(16)}-01-more`, false],
  ["version ff", `ff-${"a".repeat(32)}-${"b".repeat(16)}-01`, false],
  ["zeros", `00-${"0".repeat(32)}-${"b".repeat(16)}-01`, false],
  ["upper case", `00-${"A".repeat(32)}-${"b".repeat(16)}-01`, false],
])("isTraceparent: %s", (_name, value, is) => {
  expect(isTraceparent(value)).toBe(is);
});

test("cleanAnswer: leaves out what is the connection's, and takes in the length", () => {
  const headers = [
    "Content-Type",
    "a/b",
    "Content-Length",
    "5",
    "content-length",
    "5",
    "Connection",
    "x-a",
    "X-A",
    "1",
    "Transfer-Encoding",
    "chunked",
    "keep-alive",
    "1",
    "wherry-reason",
    "X",
    "Date",
    "now",
    "set-cookie",
    "a",
    "set-cookie",
    "b",
  ];
  expect(cleanAnswer(200, headers, false)).toEqual({
    kind: "clean",
    status: 200,
    list: ["content-type", "a/b", "date", "now", "set-cookie", "a", "set-cookie", "b"],
    contentLength: 5,
  });
});

test("cleanAnswer: with a status that has no body, there is no length either", () => {
  expect(cleanAnswer(205, ["content-length", "5"], false)).toMatchObject({ contentLength: 0 });
});

test("cleanAnswer: an upgrade may be answered with 101, which has neither body nor length", () => {
  const headers = [
    "Connection",
    "Upgrade",
    "Upgrade",
    "websocket",
    "Sec-WebSocket-Accept",
    "a",
    "Content-Length",
    "5",
  ];
  expect(cleanAnswer(101, headers, true)).toEqual({
    kind: "clean",
    status: 101,
    list: ["sec-websocket-accept", "a"],
    contentLength: undefined,
  });
  expect(cleanAnswer(100, [], true).kind).toBe("invalid");
});

test("readRequestHeaders: takes out what Connection names, however many it names", () => {
  const names = Array.from({ length: 20 }, (_, at) => `x-${at}`);
  const raw = ["connection", names.join(","), "x-3", "1", "x-a", "2", "connection", "x-b", "x-b", "3"];
  expect(readRequestHeaders(raw).list).toEqual(["x-a", "2"]);
});

test.each<[string, number, string[]]>([
  ["a status below 200", 101, []],
  ["a status above 599", 600, []],
  ["a status that is not whole", 200.5, []],
  ["a line end in a value", 200, ["a", "b\r\nset-cookie: c"]],
  ["a bare line feed in a value", 200, ["a", "b\nc"]],
  ["NUL in a value", 200, ["a", "\0"]],
  ["a letter beyond a byte", 200, ["a", "\u0142"]],
  ["a name with a space", 200, ["a b", "c"]],
  ["a name with a line end", 200, ["a\r\nb", "c"]],
  ["no name", 200, ["", "c"]],
  ["a length that is none", 200, ["content-length", "-1"]],
  ["a list of lengths", 200, ["content-length", "5, 5"]],
  ["two lengths", 200, ["content-length", "5", "content-length", "6"]],
  ["too much", 200, ["a", "b".repeat(70_000)]],
])("cleanAnswer: refuses %s", (_name, status, headers) => {
  expect(cleanAnswer(status, headers, false).kind).toBe("invalid");
});

test("cleanTrailers: lets no framing, routing or line ends through", () => {
  const trailers = [
    "X-Sum",
    "1",
    "content-length",
    "5",
    "Transfer-Encoding",
    "chunked",
    "host",
    "h",
    "set-cookie",
    "a",
    "x",
    "a\r\nb",
  ];
  expect(cleanTrailers(trailers)).toEqual(["x-sum", "1"]);
});

test("changeHeaders: leaves out what is no header", () => {
  const list = ["a", "1"];
  changeHeaders(list, {
    set: [
      ["a", "b\r\nc: d"],
      ["x y", "1"],
    ],
    add: [["b", "\u0142"]],
    remove: [],
  });
  expect(list).toEqual(["a", "1"]);
});

test("changeHeaders: sets, adds and removes, but for the framing", () => {
  const list = ["a", "1", "b", "1", "a", "2", "c", "1"];
  changeHeaders(list, {
    set: [
      ["A", "3"],
      ["Content-Length", "9"],
    ],
    add: [
      ["B", "2"],
      ["connection", "x"],
    ],
    remove: ["c"],
  });
  expect(list).toEqual(["b", "1", "a", "3", "b", "2"]);
});

test.each([
  ["0", 0],
  ["123456789012345", 123_456_789_012_345],
  ["", undefined],
  ["-1", undefined],
  ["+1", undefined],
  ["1 ", undefined],
  ["0x1", undefined],
  ["1e3", undefined],
  ["1234567890123456", undefined],
])("parseLength: %s", (text, length) => {
  expect(parseLength(text)).toBe(length);
});

test("headers: names are tokens, values have no control characters", () => {
  expect([isHeaderName("x-a"), isHeaderName("Host"), isHeaderName("a:b"), isHeaderName("\u00e4")]).toEqual([
    true,
    true,
    false,
    false,
  ]);
  expect([isHeaderValue("a\tb \u00ff"), isHeaderValue("\u007f"), isHeaderValue("\r")]).toEqual([
    true,
    false,
    false,
  ]);
  expect(tokensOf(" A, ,b ,")).toEqual(["a", "b"]);
});
