import { WherryError } from "../../../kit/errors.ts";
import { clockId, errno, type Errno } from "../abi.ts";
import type { GuestMemory } from "../guest-memory.ts";
import type { WasiHost } from "../host.ts";
import { limits } from "../limits.ts";
import type { StartStrings, WasiContext, WasiFunctions } from "./context.ts";

const encoder = new TextEncoder();

/** Arguments, environment, clocks, randomness, exit, yield. */
export const processFunctions = {
  args_sizes_get: ({ memory, host, strings }: WasiContext, countOut: number, bytesOut: number): Errno =>
    putSizes(memory, host.args.length, strings.argsBytes, countOut, bytesOut),

  args_get: ({ memory, host, strings }: WasiContext, pointersOut: number, bytesOut: number): Errno =>
    putStrings(memory, host.args, strings.argsBytes, pointersOut, bytesOut),

  environ_sizes_get: ({ memory, host, strings }: WasiContext, countOut: number, bytesOut: number): Errno =>
    putSizes(memory, host.env.length, strings.envBytes, countOut, bytesOut),

  environ_get({ memory, host, strings }: WasiContext, pointersOut: number, bytesOut: number): Errno {
    const variables = host.env.map(([name, value]) => `${name}=${value}`);
    return putStrings(memory, variables, strings.envBytes, pointersOut, bytesOut);
  },

  clock_res_get({ host, memory }: WasiContext, id: number, out: number): Errno {
    out >>>= 0;
    if (!memory.fits(out, 8)) return errno.fault;
    if (timeOf(host, id) === undefined) return noSuchClock(id);
    memory.setU64(out, host.clock.resolutionNs);
    return 0;
  },

  clock_time_get({ host, memory }: WasiContext, id: number, _precision: bigint, out: number): Errno {
    out >>>= 0;
    if (!memory.fits(out, 8)) return errno.fault;
    const now = timeOf(host, id);
    if (now === undefined) return noSuchClock(id);
    memory.setU64(out, BigInt.asUintN(64, now));
    return 0;
  },

  random_get(context: WasiContext, pointer: number, length: number): number | Promise<number> {
    pointer >>>= 0;
    length >>>= 0;
    if (!context.memory.fits(pointer, length)) return errno.fault;
    if (length > limits.randomBytesMax) return randomInTurns(context, pointer, length);
    fillRandom(context, pointer, length);
    return 0;
  },

  proc_exit({ host }: WasiContext, code: number): void {
    host.exit(code >>> 0);
  },

  proc_raise: (): Errno => errno.nosys,

  async sched_yield({ host }: WasiContext): Promise<number> {
    await host.yield();
    return 0;
  },
} satisfies WasiFunctions;

function timeOf(host: WasiHost, id: number): bigint | undefined {
  if (id === clockId.monotonic) return host.clock.monotonicNs();
  if (id === clockId.realtime) return host.clock.realtimeNs();
  return cpuClock(host, id);
}

function cpuClock(host: WasiHost, id: number): bigint | undefined {
  return id === clockId.processCpu || id === clockId.threadCpu ? host.cpuNs?.() : undefined;
}

function noSuchClock(id: number): number {
  return id === clockId.processCpu || id === clockId.threadCpu ? errno.notsup : errno.inval;
}

function fillRandom({ host, memory }: WasiContext, pointer: number, length: number): void {
  for (let done = 0; done < length; done += limits.randomChunkBytes) {
    host.random(memory.slice(pointer + done, Math.min(limits.randomChunkBytes, length - done)));
  }
}

async function randomInTurns(context: WasiContext, pointer: number, length: number): Promise<number> {
  for (let done = 0; done < length; done += limits.randomBytesMax) {
    if (done > 0) await context.host.yield();
    fillRandom(context, pointer + done, Math.min(limits.randomBytesMax, length - done));
  }
  return 0;
}

function putSizes(
  memory: GuestMemory,
  count: number,
  byteLength: number,
  countOut: number,
  bytesOut: number,
): Errno {
  countOut >>>= 0;
  bytesOut >>>= 0;
  if (!memory.fits(countOut, 4) || !memory.fits(bytesOut, 4)) return errno.fault;
  memory.setU32(countOut, count);
  memory.setU32(bytesOut, byteLength);
  return 0;
}

/** Strings as C wants them: an array of pointers, and the bytes, each string with a NUL at its end. */
function putStrings(
  memory: GuestMemory,
  strings: readonly string[],
  byteLength: number,
  pointersOut: number,
  bytesOut: number,
): Errno {
  pointersOut >>>= 0;
  let at = bytesOut >>> 0;
  if (!memory.fits(pointersOut, strings.length * 4) || !memory.fits(at, byteLength)) return errno.fault;
  for (const [index, text] of strings.entries()) {
    memory.setU32(pointersOut + index * 4, at);
    at += encoder.encodeInto(text, memory.bytes.subarray(at)).written;
    memory.bytes[at++] = 0;
  }
  return 0;
}

/** The bytes that the strings take in a guest. Throws a {@link WherryError} for what no guest could be given. */
export function measureStrings({ args, env }: Pick<WasiHost, "args" | "env">): StartStrings {
  if (args.length + env.length > limits.startStringsMax) {
    refuse(`${args.length + env.length} arguments and variables, of at most ${limits.startStringsMax}`);
  }
  let argsBytes = 0;
  for (const text of args) {
    if (text.includes("\0")) refuse(`the argument ${quoted(text)} has a NUL in it`);
    argsBytes += Buffer.byteLength(text) + 1;
  }
  let envBytes = 0;
  for (const variable of env) {
    const name = variable[0];
    const value = variable[1];
    if (name === "" || name.includes("=") || name.includes("\0")) {
      refuse(`${quoted(name)} is no name for an environment variable`);
    }
    // The value may be a secret: it is not in the message.
    if (value.includes("\0")) refuse(`the environment variable ${quoted(name)} has a NUL in its value`);
    envBytes += Buffer.byteLength(name) + Buffer.byteLength(value) + 2;
  }
  if (argsBytes + envBytes > limits.startBytesMax) {
    refuse(
      `arguments and environment have ${argsBytes + envBytes} bytes, of at most ${limits.startBytesMax}`,
    );
  }
  return { argsBytes, envBytes };
}

function quoted(text: string): string {
  const { quotedCharactersMax } = limits;
  return JSON.stringify(text.length > quotedCharactersMax ? `${text.slice(0, quotedCharactersMax)}…` : text);
}

function refuse(why: string): never {
  throw new WherryError("wasi-start-invalid", `start a WASI instance: ${why}`);
}
