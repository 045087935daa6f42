/** Test support: small components that handle HTTP requests, whose core modules are written as text. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { componentEmbed, componentNew, parse } from "@bytecodealliance/jco-transpile/wasm-tools";

const version = "0.2.12";
const texts = fileURLToPath(
  new URL(`../lib/wit/builtin/${version}/`, import.meta.resolve("@bytecodealliance/jco")),
);

let packages: Promise<string> | undefined;

/** All packages of WASI in one text, as nested packages. */
function witPackages(): Promise<string> {
  packages ??= (async () => {
    const folders = await readdir(texts);
    const read = await Promise.all(
      folders.map((folder) => readFile(join(texts, folder, "package.wit"), "utf8")),
    );
    return read.map((text) => text.replace(/package ([^;]+);([^]*)/, "package $1 {$2}")).join("\n");
  })();
  return packages;
}

/** A component of a core module that imports and exports as bindings of WIT name it. `interfaces` are of the package `test:guest`. */
export async function componentOfCore(
  core: string,
  world: string,
  interfaces = "",
  stringEncoding: "utf8" | "utf16" = "utf8",
): Promise<Uint8Array> {
  const witSource = `package test:guest;\n${interfaces}\nworld guest { ${world} }\n${await witPackages()}`;
  const embedding = { binary: await parse(core), witSource, world: "guest", stringEncoding };
  const binary = await componentEmbed(embedding);
  return asBytes(await componentNew(binary, []));
}

/** A component that imports everything that its world has, and can not be run. */
export async function dummyComponent(world: string): Promise<Uint8Array> {
  const witSource = `package test:guest;\nworld guest { ${world} }\n${await witPackages()}`;
  const binary = await componentEmbed({ dummy: true, witSource, world: "guest", features: { tag: "all" } });
  return asBytes(await componentNew(binary, []));
}

function asBytes(bytes: ArrayBufferView): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

interface HostFunctionType {
  readonly module:
    | "http/types"
    | "http/outgoing-handler"
    | "io/streams"
    | "io/poll"
    | "clocks/monotonic-clock";
  readonly name: string;
  readonly params: string;
  readonly result?: string;
}

const hostFunctions = {
  fields: { module: "http/types", name: "[constructor]fields", params: "", result: "i32" },
  append: { module: "http/types", name: "[method]fields.append", params: "i32 i32 i32 i32 i32 i32" },
  dropFields: { module: "http/types", name: "[resource-drop]fields", params: "i32" },
  entries: { module: "http/types", name: "[method]fields.entries", params: "i32 i32" },
  method: { module: "http/types", name: "[method]incoming-request.method", params: "i32 i32" },
  path: { module: "http/types", name: "[method]incoming-request.path-with-query", params: "i32 i32" },
  headers: { module: "http/types", name: "[method]incoming-request.headers", params: "i32", result: "i32" },
  consume: { module: "http/types", name: "[method]incoming-request.consume", params: "i32 i32" },
  dropRequest: { module: "http/types", name: "[resource-drop]incoming-request", params: "i32" },
  incomingStream: { module: "http/types", name: "[method]incoming-body.stream", params: "i32 i32" },
  incomingFinish: {
    module: "http/types",
    name: "[static]incoming-body.finish",
    params: "i32",
    result: "i32",
  },
  dropIncomingBody: { module: "http/types", name: "[resource-drop]incoming-body", params: "i32" },
  trailersGet: { module: "http/types", name: "[method]future-trailers.get", params: "i32 i32" },
  trailersSubscribe: {
    module: "http/types",
    name: "[method]future-trailers.subscribe",
    params: "i32",
    result: "i32",
  },
  dropTrailers: { module: "http/types", name: "[resource-drop]future-trailers", params: "i32" },
  response: { module: "http/types", name: "[constructor]outgoing-response", params: "i32", result: "i32" },
  setStatus: {
    module: "http/types",
    name: "[method]outgoing-response.set-status-code",
    params: "i32 i32",
    result: "i32",
  },
  body: { module: "http/types", name: "[method]outgoing-response.body", params: "i32 i32" },
  set: {
    module: "http/types",
    name: "[static]response-outparam.set",
    params: "i32 i32 i32 i32 i64 i32 i32 i32 i32",
  },
  dropOutparam: { module: "http/types", name: "[resource-drop]response-outparam", params: "i32" },
  write: { module: "http/types", name: "[method]outgoing-body.write", params: "i32 i32" },
  finish: { module: "http/types", name: "[static]outgoing-body.finish", params: "i32 i32 i32 i32" },
  dropBody: { module: "http/types", name: "[resource-drop]outgoing-body", params: "i32" },
  read: { module: "io/streams", name: "[method]input-stream.blocking-read", params: "i32 i64 i32" },
  dropInput: { module: "io/streams", name: "[resource-drop]input-stream", params: "i32" },
  flush: {
    module: "io/streams",
    name: "[method]output-stream.blocking-write-and-flush",
    params: "i32 i32 i32 i32",
  },
  dropStream: { module: "io/streams", name: "[resource-drop]output-stream", params: "i32" },
  outgoingRequest: {
    module: "http/types",
    name: "[constructor]outgoing-request",
    params: "i32",
    result: "i32",
  },
  setAuthority: {
    module: "http/types",
    name: "[method]outgoing-request.set-authority",
    params: "i32 i32 i32 i32",
    result: "i32",
  },
  setScheme: {
    module: "http/types",
    name: "[method]outgoing-request.set-scheme",
    params: "i32 i32 i32 i32 i32",
    result: "i32",
  },
  send: { module: "http/outgoing-handler", name: "handle", params: "i32 i32 i32 i32" },
  futureSubscribe: {
    module: "http/types",
    name: "[method]future-incoming-response.subscribe",
    params: "i32",
    result: "i32",
  },
  futureGet: { module: "http/types", name: "[method]future-incoming-response.get", params: "i32 i32" },
  dropFuture: { module: "http/types", name: "[resource-drop]future-incoming-response", params: "i32" },
  consumeResponse: { module: "http/types", name: "[method]incoming-response.consume", params: "i32 i32" },
  dropResponse: { module: "http/types", name: "[resource-drop]incoming-response", params: "i32" },
  block: { module: "io/poll", name: "[method]pollable.block", params: "i32" },
  dropPollable: { module: "io/poll", name: "[resource-drop]pollable", params: "i32" },
  subscribe: { module: "clocks/monotonic-clock", name: "subscribe-duration", params: "i64", result: "i32" },
} as const satisfies Readonly<Record<string, HostFunctionType>>;

/** Below 1,024 lies what a guest keeps; results are written from there on. */
const prelude = (realloc: string) => `(memory (export "memory") 4)
  (global $free (mut i32) (i32.const 65536))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (local $at i32) ${realloc})
  (data (i32.const 16) "content-type")
  (data (i32.const 32) "text/plain")
  (data (i32.const 48) "Hello, world!\\n")
  (func $respond (param $out i32) (param $response i32)
    (call $set (local.get $out) (i32.const 0) (local.get $response) (i32.const 0) (i64.const 0) (i32.const 0)
      (i32.const 0) (i32.const 0) (i32.const 0)))
  (func $refuse (param $out i32) (param $code i32)
    (call $set (local.get $out) (i32.const 1) (local.get $code) (i32.const 0) (i64.const 0) (i32.const 0)
      (i32.const 0) (i32.const 0) (i32.const 0)))
  (func $bodyOf (param $response i32) (result i32)
    (call $body (local.get $response) (i32.const 1080))
    (i32.load (i32.const 1084)))
  (func $streamOf (param $body i32) (result i32)
    (call $write (local.get $body) (i32.const 1100))
    (i32.load (i32.const 1104)))
  (func $end (param $body i32)
    (call $finish (local.get $body) (i32.const 0) (i32.const 0) (i32.const 1140)))`;

const allocates = `(local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
  (global.set $free (i32.add (local.get $at) (local.get 3)))
  (local.get $at)`;

/** `handle` is the body of a function with the parameters $request and $out; it can call the functions above by these names. */
export function handlerCore(handle: string, more = "", realloc = allocates): string {
  const before = prelude(realloc);
  const text = `${before} ${more} ${handle}`;
  const used = Object.entries(hostFunctions).filter(([name]) => new RegExp(`\\$${name}\\b`).test(text));
  const imports = used.map(([name, type]: [string, HostFunctionType]) => {
    const params = type.params === "" ? "" : `(param ${type.params})`;
    const result = type.result === undefined ? "" : `(result ${type.result})`;
    return `(import "wasi:${type.module}@${version}" "${type.name}" (func $${name} ${params} ${result}))`;
  });
  return `(module ${imports.join("\n")} ${before} ${more}
    (func (export "wasi:http/incoming-handler@${version}#handle") (param $request i32) (param $out i32)
      (local $headers i32) (local $response i32) (local $body i32) (local $stream i32) (local $at i32) (local $bytes i32)
      (global.set $free (i32.const 65536))
      ${handle}))`;
}

export function handler(handle: string, more?: string, realloc?: string): Promise<Uint8Array> {
  return componentOfCore(handlerCore(handle, more, realloc), `include wasi:http/proxy@${version};`);
}

/** A 200 with a body of what `inside` writes to $stream. */
const answering = (inside: string) => `
  (local.set $headers (call $fields))
  (call $append (local.get $headers) (i32.const 16) (i32.const 12) (i32.const 32) (i32.const 10) (i32.const 1060))
  (local.set $response (call $response (local.get $headers)))
  (local.set $body (call $bodyOf (local.get $response)))
  (call $respond (local.get $out) (local.get $response))
  (local.set $stream (call $streamOf (local.get $body)))
  ${inside}
  (call $dropStream (local.get $stream))
  (call $end (local.get $body))`;

const hello = answering("(call $flush (local.get $stream) (i32.const 48) (i32.const 14) (i32.const 1120))");

/** From the stream at 1,212 to the body, until its end. */
const copying = `(block $done (loop $more
  (global.set $free (i32.const 65536))
  (call $read (i32.load (i32.const 1212)) (i64.const 4096) (i32.const 1216))
  (br_if $done (i32.load8_u (i32.const 1216)))
  (call $flush (local.get $stream) (i32.load (i32.const 1220)) (i32.load (i32.const 1224)) (i32.const 1120))
  (br $more)))`;

const finds = (what: number, where: string) =>
  `(if ${where} (then (local.set $at (i32.or (local.get $at) (i32.const ${what})))))`;

/** Handlers by what they do. */
export const handlers = {
  hello: () =>
    handler(`(call $method (local.get $request) (i32.const 1024))
      (call $path (local.get $request) (i32.const 1040))
      ${hello}
      (call $dropRequest (local.get $request))`),
  /** Asks for the method so many times before it answers. */
  calls: (count: number) =>
    handler(`(local.set $at (i32.const ${count}))
      (loop $more
        (call $method (local.get $request) (i32.const 1024))
        (br_if $more (local.tee $at (i32.sub (local.get $at) (i32.const 1)))))
      ${hello} (call $dropRequest (local.get $request))`),
  /** Counts its requests in its memory and traps at the `count`th. */
  trapsAt: (count: number) =>
    handler(`(i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1)))
      (if (i32.eq (i32.load (i32.const 0)) (i32.const ${count})) (then unreachable))
      ${hello} (call $dropRequest (local.get $request))`),
  /** Sends back what it is sent. */
  echoes: () =>
    handler(`(call $consume (local.get $request) (i32.const 1200))
      (call $incomingStream (i32.load (i32.const 1204)) (i32.const 1208))
      ${answering(copying)}
      (call $dropInput (i32.load (i32.const 1212)))
      (call $dropIncomingBody (i32.load (i32.const 1204)))
      (call $dropRequest (local.get $request))`),
  /** Asks there, and passes on what it hears, or with what error it failed. */
  asks: (authority: string, secure = false) =>
    handler(
      `(local.set $at (call $outgoingRequest (call $fields)))
      (drop (call $setScheme (local.get $at) (i32.const 1) (i32.const ${Number(secure)}) (i32.const 0) (i32.const 0)))
      (drop (call $setAuthority (local.get $at) (i32.const 1) (i32.const 512) (i32.const ${authority.length})))
      (call $send (local.get $at) (i32.const 0) (i32.const 0) (i32.const 1240))
      (local.set $at (i32.load (i32.const 1248)))
      (local.set $bytes (call $futureSubscribe (local.get $at)))
      (call $block (local.get $bytes)) (call $dropPollable (local.get $bytes))
      (call $futureGet (local.get $at) (i32.const 1304))
      (call $dropFuture (local.get $at))
      (if (i32.load8_u (i32.const 1320)) (then
        (call $refuse (local.get $out) (i32.load8_u (i32.const 1328)))
        (return)))
      (local.set $at (i32.load (i32.const 1328)))
      (call $consumeResponse (local.get $at) (i32.const 1200))
      (call $incomingStream (i32.load (i32.const 1204)) (i32.const 1208))
      ${answering(copying)}
      (call $dropInput (i32.load (i32.const 1212)))
      (call $dropIncomingBody (i32.load (i32.const 1204)))
      (call $dropResponse (local.get $at))
      (call $dropRequest (local.get $request))`,
      `(data (i32.const 512) "${authority}")`,
    ),
  spins: () => handler("(loop $again (br $again))"),
  sleeps: (ms: number) =>
    handler(`(local.set $at (call $subscribe (i64.const ${ms * 1_000_000})))
      (call $block (local.get $at)) (call $dropPollable (local.get $at))
      ${hello} (call $dropRequest (local.get $request))`),
  answersOnce: () =>
    handler(`(i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1)))
      (if (i32.gt_u (i32.load (i32.const 0)) (i32.const 1)) (then (return)))
      ${hello} (call $dropRequest (local.get $request))`),
  answersNothing: () => handler("(call $dropRequest (local.get $request))"),
  /** Its number in the variant `error-code`. */
  refuses: (code: number) => handler(`(call $refuse (local.get $out) (i32.const ${code}))`),
  doesNotFinish: () =>
    handler(`(local.set $response (call $response (call $fields)))
      (local.set $body (call $bodyOf (local.get $response)))
      (call $respond (local.get $out) (local.get $response))
      (local.set $stream (call $streamOf (local.get $body)))
      (call $flush (local.get $stream) (i32.const 48) (i32.const 14) (i32.const 1120))`),
  /** An answer without a body, and this status. */
  status: (code: number) =>
    handler(`(local.set $response (call $response (call $fields)))
      (drop (call $setStatus (local.get $response) (i32.const ${code})))
      (call $respond (local.get $out) (local.get $response))`),
  grows: (pages: number) =>
    handler(`(if (i32.eq (memory.grow (i32.const ${pages})) (i32.const -1)) (then unreachable)) ${hello}`),
  leaks: () => handler(`(drop (call $headers (local.get $request))) ${hello}`),
  /**
   * Looks at all that an instance before it could have left: globals, its memory from end to end and how large that is, tables, data
   * segments, handles. Answers 200, or 500 and a number of what it has found; then it leaves traces in all of these, and does `end`.
   */
  leavesTraces: (end = "") =>
    handler(
      `${finds(1, "(global.get $seen)")}
      ${finds(2, "(i32.ne (memory.size) (i32.const 4))")}
      ${finds(2, "(i32.ne (memory.grow (i32.const 2)) (i32.const 4))")}
      ${[896, 65_528, 262_136, 262_144, 393_208].map((offset) => finds(4, `(i64.ne (i64.load (i32.const ${offset})) (i64.const 0))`)).join("\n")}
      ${finds(8, "(i32.ne (table.size $slots) (i32.const 2))")}
      ${finds(8, "(i32.eqz (ref.is_null (table.get $slots (i32.const 0))))")}
      ${finds(16, "(i32.ne (call $fields) (i32.const 1))")}
      ${finds(16, "(i32.ne (call $subscribe (i64.const 3600000000000)) (i32.const 1))")}
      (memory.init $once (i32.const 896) (i32.const 0) (i32.const 1))
      (local.set $response (call $response (call $fields)))
      (if (local.get $at) (then
        (drop (call $setStatus (local.get $response) (i32.add (i32.const 500) (local.get $at))))))
      (call $respond (local.get $out) (local.get $response))
      (global.set $seen (i32.const 1))
      (data.drop $once)
      (table.set $slots (i32.const 0) (ref.func $bodyOf))
      (drop (table.grow $slots (ref.func $bodyOf) (i32.const 3)))
      (memory.fill (i32.const 0) (i32.const 0xaa) (i32.mul (memory.size) (i32.const 65536)))
      (drop (memory.grow (i32.const 1)))
      ${end}`,
      `(global $seen (mut i32) (i32.const 0)) (table $slots 2 8 funcref) (elem declare func $bodyOf) (data $once "x")`,
    ),
} as const;

const append = (fields: string, at: number, bytes: number) =>
  `(call $append ${fields} (i32.const ${at}) (i32.const ${bytes}) (i32.const 32) (i32.const 10) (i32.const 1060))`;

/** Handlers that do what none may. */
export const hostileHandlers = {
  usesWhatItDropped: () =>
    handler(`(local.set $headers (call $fields)) (call $dropFields (local.get $headers))
      ${append("(local.get $headers)", 16, 12)}`),
  dropsTwice: () =>
    handler(`(local.set $headers (call $fields)) (call $dropFields (local.get $headers))
      (call $dropFields (local.get $headers))`),
  usesWhatItNeverHad: () => handler(append("(i32.const 4711)", 16, 12)),
  usesANegativeHandle: () => handler(append("(i32.const -1)", 16, 12)),
  usesAnotherKind: () => handler(append("(local.get $out)", 16, 12)),
  readsBeyondItsMemory: () => handler(append("(call $fields)", 16, 0x7fff_ffff)),
  readsFarAway: () => handler(append("(call $fields)", -8, 100)),
  writesFarAway: () => handler("(call $method (local.get $request) (i32.const -4))"),
  answersTwice: () =>
    handler(`(call $respond (local.get $out) (call $response (call $fields)))
      (call $respond (local.get $out) (call $response (call $fields)))`),
  makesFieldsForEver: () => handler("(loop $more (drop (call $fields)) (br $more))"),
  makesPollablesForEver: () => handler("(loop $more (drop (call $subscribe (i64.const 1))) (br $more))"),
  spinsInRealloc: () =>
    handler(
      "(call $path (local.get $request) (i32.const 1040))",
      "",
      "(loop $again (br $again)) (i32.const 0)",
    ),
  trapsInRealloc: () => handler("(call $path (local.get $request) (i32.const 1040))", "", "unreachable"),
  allocatesFarAway: () =>
    handler("(call $path (local.get $request) (i32.const 1040))", "", "(i32.const -16)"),
  blocksInRealloc: () =>
    handler(
      "(call $path (local.get $request) (i32.const 1040))",
      "",
      "(call $block (call $subscribe (i64.const 1000000))) (i32.const 65536)",
    ),
  callsForEver: () => handler("(loop $more (call $method (local.get $request) (i32.const 1024)) (br $more))"),
  catchesItsTraps: () =>
    handler(`(loop $again (block $caught (try_table (catch_all $caught)
      ${append("(i32.const 4711)", 16, 12)})) (br $again))`),
  writesForEver: () =>
    handler(`(local.set $response (call $response (call $fields)))
      (local.set $body (call $bodyOf (local.get $response)))
      (call $respond (local.get $out) (local.get $response))
      (local.set $stream (call $streamOf (local.get $body)))
      (loop $more (call $flush (local.get $stream) (i32.const 0) (i32.const 4096) (i32.const 1120)) (br $more))`),
} as const;
