/**
 * What components may import, by package and version line. An interface of WASI is named `wasi:cli/environment@0.2` here:
 * every 0.2.x is served by the newest, as the compatibility rules of the packages allow.
 *
 *     component ─▶ names of its imports ─▶ offered? ── no ─▶ refused, with the list
 *                                            │ yes
 *                                            ▼
 *                     InterfaceSet.make(host) ─▶ objects as jco's bindings want them
 *
 * Objects of one instance never reach another: everything with state is made by `make`. Classes of resources are shared,
 * since a node hosts thousands of instances.
 */
import type { ComponentHost } from "./host.ts";

/** The members of one interface as jco's bindings name them: functions in camelCase, resources as classes. */
export type InterfaceMembers = Readonly<Record<string, unknown>>;

export interface OfferedInterface {
  /** `wasi:cli/environment@0.2`. */
  readonly name: string;
  /** As in WIT: `get-environment`, `[method]pollable.block`, `[constructor]fields`, `[static]fields.from-list`. */
  readonly functions: readonly string[];
  /** Those of `functions` whose implementation may answer a promise, so that the guest is suspended. */
  readonly suspending: readonly string[];
  /** Those of `suspending` that are async in WIT: the bindings wait for them by themselves. None in WASI 0.2. */
  readonly async?: readonly string[];
  /** The members for one instance. Cheap: called when it starts, for each interface that the component imports. */
  make(host: ComponentHost): InterfaceMembers;
}
