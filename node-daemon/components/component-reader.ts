/**
 * Reads what a component imports and exports: the sections of its outermost level, as far as they name something. Nested
 * components and modules are skipped, types are not looked at. The translator validates the whole file later; this comes
 * first because its answers are for the component's author, and cheap.
 */
import { BinaryReader, Rejection } from "../wasm/binary-reader.ts";
import { componentLimits } from "./limits.ts";

export type ComponentSort = "module" | "function" | "value" | "type" | "component" | "instance";

export interface ComponentItem {
  readonly name: string;
  readonly sort: ComponentSort;
}

export interface ComponentOutline {
  readonly imports: readonly ComponentItem[];
  readonly exports: readonly ComponentItem[];
}

/** Whether the file says of itself that it is a component, of whichever version. */
export function isComponent(binary: Uint8Array): boolean {
  return (
    binary.length >= 8 && startsWith(binary, [0x00, 0x61, 0x73, 0x6d]) && binary[6] === 1 && binary[7] === 0
  );
}

const importSection = 10;
const exportSection = 11;
const sectionIdMax = 12;

/** Throws a {@link Rejection}. */
export function readOutline(binary: Uint8Array): ComponentOutline {
  if (binary.length > componentLimits.componentBytesMax) {
    throw new Rejection(
      "ModuleTooLarge",
      `the component has ${binary.length} bytes, at most ${componentLimits.componentBytesMax} are allowed`,
    );
  }
  const version = (binary[4] ?? 0) | ((binary[5] ?? 0) << 8);
  if (version !== 0x0d) {
    throw new Rejection(
      "ModuleUnsupported",
      `offset 0x4: the component is of version 0x${version.toString(16)} of the binary format, 0xd is supported: ` +
        "build it with current tools",
    );
  }
  const reader = new BinaryReader(binary, 8);
  const imports: ComponentItem[] = [];
  const exports: ComponentItem[] = [];
  while (reader.remaining > 0) {
    const at = reader.pos;
    const id = reader.u8();
    if (id > sectionIdMax) reader.invalid(`unknown section ${id}`, at);
    const section = reader.slice(reader.u32(), `section ${id}`);
    if (id === importSection) readItems(section, imports, readImportItem);
    else if (id === exportSection) readItems(section, exports, readExportItem);
  }
  return { imports, exports };
}

function readItems(
  section: BinaryReader,
  items: ComponentItem[],
  read: (section: BinaryReader) => ComponentItem,
): void {
  for (let left = section.count("items", 3); left > 0; left--) {
    if (items.length >= componentLimits.namesMax) {
      throw new Rejection("ModuleTooLarge", `more than ${componentLimits.namesMax} imports or exports`);
    }
    items.push(read(section));
  }
  section.expectEnd("its last item");
}

export function readImportItem(section: BinaryReader): ComponentItem {
  const name = readItemName(section);
  return { name, sort: readDescription(section) };
}

export function readExportItem(section: BinaryReader): ComponentItem {
  const name = readItemName(section);
  const at = section.pos;
  let sort = sorts[section.u8()];
  if (sort === undefined) return section.invalid("unknown sort of an export", at);
  if (sort === "module" && section.u8() !== 0x11) {
    sort = section.invalid("unknown sort of a core export", section.pos - 1);
  }
  section.u32();
  if (section.u8() === 1) readDescription(section);
  return { name, sort };
}

const sorts: readonly ComponentSort[] = ["module", "function", "value", "type", "component", "instance"];

function readDescription(section: BinaryReader): ComponentSort {
  const at = section.pos;
  const sort = sorts[section.u8()];
  switch (sort) {
    case "module":
      section.u8();
      section.u32();
      return sort;
    case "value":
      // Bound to an index, or of a type: both are one number.
      section.u8();
      section.skipLeb(5);
      return sort;
    case "type":
      if (section.u8() === 0) section.u32();
      return sort;
    case "function":
    case "component":
    case "instance":
      section.u32();
      return sort;
    default:
      return section.invalid("unknown sort of an import", at);
  }
}

export function readItemName(section: BinaryReader): string {
  const at = section.pos;
  const form = section.u8();
  if (form > 2) section.invalid("unknown form of a name", at);
  const name = section.name();
  if (name.length > componentLimits.nameCharactersMax) section.invalid("the name is too long", at);
  // The suffix of a version that was canonicalized: it says nothing that a name does not.
  if (form === 2) {
    for (let left = section.count("options of a name"); left > 0; left--) {
      section.u8();
      section.slice(section.u32(), "option of a name");
    }
  }
  return name;
}

function startsWith(bytes: Uint8Array, wanted: readonly number[]): boolean {
  return wanted.every((byte, index) => bytes[index] === byte);
}
