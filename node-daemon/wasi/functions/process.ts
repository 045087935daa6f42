import { WherryError } from "../../../kit/errors.ts";
import { clockId, errno } from "../abi.ts";
import type { WasiHost } from "../host.ts";
import { limits } from "../limits.ts";
import type { WasiContext, WasiFunctions } from "./context.ts";

/** Arguments, environment, clocks, randomness, exit, yield. */
export function processFunctions(context: WasiContext): WasiFunctions {
  const { host, memory } = context;
  const args = stringList(context, host.args.map(argument));
  const environment = stringList(context, host.env.map(variable));
  refuseTooLong(args.byteLength + environment.byteLength);

  return {
    args_sizes_get: args.sizes,
    args_get: args.get,
    environ_sizes_get: environment.sizes,
    environ_get: environment.get,

    clock_res_get(id: number, out: number): number {
      out >>>= 0;
      if (!memory.fits(out, 8)) return errno.fault;
      if (timeOf(host, id) === undefined) return noSuchClock(id);
      memory.setU64(out, host.clock.resolutionNs);
      return 0;
    },

    clock_time_get(id: number, _precision: bigint, out: number): number {
      out >>>= 0;
      if (!memory.fits(out, 8)) return errno.fault;
      const now = timeOf(host, id);
      if (now === undefined) return noSuchClock(id);
      memory.setU64(out, BigInt.asUintN(64, now));
      return 0;
    },

    random_get(pointer: number, length: number): number | Promise<number> {
      pointer >>>= 0;
      length >>>= 0;
      if (!memory.fits(pointer, length)) return errno.fault;
      if (length > limits.randomBytesMax) return randomInTurns(context, pointer, length);
      fillRandom(context, pointer, length);
      return 0;
    },

    proc_exit(code: number): void {
      host.exit(code >>> 0);
    },

    async sched_yield(): Promise<number> {
      await host.yield();
      return 0;
    },
  };
}

function timeOf(host: WasiHost, id: number): bigint | undefined {
  if (id === clockId.monotonic) return host.clock.monotonicNs();
  if (id === clockId.realtime) return host.clock.realtimeNs();
  return cpuClock(host, id);
}

function cpuClock(host: WasiHost, id: number): bigint | undefined {
  return id === clockId.processCpu || id === clockId.threadCpu ? host.clock.cpuNs?.() : undefined;
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

interface StringList {
  readonly byteLength: number;
  readonly sizes: (countOut: number, bytesOut: number) => number;
  readonly get: (pointersOut: number, bytesOut: number) => number;
}

/** Strings as C wants them: an array of pointers, and the bytes, each string with a NUL at its end. */
function stringList({ memory }: WasiContext, strings: readonly Uint8Array[]): StringList {
  const byteLength = strings.reduce((sum, bytes) => sum + bytes.byteLength, 0);
  return {
    byteLength,
    sizes(countOut, bytesOut) {
      countOut >>>= 0;
      bytesOut >>>= 0;
      if (!memory.fits(countOut, 4) || !memory.fits(bytesOut, 4)) return errno.fault;
      memory.setU32(countOut, strings.length);
      memory.setU32(bytesOut, byteLength);
      return 0;
    },
    get(pointersOut, bytesOut) {
      pointersOut >>>= 0;
      let at = bytesOut >>> 0;
      if (!memory.fits(pointersOut, strings.length * 4) || !memory.fits(at, byteLength)) return errno.fault;
      for (const [index, bytes] of strings.entries()) {
        memory.setU32(pointersOut + index * 4, at);
        memory.bytes.set(bytes, at);
        at += bytes.byteLength;
      }
      return 0;
    },
  };
}

function argument(text: string): Uint8Array {
  if (text.includes("\0")) refuse(`the argument ${JSON.stringify(text)} has a NUL in it`);
  return Buffer.from(`${text}\0`);
}

function variable([name, value]: readonly [string, string]): Uint8Array {
  if (name === "" || name.includes("=") || name.includes("\0")) {
    refuse(`${JSON.stringify(name)} is no name for an environment variable`);
  }
  // The value may be a secret: it is not in the message.
  if (value.includes("\0")) refuse(`the environment variable ${name} has a NUL in its value`);
  return Buffer.from(`${name}=${value}\0`);
}

function refuseTooLong(byteLength: number): void {
  if (byteLength <= limits.startBytesMax) return;
  refuse(`arguments and environment have ${byteLength} bytes, of at most ${limits.startBytesMax}`);
}

function refuse(why: string): never {
  throw new WherryError("wasi-start-invalid", `start a WASI instance: ${why}`);
}
