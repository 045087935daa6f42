/** What the heads and ends of requests and answers look like on the wire: flags, numbers, then strings (see strings-codec.ts). */
import type { ExchangeEnd, ExchangeFault, RequestHead, ResponseHead } from "./exchange.ts";
import { LinkViolation } from "./frame.ts";
import { putWord } from "./frame-writer.ts";
import { readStrings, StringsEncoder } from "./strings-codec.ts";

const wideFlag = 0x80;

const requestFlag = {
  workload: 1,
  https: 2,
  bodyLength: 4,
  call: 8,
  fuel: 16,
  memory: 32,
  seed: 64,
} as const;
/** Flags, port, timeout; then numbers of eight bytes: those that are there. */
const requestFixedBytes = 1 + 2 + 4;
const numberBytes = 8;
/** Uid, template, method, authority, path, matched path, client: then the seed, if there is one, and the headers. */
const requestStrings = 7;

const answerFixedBytes = 1 + 2;
const statusMin = 200;
const statusMax = 999;
const switchingProtocols = 101;

const endUsageFlag = 1;
const faultFixedBytes = 1 + 1 + 4;
const faultMessageCharsMax = 2_048;

type FaultReason = Exclude<ExchangeFault, { readonly kind: "cancelled" }>["reason"];

/** By their numbers on the wire. */
const faultReasons: readonly FaultReason[] = [
  "unknown",
  "draining",
  "full",
  "broken",
  "trapped",
  "timeout",
  "invalid",
  "tooLarge",
  "stopped",
  "lost",
  "protocol",
  "exhausted",
  "unsupported",
];

/** Two steps, as a frame begins with its length: measure one, then write it. To be used again and again. */
export class HeadEncoder {
  readonly #strings = new StringsEncoder();
  readonly #numbers: number[] = [];
  #flags = 0;

  /** Of what was measured last. */
  get tooManyStrings(): boolean {
    return this.#strings.tooMany;
  }

  measureRequest(head: RequestHead): number {
    const { target, call } = head;
    const strings = this.#begin();
    let flags = head.scheme === "https" ? requestFlag.https : 0;
    if (target.kind === "workload") flags |= requestFlag.workload;
    strings.add(target.uid);
    strings.add(target.kind === "workload" ? target.templateHash : "");
    strings.add(head.method);
    strings.add(head.authority);
    strings.add(head.path);
    strings.add(head.matchedPath);
    strings.add(head.clientAddress);
    if (head.bodyLength !== undefined) flags |= this.#number(requestFlag.bodyLength, head.bodyLength);
    if (call) {
      flags |= requestFlag.call;
      if (call.fuelMax !== undefined) flags |= this.#number(requestFlag.fuel, call.fuelMax);
      if (call.memoryBytesMax !== undefined) flags |= this.#number(requestFlag.memory, call.memoryBytesMax);
      if (call.seed !== undefined) {
        flags |= requestFlag.seed;
        strings.add(call.seed);
      }
    }
    strings.addAll(head.headers);
    const bytes = strings.seal();
    this.#flags = flags | (strings.wide ? wideFlag : 0);
    return requestFixedBytes + this.#numbers.length * numberBytes + bytes;
  }

  writeRequest(head: RequestHead, bytes: Buffer, from: number): void {
    bytes[from] = this.#flags;
    bytes[from + 1] = head.clientPort;
    bytes[from + 2] = head.clientPort >>> 8;
    putWord(bytes, from + 3, wordOf(head.timeoutMs));
    this.#writeRest(bytes, from + requestFixedBytes);
  }

  measureAnswer(head: ResponseHead): number {
    const strings = this.#begin();
    strings.addAll(head.headers);
    return answerFixedBytes + strings.seal();
  }

  writeAnswer(head: ResponseHead, bytes: Buffer, from: number): void {
    bytes[from] = this.#strings.wide ? wideFlag : 0;
    bytes[from + 1] = head.status;
    bytes[from + 2] = head.status >>> 8;
    this.#writeRest(bytes, from + answerFixedBytes);
  }

  measureEnd({ trailers, usage }: ExchangeEnd): number {
    const strings = this.#begin();
    strings.addAll(trailers);
    if (usage) this.#numbers.push(usage.cpuUs, usage.fuel);
    this.#flags = usage ? endUsageFlag : 0;
    return 1 + this.#numbers.length * numberBytes + strings.seal();
  }

  writeEnd(bytes: Buffer, from: number): void {
    bytes[from] = this.#flags | (this.#strings.wide ? wideFlag : 0);
    this.#writeRest(bytes, from + 1);
  }

  measureFault(fault: Exclude<ExchangeFault, { readonly kind: "cancelled" }>): number {
    const strings = this.#begin();
    strings.add(fault.message.slice(0, faultMessageCharsMax));
    return faultFixedBytes + strings.seal();
  }

  writeFault(
    fault: Exclude<ExchangeFault, { readonly kind: "cancelled" }>,
    bytes: Buffer,
    from: number,
  ): void {
    const retryAfterMs = fault.kind === "refused" ? fault.retryAfterMs : 0;
    bytes[from] = this.#strings.wide ? wideFlag : 0;
    bytes[from + 1] = faultReasons.indexOf(fault.reason);
    putWord(bytes, from + 2, wordOf(retryAfterMs));
    this.#writeRest(bytes, from + faultFixedBytes);
  }

  #begin(): StringsEncoder {
    this.#strings.clear();
    this.#numbers.length = 0;
    this.#flags = 0;
    return this.#strings;
  }

  #number(flag: number, value: number): number {
    this.#numbers.push(value);
    return flag;
  }

  #writeRest(bytes: Buffer, from: number): void {
    let at = from;
    for (const value of this.#numbers) {
      bytes.writeDoubleLE(value, at);
      at += numberBytes;
    }
    this.#strings.write(bytes, at);
  }
}

function wordOf(value: number): number {
  return Math.min(0xff_ff_ff_ff, Math.max(0, Math.ceil(value)));
}

export function readRequest(bytes: Buffer, from: number, end: number): RequestHead {
  if (end - from < requestFixedBytes) throw new LinkViolation("a request's head that is too short");
  const flags = bytes[from] ?? 0;
  let at = from + requestFixedBytes;
  const number = (flag: number): number | undefined => {
    if ((flags & flag) === 0) return undefined;
    at += numberBytes;
    return readCount(bytes, at - numberBytes, end);
  };
  const bodyLength = number(requestFlag.bodyLength);
  const call = readCall(flags, number(requestFlag.fuel), number(requestFlag.memory));
  const strings = readStrings(bytes, at, end, (flags & wideFlag) !== 0);
  const fixed = requestStrings + ((flags & requestFlag.seed) === 0 ? 0 : 1);
  if (strings.length < fixed || (strings.length - fixed) % 2 !== 0) {
    throw new LinkViolation(`a request's head with ${strings.length} strings`);
  }
  const [uid = "", templateHash = "", method = "", authority = "", path = "", matchedPath = "", client = ""] =
    strings;
  return {
    target:
      (flags & requestFlag.workload) === 0
        ? { kind: "instance", uid }
        : { kind: "workload", uid, templateHash },
    method,
    scheme: (flags & requestFlag.https) === 0 ? "http" : "https",
    authority,
    path,
    matchedPath,
    headers: strings.slice(fixed),
    clientAddress: client,
    clientPort: (bytes[from + 1] ?? 0) | ((bytes[from + 2] ?? 0) << 8),
    timeoutMs: bytes.readUInt32LE(from + 3),
    bodyLength,
    ...(call && {
      call: fixed > requestStrings ? { ...call, seed: strings[requestStrings] ?? "" } : call,
    }),
  };
}

function readCall(
  flags: number,
  fuelMax: number | undefined,
  memoryBytesMax: number | undefined,
): RequestHead["call"] {
  if ((flags & requestFlag.call) === 0) {
    if ((flags & (requestFlag.fuel | requestFlag.memory | requestFlag.seed)) === 0) return undefined;
    throw new LinkViolation("limits of a call in a request that is none");
  }
  return {
    ...(fuelMax !== undefined && { fuelMax }),
    ...(memoryBytesMax !== undefined && { memoryBytesMax }),
  };
}

/** What an exchange may be answered with. */
export function isAnswerStatus(status: number, isUpgrade: boolean): boolean {
  return (status >= statusMin && status <= statusMax) || (isUpgrade && status === switchingProtocols);
}

/** Whether its status may be is for whoever knows the request to say: see {@link isAnswerStatus}. */
export function readAnswer(bytes: Buffer, from: number, end: number): ResponseHead {
  if (end - from < answerFixedBytes) throw new LinkViolation("an answer's head that is too short");
  const status = (bytes[from + 1] ?? 0) | ((bytes[from + 2] ?? 0) << 8);
  const wide = ((bytes[from] ?? 0) & wideFlag) !== 0;
  return { status, headers: readPairs(bytes, from + answerFixedBytes, end, wide) };
}

export function readEnd(bytes: Buffer, from: number, end: number): ExchangeEnd {
  if (end === from) throw new LinkViolation("an end without flags");
  const flags = bytes[from] ?? 0;
  const wide = (flags & wideFlag) !== 0;
  if ((flags & endUsageFlag) === 0) return { trailers: readPairs(bytes, from + 1, end, wide) };
  const cpuUs = readCount(bytes, from + 1, end);
  const fuel = readCount(bytes, from + 1 + numberBytes, end);
  return {
    trailers: readPairs(bytes, from + 1 + 2 * numberBytes, end, wide),
    usage: { cpuUs, fuel },
  };
}

export function readFault(bytes: Buffer, from: number, end: number): ExchangeFault {
  if (end - from < faultFixedBytes) throw new LinkViolation("a fault that is too short");
  const reason = faultReasons[bytes[from + 1] ?? 0];
  const wide = ((bytes[from] ?? 0) & wideFlag) !== 0;
  const [message = ""] = readStrings(bytes, from + faultFixedBytes, end, wide);
  switch (reason) {
    case "unknown":
    case "draining":
    case "full":
    case "broken":
    case "unsupported":
      return { kind: "refused", reason, message, retryAfterMs: bytes.readUInt32LE(from + 2) };
    case undefined:
      throw new LinkViolation(`a fault of kind ${bytes[from + 1]}`);
    default:
      return { kind: "failed", reason, message };
  }
}

function readPairs(bytes: Buffer, from: number, end: number, wide: boolean): string[] {
  const strings = readStrings(bytes, from, end, wide);
  if (strings.length % 2 !== 0) throw new LinkViolation("a name of a header without a value");
  return strings;
}

/** A number that counts something, so that nothing has to ask whether it is one. */
function readCount(bytes: Buffer, at: number, end: number): number {
  if (at + numberBytes > end) throw new LinkViolation("a number beyond the end of its frame");
  const value = bytes.readDoubleLE(at);
  if (value >= 0 && value <= Number.MAX_SAFE_INTEGER) return value;
  throw new LinkViolation(`a count of ${value}`);
}
