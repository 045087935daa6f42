/**
 * Header fields of `wasi:http`, of both generations: names compare without case and keep the writing that came first; values
 * are bytes.
 *
 * Fields that went into a message are immutable, and so is each view of them that `get-headers` hands out: views share
 * their entries, which are charged to the instance until the last holder is dropped.
 */
import { HostResource, trap } from "../component-resources.ts";
import { done, err, ok, type Result } from "../component-values.ts";
import type { ComponentHost } from "../host.ts";
import { limits } from "../limits.ts";
import type { HeaderList } from "./exchange.ts";

export type HeaderError =
  | { readonly tag: "invalid-syntax" }
  | { readonly tag: "forbidden" }
  | { readonly tag: "immutable" }
  | { readonly tag: "size-exceeded" };

type Changed = Result<undefined, HeaderError>;

/** RFC 9110, 5.6.2. */
export const token = /^[\w!#$%&'*+.^`|~-]+$/;

/** They belong to the connection, which is not the guest's. */
const forbiddenNames: ReadonlySet<string> = new Set([
  "connection",
  "host",
  "http2-settings",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);

/** What `wasi:http` keeps for one instance. */
export class HttpInstance {
  readonly host: ComponentHost;
  #bytes = 0;

  constructor(host: ComponentHost) {
    this.host = host;
  }

  /** Whether so many bytes more may be held. */
  charge(bytes: number): boolean {
    if (this.#bytes + bytes > limits.httpBytesMax) return false;
    this.#bytes += bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.#bytes -= bytes;
  }

  get bytes(): number {
    return this.#bytes;
  }
}

interface Field {
  readonly name: string;
  readonly values: readonly Uint8Array[];
}

class FieldEntries {
  readonly byName = new Map<string, Field>();
  bytes = 0;
  holders = 1;
}

export class FieldsBase extends HostResource {
  readonly #instance: HttpInstance;
  #entries = new FieldEntries();
  #immutable = false;

  constructor(instance: HttpInstance) {
    super(instance.host);
    this.#instance = instance;
  }

  get(name: string): Uint8Array[] {
    return [...(this.#find(name)?.values ?? [])];
  }

  has(name: string): boolean {
    return this.#find(name) !== undefined;
  }

  set(name: string, values: readonly ArrayLike<number>[]): Changed {
    const refused = this.#refusal(name) ?? refusalOf(name, values);
    return refused ?? this.#replace(name, values);
  }

  delete(name: string): Changed {
    return this.#refusal(name) ?? this.#replace(name, []);
  }

  getAndDelete(name: string): Result<Uint8Array[], HeaderError> {
    const values = this.get(name);
    const deleted = this.delete(name);
    return deleted.tag === "err" ? deleted : ok(values);
  }

  append(name: string, value: ArrayLike<number>): Changed {
    const refused = this.#refusal(name) ?? refusalOf(name, [value]);
    return refused ?? this.#add(name, [value]);
  }

  /** As they go over the wire. */
  list(): string[] {
    const list: string[] = [];
    for (const [name, { values }] of this.#entries.byName) {
      for (const value of values) list.push(name, latin1Text(value));
    }
    return list;
  }

  /** Those of a message that came in, but for what belongs to its connection. False when they are too large to be held. */
  fill(list: HeaderList): boolean {
    for (let at = 0; at + 1 < list.length; at += 2) {
      const name = list[at] ?? "";
      if (forbiddenNames.has(name.toLowerCase())) continue;
      if (this.#add(name, [Buffer.from(list[at + 1] ?? "", "latin1")]).tag === "err") return false;
    }
    return true;
  }

  copyAll(): [string, Uint8Array][] {
    return [...this.#entries.byName.values()].flatMap(({ name, values }) =>
      values.map((value): [string, Uint8Array] => [name, value]),
    );
  }

  clone(): this {
    const copy = this.#another();
    for (const { name, values } of this.#entries.byName.values()) {
      if (copy.#add(name, values).tag === "ok") continue;
      copy[Symbol.dispose]();
      trap(`clone fields of ${this.#entries.bytes} bytes: an instance holds ${limits.httpBytesMax} at most`);
    }
    return copy;
  }

  /** From now on nobody changes them. */
  freeze(): void {
    this.#immutable = true;
  }

  /** Of frozen fields: the same, for another handle. */
  view(): this {
    const view = this.#another();
    view.#immutable = true;
    view.#entries = this.#entries;
    this.#entries.holders++;
    return view;
  }

  /** Only tokens are compared: letters beyond ASCII have lower cases among them. */
  #find(name: string): Field | undefined {
    return token.test(name) ? this.#entries.byName.get(name.toLowerCase()) : undefined;
  }

  #another(): this {
    return new (this.constructor as new (instance: HttpInstance) => this)(this.#instance);
  }

  #refusal(name: string): ReturnType<typeof err<HeaderError>> | undefined {
    if (!token.test(name)) return err({ tag: "invalid-syntax" });
    return this.#immutable ? err({ tag: "immutable" }) : undefined;
  }

  #replace(name: string, values: readonly ArrayLike<number>[]): Changed {
    const key = name.toLowerCase();
    const before = this.#entries.byName.get(key);
    if (before) {
      this.#entries.byName.delete(key);
      this.#resize(-sizeOf(before.name, before.values));
    }
    if (values.length === 0) return done;
    const added = this.#add(name, values);
    if (added.tag === "err" && before) this.#add(before.name, before.values);
    return added;
  }

  #add(name: string, values: readonly ArrayLike<number>[]): Changed {
    if (!this.#resize(sizeOf(name, values))) return err({ tag: "size-exceeded" });
    const key = name.toLowerCase();
    const before = this.#entries.byName.get(key);
    const copies = values.map((value) => new Uint8Array(value));
    this.#entries.byName.set(key, {
      name: before?.name ?? name,
      values: before ? [...before.values, ...copies] : copies,
    });
    return done;
  }

  #resize(bytes: number): boolean {
    const entries = this.#entries;
    if (entries.bytes + bytes > limits.httpFieldsBytesMax) return false;
    if (bytes > 0 && !this.#instance.charge(bytes)) return false;
    if (bytes < 0) this.#instance.giveBack(-bytes);
    entries.bytes += bytes;
    return true;
  }

  protected override release(): void {
    if (--this.#entries.holders === 0) this.#instance.giveBack(this.#entries.bytes);
  }
}

function latin1Text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

function sizeOf(name: string, values: readonly ArrayLike<number>[]): number {
  const overhead = name.length + limits.httpFieldOverheadBytes;
  return values.reduce((sum, value) => sum + value.length + overhead, 0);
}

function refusalOf(
  name: string,
  values: readonly ArrayLike<number>[],
): ReturnType<typeof err<HeaderError>> | undefined {
  if (forbiddenNames.has(name.toLowerCase())) return err({ tag: "forbidden" });
  // Too large is found out before each byte is looked at.
  if (sizeOf(name, values) > limits.httpFieldsBytesMax) return err({ tag: "size-exceeded" });
  return values.every(isValue) ? undefined : err({ tag: "invalid-syntax" });
}

/** RFC 9110, 5.5: visible characters, blanks, tabs and what is beyond ASCII. */
function isValue(value: ArrayLike<number>): boolean {
  for (let i = 0; i < value.length; i++) {
    const byte = value[i] ?? 0;
    if ((byte < 0x20 && byte !== 0x09) || byte === 0x7f) return false;
  }
  return true;
}
