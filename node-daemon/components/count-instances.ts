/**
 * How many instances a component makes when it is instantiated: its own, and those of the components in it, each as often as
 * it is instantiated. The translator writes every one of them out, and twenty lines in which each component has two of the
 * one before come to a million: so they are counted before it gets to see them.
 *
 * Read are the sections that define components and instances. What each section otherwise holds is passed over, and is the
 * translator's to judge.
 */
import { type BinaryReader, Rejection } from "../wasm/binary-reader.ts";
import { readExportItem, readImportItem, readItemName } from "./component-reader.ts";
import { componentLimits } from "./limits.ts";

const section = { coreInstance: 2, component: 4, instance: 5, alias: 6, import: 10, export: 11 } as const;
const sortComponent = 4;
const preambleBytes = 8;

/** One of the components that can be named at some place: how many instances it makes, itself included. */
type Weight = number | "unknown";

/** Throws a {@link Rejection} when there are too many, or when that cannot be told. */
export function checkInstances(component: BinaryReader): void {
  weightOf(component, []);
}

/** `outer`: the components that can be named in those around, the innermost last. */
function weightOf(reader: BinaryReader, outer: readonly Weight[][]): number {
  if (outer.length > componentLimits.nestingMax) {
    throw new Rejection("ModuleTooLarge", `components nested more than ${componentLimits.nestingMax} deep`);
  }
  const known: Weight[] = [];
  const scopes = [...outer, known];
  let weight = 1;
  reader.skip(preambleBytes);
  while (reader.remaining > 0) {
    const id = reader.u8();
    const body = reader.slice(reader.u32(), `section ${id}`);
    if (id === section.component) {
      known.push(weightOf(body, scopes));
      continue;
    }
    const read = readers[id];
    if (read === undefined) continue;
    for (let left = body.count("items"); left > 0; left--) weight += read(body, scopes);
    if (weight > componentLimits.instancesMax) {
      throw new Rejection(
        "ModuleTooLarge",
        `the component makes more than ${componentLimits.instancesMax} instances`,
      );
    }
  }
  return weight;
}

/** Each reads one item, adds to the components that can be named, and answers what the item weighs. */
const readers: { readonly [id: number]: (reader: BinaryReader, scopes: readonly Weight[][]) => number } = {
  [section.coreInstance]: (reader) => {
    if (reader.u8() === 1) {
      skipItems(reader, () => {
        reader.name();
        reader.u8();
        reader.u32();
      });
      return 0;
    }
    reader.u32();
    skipItems(reader, () => {
      reader.name();
      reader.u8();
      reader.u32();
    });
    return 1;
  },
  [section.instance]: (reader, scopes) => {
    if (reader.u8() === 1) {
      skipItems(reader, () => {
        readItemName(reader);
        readSort(reader);
        reader.u32();
      });
      return 0;
    }
    const at = reader.pos;
    const weight = scopes.at(-1)?.[reader.u32()];
    skipItems(reader, () => {
      reader.name();
      readSort(reader);
      reader.u32();
    });
    if (weight === undefined) return reader.invalid("instance of an unknown component", at);
    if (weight !== "unknown") return weight;
    return reader.unsupported("instances of components that are imported, or exported by instances", at);
  },
  [section.alias]: (reader, scopes) => {
    const sort = readSort(reader);
    const target = reader.u8();
    const first = reader.u32();
    let weight: Weight = "unknown";
    if (target === 2) weight = scopes.at(-1 - first)?.[reader.u32()] ?? "unknown";
    else reader.name();
    if (sort === sortComponent) scopes.at(-1)?.push(weight);
    return 0;
  },
  [section.import]: (reader, scopes) => {
    if (readImportItem(reader).sort === "component") scopes.at(-1)?.push("unknown");
    return 0;
  },
  // An export is one more that can be named.
  [section.export]: (reader, scopes) => {
    if (readExportItem(reader).sort === "component") scopes.at(-1)?.push("unknown");
    return 0;
  },
};

function skipItems(reader: BinaryReader, skip: () => void): void {
  for (let left = reader.count("items", 3); left > 0; left--) skip();
}

/** The sorts of core modules have a byte more. */
function readSort(reader: BinaryReader): number {
  const sort = reader.u8();
  if (sort === 0) reader.u8();
  return sort;
}
