import type { ExportFacts, ImportFacts, MemoryFacts, RewriteLimits, TableFacts } from "./module-facts.ts";

export const section = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  global: 6,
  export: 7,
  start: 8,
  element: 9,
  code: 10,
  data: 11,
  dataCount: 12,
  tag: 13,
} as const;

/** The order in which sections must stand, which is not that of their ids. */
export const sectionOrder: readonly number[] = [
  section.type,
  section.import,
  section.function,
  section.table,
  section.memory,
  section.tag,
  section.global,
  section.export,
  section.start,
  section.element,
  section.dataCount,
  section.code,
  section.data,
];

export interface FunctionType {
  readonly kind: "function";
  readonly params: number;
  readonly results: number;
  readonly signature: string;
}

/** One type index: recursion groups have one for each member. */
export type DefinedType =
  | FunctionType
  | { readonly kind: "struct"; readonly fields: number }
  /** `bytesLog2`: of one element, as a power of two; undefined if they are references. */
  | { readonly kind: "array"; readonly bytesLog2: number | undefined };

/** The contents of a section in the original binary. */
export interface SectionRange {
  readonly id: number;
  /** Where its contents start, after id and size (after the name of a custom section: `contents`). */
  readonly start: number;
  readonly end: number;
  /** Start of what follows the element count, or the name in a custom section. */
  contents: number;
  /** The element count. */
  count: number;
  /** Of custom sections only. */
  name: string;
}

/** What is known of a module after its sections were read; filled in by `section-parser.ts`, then only read. */
export class ModuleModel {
  readonly binary: Uint8Array;
  readonly limits: RewriteLimits;
  /** In the order of the file. */
  readonly sections: SectionRange[] = [];
  readonly types: DefinedType[] = [];
  /** Type of every function: imported ones first. */
  readonly functionTypes: number[] = [];
  functionImports = 0;
  /** `module.name` of every imported function: its wrapper is called so on stacks. */
  readonly functionImportNames: string[] = [];
  readonly memories: MemoryFacts[] = [];
  readonly tables: TableFacts[] = [];
  /** Of every table: whether its indices are 64 bits wide. */
  readonly tableIs64: boolean[] = [];
  readonly globalTypes: string[] = [];
  /** Type index of every tag. */
  readonly tagTypes: number[] = [];
  readonly imports: ImportFacts[] = [];
  readonly exports: ExportFacts[] = [];
  /** Indices. */
  readonly exportedMemories = new Set<number>();
  start: number | undefined;
  /**
   * Function indices outside the code section, as triples (from, to, index) in the order of the file: `from` and `to`
   * delimit the LEB128 number in the original binary.
   */
  readonly functionReferences: number[] = [];
  features = 0;
  factsCharacters = 0;
  instructions = 0;

  constructor(binary: Uint8Array, limits: RewriteLimits) {
    this.binary = binary;
    this.limits = limits;
  }

  /** Their indices, in the order of the exports. */
  get exportedFunctions(): readonly number[] {
    const range = this.find(section.export);
    const indices: number[] = [];
    if (range === undefined) return indices;
    const { functionReferences: references } = this;
    for (let i = 0; i < references.length; i += 3) {
      const from = references[i] ?? 0;
      if (from >= range.contents && from < range.end) indices.push(references[i + 2] ?? 0);
    }
    return indices;
  }

  find(id: number): SectionRange | undefined {
    return this.sections.find((range) => range.id === id);
  }

  /** Undefined if there is no such type, or it is not of functions: the engine refuses what names it. */
  functionType(index: number): FunctionType | undefined {
    const type = this.types[index];
    return type?.kind === "function" ? type : undefined;
  }

  /** Indices of the memories that are its own and that nobody outside can see. */
  get hiddenMemories(): readonly number[] {
    return this.memories.flatMap(({ imported }, index) =>
      imported || this.exportedMemories.has(index) ? [] : [index],
    );
  }

  get functionsDefined(): number {
    return this.functionTypes.length - this.functionImports;
  }
}
