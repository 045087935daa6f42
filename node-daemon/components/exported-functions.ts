/**
 * The functions that a component exports, by themselves or in interfaces, with their types. jco has to be told which exports may
 * suspend before it generates anything, and what it says of types is what JavaScript makes of them.
 *
 * Read are the index spaces of types, functions, instances and components: a component in a component is followed where it is
 * instantiated, since that is how bindings generators export an interface. What is found says which functions can be called, and is
 * told to people; nothing is believed of it later: the validator comes after this, and the generated code has to look as expected.
 */
import { BinaryReader, Rejection } from "../wasm/binary-reader.ts";
import { readItemName } from "./component-reader.ts";
import { type FunctionType, typeOf, type ValueType } from "./function-types.ts";
import { componentLimits } from "./limits.ts";
import {
  readDefinedType,
  readFunctionType,
  readResultType,
  readValueType,
  UnknownType,
  type ValueAt,
} from "./type-reader.ts";

export interface ExportedFunction {
  /** `quote`, or `acme:shop/pricing@1.2.3#quote` where an interface has it. */
  readonly name: string;
  readonly type: FunctionType;
}

type Definition = { readonly bytes: BinaryReader; readonly scope: Scope };

type Item =
  | { readonly sort: "function"; readonly type: FunctionType | undefined }
  | { readonly sort: "type"; readonly type: Type }
  | { readonly sort: "component"; readonly definition: Definition | undefined }
  | { readonly sort: "instance"; readonly items: Items }
  /** Core modules, values. */
  | { readonly sort: "other" };

type Items = ReadonlyMap<string, Item>;

type Type =
  | { readonly kind: "value"; readonly type: ValueType }
  | { readonly kind: "function"; readonly type: FunctionType }
  | { readonly kind: "instance"; readonly items: Items }
  | { readonly kind: "other" };

/** What has an index at some place in a component, or in the type of an instance. */
interface Scope {
  readonly outer: Scope | undefined;
  readonly depth: number;
  readonly types: Type[];
  readonly functions: (FunctionType | undefined)[];
  readonly instances: Items[];
  readonly components: (Definition | undefined)[];
  /** Shared by all scopes of a reading. */
  readonly work: { left: number };
}

/** Ends the reading, of too much. */
class TooMuch extends Error {}

/** None where it cannot be read. `checkInstances` has to have seen it. */
export function exportedFunctions(binary: Uint8Array): readonly ExportedFunction[] {
  try {
    const scope = newScope(undefined, { left: componentLimits.typeItemsMax });
    const exports = readComponent({ bytes: new BinaryReader(binary), scope }, new Map());
    return [...exports].flatMap(([name, item]) => functionsOf(name, item));
  } catch (thrown) {
    // The validator says it better what is wrong.
    if (thrown instanceof TooMuch || thrown instanceof UnknownType || thrown instanceof Rejection) return [];
    throw thrown;
  }
}

function functionsOf(name: string, item: Item): ExportedFunction[] {
  if (item.sort === "function") return item.type ? [{ name, type: item.type }] : [];
  if (item.sort !== "instance") return [];
  return [...item.items].flatMap(([member, inner]) =>
    inner.sort === "function" && inner.type ? [{ name: `${name}#${member}`, type: inner.type }] : [],
  );
}

function newScope(outer: Scope | undefined, work: Scope["work"]): Scope {
  const depth = (outer?.depth ?? 0) + 1;
  if (depth > componentLimits.nestingMax) throw new TooMuch("nested too deep");
  return { outer, depth, types: [], functions: [], instances: [], components: [], work };
}

function spend({ work }: Scope, items = 1): void {
  work.left -= items;
  if (work.left < 0) throw new TooMuch("too many items");
}

const preambleBytes = 8;
const bytesPerItem = 16;

const section = { component: 4, instance: 5, alias: 6, type: 7, canon: 8, import: 10, export: 11 } as const;

/** What an instance of it exports, given what it is instantiated with. */
function readComponent({ bytes, scope: outer }: Definition, given: Items): Items {
  const reader = new BinaryReader(bytes.bytes, bytes.pos + preambleBytes, bytes.end);
  const scope = newScope(outer, outer.work);
  const exports = new Map<string, Item>();
  while (reader.remaining > 0) {
    spend(scope);
    const id = reader.u8();
    const body = reader.slice(reader.u32(), `section ${id}`);
    if (id === section.component) scope.components.push({ bytes: body, scope });
    const read = itemReaders[id];
    if (!read) continue;
    // Names can be long, and a component is read as often as it is instantiated.
    spend(scope, body.remaining / bytesPerItem);
    for (let left = body.count("items"); left > 0; left--) {
      spend(scope);
      read(body, scope, given, exports);
    }
  }
  return exports;
}

type ReadItem = (reader: BinaryReader, scope: Scope, given: Items, exports: Map<string, Item>) => void;

const itemReaders: { readonly [id: number]: ReadItem } = {
  [section.instance]: (reader, scope) => void scope.instances.push(readInstance(reader, scope)),
  [section.alias]: readAlias,
  [section.type]: (reader, scope) => void scope.types.push(readType(reader, scope)),
  [section.canon]: readCanon,
  [section.import]: (reader, scope, given) => {
    const name = readItemName(reader);
    const declared = readDescription(reader, scope, name);
    // Of the others what is declared says as much. A type is declared by a name that its bindings have made up.
    const isGiven = declared.sort === "component" || declared.sort === "type";
    add(scope, isGiven ? (given.get(name) ?? declared) : declared);
  },
  [section.export]: (reader, scope, _, exports) => {
    const name = readItemName(reader);
    const found = readReference(reader, scope);
    const item = reader.u8() === 1 ? readDescription(reader, scope, name) : named(found, name);
    exports.set(name, item);
    add(scope, item);
  },
};

/** It has an index from now on. */
function add(scope: Scope, item: Item): void {
  switch (item.sort) {
    case "function":
      return void scope.functions.push(item.type);
    case "type":
      return void scope.types.push(item.type);
    case "component":
      return void scope.components.push(item.definition);
    case "instance":
      return void scope.instances.push(item.items);
    case "other":
  }
}

const nothing: Items = new Map();

/** A sort and an index of it. */
function readReference(reader: BinaryReader, scope: Scope): Item {
  const sort = readSort(reader);
  return itemAt(scope, sort, reader.u32());
}

const sorts = { core: 0, function: 1, value: 2, type: 3, component: 4, instance: 5 } as const;

/** Those of core modules have a byte more. */
function readSort(reader: BinaryReader): number {
  const sort = reader.u8();
  if (sort === sorts.core) reader.u8();
  return sort;
}

function itemAt(scope: Scope, sort: number, index: number): Item {
  switch (sort) {
    case sorts.function:
      return { sort: "function", type: scope.functions[index] };
    case sorts.type:
      return { sort: "type", type: scope.types[index] ?? { kind: "other" } };
    case sorts.component:
      return { sort: "component", definition: scope.components[index] };
    case sorts.instance:
      return { sort: "instance", items: scope.instances[index] ?? nothing };
    default:
      return { sort: "other" };
  }
}

function readInstance(reader: BinaryReader, scope: Scope): Items {
  const isInline = reader.u8() === 1;
  const component = isInline ? undefined : scope.components[reader.u32()];
  const items = new Map<string, Item>();
  for (let left = reader.count("items", 3); left > 0; left--) {
    spend(scope);
    items.set(isInline ? readItemName(reader) : reader.name(), readReference(reader, scope));
  }
  if (isInline) return items;
  return component ? readComponent(component, items) : nothing;
}

function readAlias(reader: BinaryReader, scope: Scope): void {
  const sort = readSort(reader);
  const target = reader.u8();
  const first = reader.u32();
  if (target === 2) {
    let from: Scope | undefined = scope;
    for (let left = first; left > 0 && from; left--) from = from.outer;
    const index = reader.u32();
    if (from) add(scope, itemAt(from, sort, index));
    return;
  }
  const name = reader.name();
  if (sort !== sorts.core) add(scope, scope.instances[first]?.get(name) ?? itemAt(scope, sort, -1));
}

/** A type that says only what it is gets the name by which it is imported or exported. */
function named(item: Item, name: string): Item {
  if (item.sort !== "type" || item.type.kind !== "value" || !opaque.has(item.type.type.text)) return item;
  return { sort: "type", type: { kind: "value", type: typeOf(name) } };
}

const opaque = new Set(["record", "variant", "enum", "flags", "resource"]);

function readDescription(reader: BinaryReader, scope: Scope, name: string): Item {
  const sort = reader.u8();
  switch (sort) {
    case sorts.core:
      reader.u8();
      reader.u32();
      return { sort: "other" };
    case sorts.value:
      if (reader.u8() === 0) reader.u32();
      else readValueType(reader, valuesOf(scope));
      return { sort: "other" };
    case sorts.type: {
      const isEqual = reader.u8() === 0;
      const type: Type = isEqual ? typeAt(scope, reader.u32()) : { kind: "value", type: typeOf("resource") };
      return named({ sort: "type", type }, name);
    }
    case sorts.function: {
      const type = typeAt(scope, reader.u32());
      return { sort: "function", type: type.kind === "function" ? type.type : undefined };
    }
    case sorts.instance: {
      const type = typeAt(scope, reader.u32());
      return { sort: "instance", items: type.kind === "instance" ? type.items : nothing };
    }
    default:
      reader.u32();
      return { sort: "component", definition: undefined };
  }
}

function typeAt({ types }: Scope, index: number): Type {
  return types[index] ?? { kind: "other" };
}

function valuesOf(scope: Scope): ValueAt {
  return (index) => {
    const type = typeAt(scope, index);
    return type.kind === "value" ? type.type : undefined;
  };
}

const definition = {
  resource: 0x3f,
  function: 0x40,
  component: 0x41,
  instance: 0x42,
  asyncFunction: 0x43,
} as const;

function readType(reader: BinaryReader, scope: Scope): Type {
  const form = reader.u8();
  switch (form) {
    case definition.resource:
      reader.u8();
      if (reader.u8() === 1) reader.u32();
      return { kind: "value", type: typeOf("resource") };
    case definition.function:
    case definition.asyncFunction: {
      const isAsync = form === definition.asyncFunction;
      return { kind: "function", type: readFunctionType(reader, valuesOf(scope), isAsync) };
    }
    case definition.component:
      readDeclarations(reader, scope);
      return { kind: "other" };
    case definition.instance:
      return { kind: "instance", items: readDeclarations(reader, scope) };
    default:
      return { kind: "value", type: readDefinedType(reader, valuesOf(scope), form) };
  }
}

/** Of a component or an instance, in a scope of its own. Answers what it exports. */
function readDeclarations(reader: BinaryReader, outer: Scope): Items {
  const scope = newScope(outer, outer.work);
  const exports = new Map<string, Item>();
  for (let left = reader.count("declarations", 2); left > 0; left--) {
    spend(scope);
    const kind = reader.u8();
    if (kind === 1) scope.types.push(readType(reader, scope));
    else if (kind === 2) readAlias(reader, scope);
    else if (kind === 3 || kind === 4) {
      const name = readItemName(reader);
      const item = readDescription(reader, scope, name);
      if (kind === 4) exports.set(name, item);
      add(scope, item);
    } else throw new UnknownType("a type of core modules");
  }
  return exports;
}

/** Operands of the built-in functions: `n` a number, `b` a byte, `o` options, `r` a type of results, `-` none. */
const canons: readonly string[] =
  "bno bno n n n - b n - ro bn bn b - n no no nb nb n n n no no nb nb n n o o - - bn bn - - - -".split(" ");

/** Only what is lifted is a function of the component. */
function readCanon(reader: BinaryReader, scope: Scope): void {
  const code = reader.u8();
  const operands = canons[code];
  if (operands === undefined) throw new UnknownType(`a built-in function 0x${code.toString(16)}`);
  for (const operand of operands) {
    if (operand === "n") reader.u32();
    else if (operand === "b") reader.u8();
    else if (operand === "o") readOptions(reader);
    else if (operand === "r") readResultType(reader, valuesOf(scope));
  }
  if (code !== 0) return;
  const type = typeAt(scope, reader.u32());
  scope.functions.push(type.kind === "function" ? type.type : undefined);
}

/** Those that are followed by an index: memory, realloc, post-return, callback, type of a core function. */
const optionsWithIndex = new Set([3, 4, 5, 7, 8]);

function readOptions(reader: BinaryReader): void {
  for (let left = reader.count("options"); left > 0; left--) {
    if (optionsWithIndex.has(reader.u8())) reader.u32();
  }
}
