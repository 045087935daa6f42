import { BinaryReader, Rejection } from "../../node-daemon/wasm/binary-reader.ts";
import { BinaryWriter } from "../../node-daemon/wasm/binary-writer.ts";

export interface Section {
  readonly id: number;
  readonly contents: Uint8Array;
}

/** A module by its sections; undefined if it has none that can be told apart. */
export function splitSections(binary: Uint8Array): Section[] | undefined {
  return unlessRejected(() => {
    const reader = new BinaryReader(binary, 8);
    const sections: Section[] = [];
    while (reader.remaining > 0) {
      const id = reader.u8();
      const body = reader.slice(reader.u32(), "section");
      sections.push({ id, contents: binary.subarray(body.pos, body.end) });
    }
    return sections;
  });
}

/** With the preamble of `binary`, which says whether it is a module or a component. */
export function joinSections(binary: Uint8Array, sections: readonly Section[]): Uint8Array {
  const writer = new BinaryWriter(1024).append(binary.subarray(0, 8));
  for (const { id, contents } of sections) writer.u8(id).u32(contents.length).append(contents);
  return writer.view().slice();
}

/** The function bodies of a code section, without their sizes. */
export function splitBodies(contents: Uint8Array): Uint8Array[] | undefined {
  return unlessRejected(() => {
    const reader = new BinaryReader(contents);
    const bodies: Uint8Array[] = [];
    for (let left = reader.count("bodies"); left > 0; left--) {
      const body = reader.slice(reader.u32(), "body");
      bodies.push(contents.subarray(body.pos, body.end));
    }
    return bodies;
  });
}

export function joinBodies(bodies: readonly Uint8Array[]): Uint8Array {
  const writer = new BinaryWriter(1024).u32(bodies.length);
  for (const body of bodies) writer.u32(body.length).append(body);
  return writer.view().slice();
}

/** Where the instructions of a body begin: behind its locals. */
export function codeStart(body: Uint8Array): number | undefined {
  return unlessRejected(() => {
    const reader = new BinaryReader(body);
    for (let left = reader.count("locals", 2); left > 0; left--) {
      reader.u32();
      reader.skipLeb(5);
    }
    return reader.pos;
  });
}

/** The count that a section begins with, and what follows it. */
export function splitCount(contents: Uint8Array): readonly [count: number, rest: Uint8Array] | undefined {
  return unlessRejected(() => {
    const reader = new BinaryReader(contents);
    const count = reader.u32();
    return [count, contents.subarray(reader.pos)] as const;
  });
}

export function joinCount(count: number, rest: Uint8Array): Uint8Array {
  return new BinaryWriter(rest.length + 5).u32(count).append(rest).view().slice();
}

function unlessRejected<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (thrown) {
    if (thrown instanceof Rejection) return undefined;
    throw thrown;
  }
}
