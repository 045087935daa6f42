/**
 * Test support: what each row of the errno matrix is provoked in. The rows are in `errno-rows-*.ts`.
 */
import { mkdirSync, symlinkSync } from "node:fs";
import { expect } from "vitest";

import type { errno } from "./abi.ts";
import { MountedGuest } from "./guest-fixture.ts";
import { allRights, Guest, readRights } from "./test-support.ts";

export type ErrnoName = Exclude<keyof typeof errno, "success">;
export type Arguments = readonly (number | bigint | string | Uint8Array)[];

export interface Setup {
  readonly readOnly?: boolean;
  readonly openFilesMax?: number;
  /** Before another guest is made, which has only what the host hands out: 3 is the mount. */
  readonly host?: (sandbox: MountedGuest["sandbox"]) => void;
  /** Before the call. */
  readonly arrange?: (guest: Guest, mounted: MountedGuest) => void;
}

export type Row = readonly [call: string, answer: ErrnoName, args: Arguments, setup?: Setup];

export const out = 1024;
export const none = 99;
export const buffer = 65_536;
export const nowhere = -4;
/** The mount. */
export const top = 3;
/** What the fixture opens: a file with all rights, a file and a directory with none. */
export const file = 4;
export const powerless = 5;
export const powerlessDirectory = 6;

/** file, dir/in, empty/, self -> self; descriptors 3 to 6. */
export function populated({ readOnly = false, openFilesMax = 64 }: Setup): MountedGuest {
  const mounted = new MountedGuest({ readOnly, openFilesMax });
  mounted.file("file", "text");
  mounted.file("dir/in", "text");
  mkdirSync(mounted.path("empty"));
  symlinkSync("self", mounted.path("self"));
  const { guest } = mounted;
  const opened = [
    guest.open("file", { rights: readOnly ? readRights : allRights }),
    guest.open("file", { rights: 0n }),
    guest.open("dir", { rights: 0n }),
  ];
  expect(opened).toEqual([file, powerless, powerlessDirectory]);
  return mounted;
}

/** One vector that lies in memory, written where `vectors` points. */
export const vectors = 2048;
export const withVectors: Setup = {
  arrange: (guest) => {
    guest.view.setUint32(vectors, buffer, true);
    guest.view.setUint32(vectors + 4, 16, true);
    // Of the second, the end lies outside.
    guest.view.setUint32(vectors + 8, guest.memory.buffer.byteLength - 8, true);
    guest.view.setUint32(vectors + 12, 16, true);
  },
};

export const readOnly: Setup = { ...withVectors, readOnly: true };

/** Stands for a path whose pointer leads outside. */
export const nowhereMark = "nowhere";

export async function perform([call, , args, setup = {}]: Row): Promise<{
  readonly answer: unknown;
  readonly guest: Guest;
  readonly mounted: MountedGuest;
}> {
  const mounted = populated(setup);
  let { guest } = mounted;
  if (setup.host) {
    mounted.guest.preview1.close();
    setup.host(mounted.sandbox);
    guest = new Guest(mounted.sandbox.host);
  }
  setup.arrange?.(guest, mounted);
  const passed = args.flatMap((arg) => (arg === nowhereMark ? [nowhere, 8] : [arg]));
  const answer = await guest.invoke(call, ...passed);
  return { answer, guest, mounted };
}
