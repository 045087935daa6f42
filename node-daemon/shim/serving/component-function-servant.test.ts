import { describe, expect, test } from "vitest";
import { componentOf } from "../../components/test-components.ts";
import {
  count,
  echo,
  exported,
  judge,
  library,
  type LibraryParts,
  lift,
  spin,
  taking,
} from "../../components/test-functions.ts";
import type { RunSpec } from "../../runtimes/runtime-driver.ts";
import { FunctionHandler } from "./function-handler.ts";
import type { RequestHead } from "../../link/exchange.ts";
import type { Served, ServedRequest } from "./handler.ts";
import { handlerParts, loadComponent, requestOf, serve } from "./test-requests.ts";

class Library {
  readonly bugs: unknown[] = [];
  readonly #parts;
  readonly handler;
  readonly servant;

  constructor(loaded: Awaited<ReturnType<typeof loadComponent>>, spec: Partial<RunSpec>) {
    this.#parts = handlerParts(spec);
    this.handler = new FunctionHandler(this.#parts, loaded);
    this.servant = this.handler.servant({ bug: (error) => this.bugs.push(error), needHeap: () => true });
    this.#parts.pot.add(this.servant, this.handler.memoryBytesMin);
  }

  async call(
    name: string,
    input: string | Uint8Array = "",
    { limits = {}, ...more }: Partial<ServedRequest> & { readonly limits?: RequestHead["call"] } = {},
  ): Promise<{ served: Served; status: number | undefined; text: string; code: string | undefined }> {
    const request = requestOf({ method: "CALL", path: name, call: limits });
    request.body.feed(Buffer.from(input));
    const served = await serve(this.#parts, this.servant, { ...request, ...more });
    const { head, written } = request.answer;
    return { served, status: head?.status, text: written.toString(), code: head?.headers[1] };
  }

  async answer(name: string, input: string | Uint8Array = ""): Promise<readonly unknown[]> {
    const { served, status, text, code } = await this.call(name, input);
    if (served.kind === "failed") return [served.reason, served.message];
    return code === undefined ? [status, text] : [status, text, code];
  }
}

const libraryOf = async (parts: LibraryParts, spec: Partial<RunSpec> = {}) =>
  new Library(await loadComponent(await library(parts)), spec);

const good = {
  core: `${echo} ${judge} ${count} ${spin} (func (export "post") (param i32))
    (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
    ${taking("fall", "unreachable")}`,
  exports: `
    ${exported({ echo: "bytes", count: "bytes", spin: "bytes", fall: "bytes" })}
    ${lift("judge", "textOrError")} ${lift("echo", "text", `(post-return (core func $i "post"))`)}
    ${lift("judge", "bytesOrError", `(post-return (core func $i "post"))`)}
    (func $add (param "a" u32) (param "b" u32) (result u32) (canon lift (core func $i "add")))
    (instance $shop (export "quote" (func $judge-bytesOrError)) (export "echo" (func $echo-text)) (export "add" (func $add)))
    (instance $other (export "quote" (func $echo-bytes)))
    (export "text" (func $echo-text)) (export "judge" (func $judge-textOrError)) (export "add" (func $add))
    (export "acme:shop/pricing@1.2.3" (instance $shop))
    (export "acme:shop/other" (instance $other))`,
} satisfies LibraryParts;

describe("ComponentFunctionServant: answers", () => {
  test("with bytes for bytes, and a string for a string", async () => {
    const { servant, bugs, ...one } = await libraryOf(good);
    void one;
    expect(servant.memoryBytes).toBe(0);
    expect(bugs).toEqual([]);
    const shop = await libraryOf(good);
    expect(await shop.answer("echo", "12 250")).toEqual([200, "12 250"]);
    expect(await shop.answer("echo", "")).toEqual([200, ""]);
    expect(await shop.answer("text", "\u{feff}größer 漢 😀")).toEqual([200, "\u{feff}größer 漢 😀"]);
    expect(await shop.answer("text", "")).toEqual([200, ""]);
    const { text } = await shop.call("echo", Uint8Array.of(0xff, 0, 0x80));
    expect(text).toBe(Buffer.from([0xff, 0, 0x80]).toString());
    expect(shop.bugs).toEqual([]);
  });
});
