/** The messages of functions.proto, as values and as bytes. A field that is absent has its default, as proto3 has it. */
import { readFields, signedOf, WireWriter } from "./wire.ts";

export interface CallRequest {
  readonly id: number;
  readonly function: string;
  readonly input: Uint8Array;
  /** This one and the next two: 0 for what the template says. */
  readonly fuel: number;
  readonly memoryBytes: number;
  readonly timeoutMs: number;
  readonly seed: string | undefined;
}

export interface CallError {
  readonly reason: string;
  readonly message: string;
  readonly code: number;
  readonly notBegun: boolean;
}

export interface CallUsage {
  readonly fuel: number;
  readonly cpuUs: number;
}

export type CallResult =
  | { readonly kind: "output"; readonly output: Uint8Array }
  | { readonly kind: "error"; readonly error: CallError };

export interface CallResponse {
  readonly id: number;
  readonly result: CallResult;
  readonly usage: CallUsage | undefined;
}

export const callPath = "/wherry.v1.FunctionService/Call";
export const callsPath = "/wherry.v1.FunctionService/Calls";

export function writeRequest(request: CallRequest): readonly Uint8Array[] {
  const { id, input, fuel, memoryBytes, timeoutMs, seed } = request;
  const to = new WireWriter().text(2, request.function);
  if (id > 0) to.varint(1, id);
  if (fuel > 0) to.varint(4, fuel);
  if (memoryBytes > 0) to.varint(5, memoryBytes);
  if (timeoutMs > 0) to.varint(6, timeoutMs);
  if (seed !== undefined) to.text(7, seed);
  if (input.byteLength > 0) to.bytes(3, input);
  return to.finish();
}

/** Throws a `WireError`. `input` is a view of the message. */
export function readRequest(message: Buffer): CallRequest {
  const numbers = [0, 0, 0, 0, 0, 0, 0, 0];
  let name = "";
  let input: Uint8Array = new Uint8Array();
  let seed: string | undefined;
  for (const { field, number, bytes } of readFields(message)) {
    if (field === 2) name = bytes.toString("utf8");
    else if (field === 3) input = bytes;
    else if (field === 7) seed = bytes.toString("utf8");
    else if (field < 7) numbers[field] = number;
  }
  const [, id = 0, , , fuel = 0, memoryBytes = 0, timeoutMs = 0] = numbers;
  return { id, function: name, input, fuel, memoryBytes, timeoutMs, seed };
}

export function writeResponse({ id, result, usage }: CallResponse): readonly Uint8Array[] {
  const to = new WireWriter();
  if (id > 0) to.varint(1, id);
  if (usage) to.bytes(4, joined(new WireWriter().varint(1, usage.fuel).varint(2, usage.cpuUs).finish()));
  if (result.kind === "output") return to.bytes(2, result.output).finish();
  const { reason, message, code, notBegun } = result.error;
  const error = new WireWriter().text(1, reason).text(2, message);
  if (code !== 0) error.sint(3, code);
  if (notBegun) error.varint(4, 1);
  return to.bytes(3, joined(error.finish())).finish();
}

/** Throws a `WireError`. `output` is a view of the message. */
export function readResponse(message: Buffer): CallResponse {
  let id = 0;
  let result: CallResult = { kind: "output", output: new Uint8Array() };
  let usage: CallUsage | undefined;
  for (const { field, number, bytes } of readFields(message)) {
    if (field === 1) id = number;
    else if (field === 2) result = { kind: "output", output: bytes };
    else if (field === 3) result = { kind: "error", error: readError(bytes) };
    else if (field === 4) usage = readUsage(bytes);
  }
  return { id, result, usage };
}

function readError(message: Buffer): CallError {
  let error: CallError = { reason: "", message: "", code: 0, notBegun: false };
  for (const { field, number, bytes } of readFields(message)) {
    if (field === 1) error = { ...error, reason: bytes.toString("utf8") };
    else if (field === 2) error = { ...error, message: bytes.toString("utf8") };
    else if (field === 3) error = { ...error, code: signedOf(number) };
    else if (field === 4) error = { ...error, notBegun: number !== 0 };
  }
  return error;
}

function readUsage(message: Buffer): CallUsage {
  let usage: CallUsage = { fuel: 0, cpuUs: 0 };
  for (const { field, number } of readFields(message)) {
    if (field === 1) usage = { ...usage, fuel: number };
    else if (field === 2) usage = { ...usage, cpuUs: number };
  }
  return usage;
}

function joined(parts: readonly Uint8Array[]): Buffer {
  return Buffer.concat(parts);
}
