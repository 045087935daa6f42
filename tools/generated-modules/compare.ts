/** Runs a module as it is and rewritten, with the same arguments, and says where the two part. */
import { createHash } from "node:crypto";
import { type Random, seededRandom } from "../../kit/random.ts";
import type { ModuleFacts } from "../../node-daemon/wasm/rewrite.ts";
import { areNumbers, callWithBytes, readSignature } from "../spec-tests/adapter.ts";
import { type Compiled, compile } from "../spec-tests/compile.ts";
import {
  engine,
  type EngineFunction,
  type EngineGlobal,
  type EngineMemory,
  type Exports,
} from "../spec-tests/engine.ts";
import { hostValue, type NumberType } from "../spec-tests/values.ts";
import { faultOf, stackBytes } from "../spec-tests/world.ts";
import { format } from "./format.ts";
import { type Guest, importsOf } from "./host.ts";

export type Comparison =
  /** `calls`: how many came back, with values or a trap. */
  | { readonly kind: "same"; readonly calls: number; readonly features: readonly string[] }
  | { readonly kind: "different"; readonly what: string }
  /** The engine refuses it as it is. */
  | { readonly kind: "refused" };

/** Units of fuel for one slice: most calls yield. */
const slice = 200;
/** Calls that the host makes during one from outside. */
const callsMax = 20;

export function compareModule(binary: Uint8Array<ArrayBuffer>, seed: number): Comparison {
  const compiled = compile(binary);
  if (compiled.kind === "invalid") return { kind: "refused" };
  if (compiled.kind === "broken") return { kind: "different", what: compiled.what };
  const original = transcribe(compiled, "original", seed);
  const rewritten = transcribe(compiled, "rewritten", seed);
  const length = Math.max(original.length, rewritten.length);
  for (let i = 0; i < length; i++) {
    if (original[i] === rewritten[i]) continue;
    return { kind: "different", what: `step ${i}: ${original[i]} became ${rewritten[i]}` };
  }
  const calls = original.filter((line) => line.startsWith("answers")).length;
  return { kind: "same", calls, features: compiled.facts.features };
}

function transcribe(compiled: Compiled, form: "original" | "rewritten", seed: number): readonly string[] {
  const { facts } = compiled;
  const transcript: string[] = [];
  let exports: Exports = {};
  const names = facts.exports.map(({ name }) => name);
  const guest: Guest = { exports: () => exports, names, transcript, callsLeft: callsMax };
  const imports = importsOf(facts.imports, guest);
  const { hooks } = facts;
  const refill = () => void ((exports[hooks.fuel] as EngineGlobal).value = slice);
  if (form === "rewritten") imports[hooks.module] = { [hooks.yield]: refill };
  try {
    ({ exports } = new engine.Instance(compiled[form], imports));
    if (form === "rewritten" && hooks.start !== undefined) (exports[hooks.start] as EngineFunction)();
  } catch (thrown) {
    transcript.push(`starts with ${formatFault(thrown)}`);
    return transcript;
  }
  const random = seededRandom(seed);
  for (const { name, kind, signature } of facts.exports) {
    if (kind !== "function") continue;
    transcript.push(`calls ${name}`);
    if (form === "rewritten") (exports[hooks.stack] as EngineGlobal).value = stackBytes;
    guest.callsLeft = callsMax;
    transcript.push(`answers ${answer(exports[name] as EngineFunction, signature ?? "", random)}`);
  }
  transcript.push(...remains(facts, exports));
  return transcript;
}

function answer(callee: EngineFunction, signature: string, random: Random): string {
  const { params, results } = readSignature(signature);
  // Whatever becomes of the call, both forms draw the same numbers.
  const bytes = params.map((type) => numberBytes(type, random));
  try {
    if (areNumbers(params) && areNumbers(results)) {
      const found = callWithBytes(callee, params, results, bytes);
      if (found !== undefined) return found.map((one, i) => formatBytes(one, results[i] ?? "i32")).join(" ");
    }
    const found = callee(...params.map((type, i) => argumentOf(type, bytes[i] ?? new Uint8Array())));
    return Array.isArray(found) ? found.map(format).join(" ") : format(found);
  } catch (thrown) {
    return formatFault(thrown);
  }
}

const interesting = [0, 1, 2, -1, 127, 128, 255, 256, 65_535, 65_536, 0x7fff_ffff, -0x8000_0000];

function numberBytes(type: string, random: Random): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  const value = interesting[Math.floor(random.fraction() * interesting.length)] ?? 0;
  if (type === "f32") view.setFloat32(0, value / 8, true);
  else if (type === "f64") view.setFloat64(0, value / 8, true);
  else if (type === "i64") view.setBigInt64(0, BigInt(value), true);
  else view.setInt32(0, value, true);
  if (type === "v128") for (let i = 4; i < 16; i++) bytes[i] = random.fraction() * 256;
  return bytes;
}

function argumentOf(type: string, bytes: Uint8Array): unknown {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  switch (type) {
    case "i32":
      return view.getInt32(0, true);
    case "i64":
      return view.getBigInt64(0, true);
    case "f32":
      return view.getFloat32(0, true);
    case "f64":
      return view.getFloat64(0, true);
    case "externref":
    case "(ref extern)":
      return hostValue("argument");
    case "anyref":
    case "eqref":
    case "i31ref":
      return view.getInt32(0, true) & 0xffff;
    default:
      return null;
  }
}

function formatBytes(bytes: Uint8Array, type: NumberType): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  // Which NaN comes of an operation is the machine's to choose, and may change with the compiler.
  if (type === "f32" && Number.isNaN(view.getFloat32(0, true))) return "NaN";
  if (type === "f64" && Number.isNaN(view.getFloat64(0, true))) return "NaN";
  return `${type} ${Buffer.from(bytes).toString("hex")}`;
}

/** Frames of rewritten functions are larger: how deep they go is no property of the module. */
function formatFault(thrown: unknown): string {
  const { fault, message } = faultOf(thrown);
  return fault === "trap" || fault === "other" ? `${fault} ${message}` : fault;
}

/** Contents of what it exports, when all is over. */
function remains(facts: ModuleFacts, exports: Exports): readonly string[] {
  return facts.exports.flatMap(({ name, kind, signature = "" }) => {
    if (kind === "memory") {
      const { buffer } = exports[name] as EngineMemory;
      const digest = createHash("sha256").update(new Uint8Array(buffer)).digest("hex");
      return [`memory ${name} of ${buffer.byteLength} bytes ${digest}`];
    }
    const readable = kind === "global" && !/v128|exn/.test(signature);
    return readable ? [`global ${name} ${format((exports[name] as EngineGlobal).value)}`] : [];
  });
}
