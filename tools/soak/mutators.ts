import { BinaryWriter } from "../../node-daemon/wasm/binary-writer.ts";
import { section } from "../../node-daemon/wasm/module-model.ts";
import type { Dice } from "./dice.ts";
import {
  codeStart,
  joinBodies,
  joinCount,
  joinSections,
  type Section,
  splitBodies,
  splitCount,
  splitSections,
} from "./sections.ts";
import { pickSnippet } from "./snippets.ts";

export interface Mutator {
  readonly name: string;
  /** A new array. `other` is another module of the corpus. */
  mutate(binary: Uint8Array, dice: Dice, other: Uint8Array): Uint8Array;
}

const edges = [
  0x00, 0x01, 0x0b, 0x10, 0x3f, 0x40, 0x60, 0x6f, 0x70, 0x7b, 0x7f, 0x80, 0xd0, 0xfb, 0xfc, 0xfd, 0xfe, 0xff,
];
const hugeCounts = [0x7f, 0x3fff, 0xffff, 100_001, 1_000_001, 0x7fff_ffff, 0xffff_ffff];

/** The preamble stays mostly whole: behind a broken one nothing is tested. */
function somewhere(binary: Uint8Array, dice: Dice): number {
  const from = dice.chance(0.01) ? 0 : Math.min(8, binary.length - 1);
  return from + dice.below(Math.max(1, binary.length - from));
}

function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

const ofBytes: readonly Mutator[] = [
  {
    name: "flip bits",
    mutate: (binary, dice) => {
      const bytes = binary.slice();
      for (let left = dice.size(12); left > 0; left--) {
        const at = somewhere(bytes, dice);
        bytes[at] = (bytes[at] ?? 0) ^ (1 << dice.below(8));
      }
      return bytes;
    },
  },
  {
    name: "overwrite bytes",
    mutate: (binary, dice) => {
      const bytes = binary.slice();
      for (let left = dice.size(6); left > 0; left--) {
        bytes[somewhere(bytes, dice)] = dice.chance(0.5) ? dice.pick(edges) : dice.below(256);
      }
      return bytes;
    },
  },
  { name: "truncate", mutate: (binary, dice) => binary.slice(0, dice.below(binary.length)) },
  {
    name: "remove bytes",
    mutate: (binary, dice) => {
      const at = somewhere(binary, dice);
      return concat(binary.subarray(0, at), binary.subarray(at + dice.size(64)));
    },
  },
  {
    name: "insert bytes",
    mutate: (binary, dice) => {
      const at = somewhere(binary, dice);
      return concat(binary.subarray(0, at), dice.bytes(dice.size(64)), binary.subarray(at));
    },
  },
  {
    name: "copy bytes",
    mutate: (binary, dice) => {
      const bytes = binary.slice();
      const from = somewhere(bytes, dice);
      bytes.copyWithin(somewhere(bytes, dice), from, from + dice.size(256));
      return bytes;
    },
  },
];

function ofSections(
  name: string,
  change: (sections: Section[], dice: Dice, others: Section[]) => Section[],
): Mutator {
  return {
    name,
    mutate: (binary, dice, other) => {
      const sections = splitSections(binary);
      if (sections === undefined || sections.length === 0) return binary.slice();
      return joinSections(binary, change(sections, dice, splitSections(other) ?? []));
    },
  };
}

/** Changes the contents of one section, of this id if it is given. */
function ofContents(
  name: string,
  change: (contents: Uint8Array, dice: Dice, other: Uint8Array) => Uint8Array,
  id?: number,
): Mutator {
  return ofSections(name, (sections, dice, others) => {
    const candidates = id === undefined ? sections : sections.filter((one) => one.id === id);
    if (candidates.length === 0) return sections;
    const chosen = dice.pick(candidates);
    const other = others.find((one) => one.id === chosen.id)?.contents ?? new Uint8Array();
    return sections.map((one) =>
      one === chosen ? { ...one, contents: change(one.contents, dice, other) } : one,
    );
  });
}

function padded(value: number): Uint8Array {
  const writer = new BinaryWriter(8);
  writer.fill(writer.placeholder(), value);
  return writer.view().slice();
}

function added(sections: readonly Section[], section: Section, at: number): Section[] {
  return [...sections.slice(0, at), section, ...sections.slice(at)];
}

const ofStructure: readonly Mutator[] = [
  ofSections("shuffle sections", (sections, dice) => dice.shuffle(sections)),
  ofSections("repeat a section", (sections, dice) =>
    added(sections, dice.pick(sections), dice.below(sections.length + 1)),
  ),
  ofSections("drop a section", (sections, dice) => {
    const dropped = dice.pick(sections);
    return sections.filter((one) => one !== dropped);
  }),
  ofSections("take a section of another module", (sections, dice, others) => {
    if (others.length === 0) return sections;
    const taken = dice.pick(others);
    const at = sections.findIndex(({ id }) => id === taken.id);
    return at < 0 || dice.chance(0.2)
      ? added(sections, taken, dice.below(sections.length + 1))
      : sections.with(at, taken);
  }),
  ofSections("add a custom section", (sections, dice) => {
    const name = dice.pick([
      "name",
      "producers",
      "linking",
      "metadata.code.branch_hint",
      "dylink.0",
      ".debug_info",
      "x",
    ]);
    const contents = new BinaryWriter()
      .name(name)
      .append(dice.bytes(dice.size(300)))
      .view()
      .slice();
    return added(sections, { id: section.custom, contents }, dice.below(sections.length + 1));
  }),
  ofSections("add an unknown section", (sections, dice) =>
    added(
      sections,
      { id: dice.below(256), contents: dice.bytes(dice.size(40)) },
      dice.below(sections.length + 1),
    ),
  ),
  ofSections("add a start section", (sections, dice) => {
    const at = sections.findIndex(({ id }) => id === section.element || id === section.code);
    const contents = new BinaryWriter().u32(dice.below(20)).view().slice();
    return added(
      sections.filter(({ id }) => id !== section.start),
      { id: section.start, contents },
      Math.max(0, at),
    );
  }),
  ofSections("announce another section size", (sections, dice) => {
    const chosen = dice.pick(sections);
    const grown = concat(chosen.contents, dice.bytes(dice.below(8)));
    const contents = dice.chance(0.5) ? grown : grown.subarray(0, dice.below(grown.length + 1));
    return sections.map((one) => (one === chosen ? { ...one, contents } : one));
  }),
  ofContents("announce a huge count", (contents, dice) => {
    const [, rest = contents] = splitCount(contents) ?? [];
    return joinCount(dice.pick(hugeCounts), rest);
  }),
  ofContents("announce one more or less", (contents, dice) => {
    const [count = 0, rest = contents] = splitCount(contents) ?? [];
    return joinCount((count + dice.pick([-1, 1])) >>> 0, rest);
  }),
  ofContents("lengthen numbers", (contents, dice) => {
    const [count = 0, rest = contents] = splitCount(contents) ?? [];
    return dice.chance(0.5)
      ? concat(padded(count), rest)
      : concat(Uint8Array.of(0x80, 0x80, 0x80, 0x80, 0x80, 0), rest);
  }),
  ofContents("exchange numbers", (contents, dice) => {
    const bytes = contents.slice();
    for (let left = dice.size(8); left > 0 && bytes.length > 1; left--) {
      const one = dice.below(bytes.length);
      const other = dice.below(bytes.length);
      const kept = bytes[one] ?? 0;
      bytes[one] = bytes[other] ?? 0;
      bytes[other] = kept;
    }
    return bytes;
  }),
  ofContents("announce other limits of memories", (_, dice) => limitsOf(dice, []), section.memory),
  ofContents("announce other tables", (_, dice) => limitsOf(dice, [0x70]), section.table),
];

/** A few tables or memories, of sizes near all that is allowed. */
function limitsOf(dice: Dice, prefix: readonly number[]): Uint8Array {
  const writer = new BinaryWriter();
  const count = dice.size(dice.chance(0.1) ? 120 : 3);
  writer.u32(count);
  const sizes = [0, 1, 2, 16, 64, 65, 1_000, 65_536, 65_537, 100_000, 100_001, 10_000_000, 0xffff_ffff];
  for (let i = 0; i < count; i++) {
    const flags = dice.chance(0.9) ? dice.below(2) : dice.below(16);
    writer.raw(...prefix, flags).u32(dice.pick(sizes));
    if ((flags & 1) !== 0) writer.u32(dice.pick(sizes));
  }
  return writer.view().slice();
}

function ofBodies(
  name: string,
  change: (bodies: Uint8Array[], dice: Dice, others: Uint8Array[]) => Uint8Array[],
): Mutator {
  return ofContents(
    name,
    (contents, dice, other) => {
      const bodies = splitBodies(contents);
      if (bodies === undefined || bodies.length === 0) return contents;
      return joinBodies(change(bodies, dice, splitBodies(other) ?? []));
    },
    section.code,
  );
}

function replaced(
  bodies: readonly Uint8Array[],
  dice: Dice,
  change: (body: Uint8Array) => Uint8Array,
): Uint8Array[] {
  const at = dice.below(bodies.length);
  return bodies.map((body, index) => (index === at ? change(body) : body));
}

/** Code at the start of a function, where every instruction may stand. */
function withSnippets(body: Uint8Array, dice: Dice): Uint8Array {
  const start = codeStart(body);
  if (start === undefined) return body;
  const code: number[] = [];
  for (let left = dice.size(4); left > 0; left--) code.push(...pickSnippet(dice));
  return concat(body.subarray(0, start), Uint8Array.from(code), body.subarray(start));
}

const ofCode: readonly Mutator[] = [
  ofBodies("add code", (bodies, dice) => replaced(bodies, dice, (body) => withSnippets(body, dice))),
  ofBodies("add code in many places", (bodies, dice) =>
    bodies.map((body) => (dice.chance(0.3) ? withSnippets(body, dice) : body)),
  ),
  ofBodies("exchange function bodies", (bodies, dice) => dice.shuffle(bodies)),
  ofBodies("take a function body of another module", (bodies, dice, others) =>
    others.length === 0 ? bodies : replaced(bodies, dice, () => dice.pick(others)),
  ),
  ofBodies("cut a function body", (bodies, dice) =>
    replaced(bodies, dice, (body) =>
      concat(body.subarray(0, dice.below(body.length + 1)), Uint8Array.of(0x0b)),
    ),
  ),
  ofBodies("declare other locals", (bodies, dice) =>
    replaced(bodies, dice, (body) => {
      const start = codeStart(body) ?? 0;
      const counts = Array.from({ length: dice.size(20) }, () =>
        dice.pick([0, 1, 50, 5_000, 50_000, 0xffff_ffff]),
      );
      const locals = new BinaryWriter().u32(counts.length);
      for (const count of counts) locals.u32(count).u8(dice.pick([0x7f, 0x7e, 0x7d, 0x7c, 0x7b, 0x70, 0x6f]));
      return concat(locals.view(), body.subarray(start));
    }),
  ),
  ofBodies("overwrite code", (bodies, dice) =>
    replaced(bodies, dice, (body) => {
      const bytes = body.slice();
      for (let left = dice.size(4); left > 0; left--) {
        bytes[dice.below(bytes.length)] = dice.chance(0.5) ? dice.pick(edges) : dice.below(256);
      }
      return bytes;
    }),
  ),
];

export const mutators: readonly Mutator[] = [...ofBytes, ...ofStructure, ...ofCode];

/** Those that leave most modules valid: what comes out of them is run. */
export const gentle: readonly Mutator[] = ofCode
  .slice(0, 3)
  .concat(
    mutators.filter(({ name }) =>
      [
        "add a custom section",
        "lengthen numbers",
        "exchange numbers",
        "add a start section",
        "flip bits",
      ].includes(name),
    ),
  );

/** Sections of a component that hold a whole module, or a whole component. */
const inner = { module: 1, component: 4 } as const;

/** For components: mostly the core modules in them, as what is around those is soon refused. */
const inside: Mutator = {
  name: "inside",
  mutate: (binary, dice, other) => {
    const sections = splitSections(binary) ?? [];
    const candidates = sections.filter(({ id }) => id === inner.module || id === inner.component);
    if (candidates.length === 0) return binary.slice();
    const chosen = dice.pick(candidates);
    const mutator = dice.pick(
      chosen.id === inner.module ? (dice.chance(0.8) ? gentle : mutators) : componentMutators,
    );
    const contents = mutator.mutate(chosen.contents, dice, firstModuleOf(other));
    return joinSections(
      binary,
      sections.map((one) => (one === chosen ? { ...one, contents } : one)),
    );
  },
};

function firstModuleOf(component: Uint8Array): Uint8Array {
  return splitSections(component)?.find(({ id }) => id === inner.module)?.contents ?? component;
}

export const componentMutators: readonly Mutator[] = [
  ...Array.from({ length: 30 }, () => inside),
  ...ofBytes,
  ...ofStructure.filter(({ name }) => !name.includes("start section") && !name.includes("other")),
];
