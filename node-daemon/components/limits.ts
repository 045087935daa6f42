/** Every bound on components, and why it is what it is. */
export const componentLimits = {
  /** Of the file. The translator reads and validates all of it; CPython as a component has some 40 MB. */
  componentBytesMax: 128 * 2 ** 20,
  /** Imports and exports each. A world with all of WASI has some forty. */
  namesMax: 1_000,
  /** Characters of a name of an import or export. */
  nameCharactersMax: 500,
  /** Types, instances, names and so on that are read to find the functions that are exported, in all: some 50 ms. */
  typeItemsMax: 200_000,
  /** That can be called: jco writes some three kilobytes for each, and each instance makes all of them. */
  functionsMax: 256,
  /** Of the translator's memory: 1 GiB. It takes 20 MB and four times the file. */
  translatorPagesMax: 16_384,
  /** After translation. A composition of several components has a few for each of them and for each pair. */
  coreModulesMax: 128,
  /** A core module may be instantiated many times; each has fuel and flags of its own. */
  coreInstancesMax: 256,
  /** Core instances and instances of components in it, before translation: all are written out. */
  instancesMax: 4_000,
  /** Components in components. The validator of the translator allows about as much. */
  nestingMax: 100,
  /** Of all core modules together, once they are rewritten. */
  coreBytesMax: 512 * 2 ** 20,
  /** Memories of all core instances together: each takes address space and two mappings, in every instance. */
  memoriesMax: 16,
  /** Of the generated JavaScript: kept in memory by each shim that runs it. All of WASI 0.2 makes about 2 MB. */
  scriptBytesMax: 16 * 2 ** 20,
  /** Names of what is missing that one message shows; the rest is counted. */
  namedMax: 16,
} as const;
