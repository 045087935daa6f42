/** The guests of `examples/`, and how each is built from its source. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { bundleJavaScript } from "./bundle-javascript.ts";
import { cachedPackage } from "./cached-package.ts";
import { compileAssemblyScript } from "./compile-assemblyscript.ts";
import { compileC, compileCpp } from "./compile-c.ts";
import { componentOfHttpHandler, componentOfJavaScript } from "./componentize-javascript.ts";
import { compileHandler } from "./compile-handler.ts";
import { compileRust } from "./compile-rust.ts";
import { root } from "./gate.ts";
import { componentOf, componentOfLibrary } from "./make-component.ts";

export interface ExampleGuest {
  /** Of its folder below `examples/`; with its own after a slash where the folder has several. */
  readonly name: string;
  /** Relative to the root. */
  readonly target: string;
  /**
   * Small ones are, so that examples run without a compiler. They are built by everybody, and each time alike.
   * `built elsewhere`: checked in, but by whoever has the compiler.
   */
  readonly kept: "checked in" | "built elsewhere" | "ignored";
  readonly build: () => Promise<Uint8Array>;
}

const examples = join(root, "examples");

const text = (file: string) => readFile(join(examples, file), "utf8");

export const exampleGuests: readonly ExampleGuest[] = [
  guest("hello/hello.wasm", "checked in", async () => compileC(await text("hello/hello.c"))),
  guest("c-job/primes.wasm", "checked in", async () => compileC(await text("c-job/primes.c"))),
  guest("c-server/server.wasm", "checked in", async () => compileC(await text("c-server/server.c"))),
  guest("jobs/steps.wasm", "checked in", async () => compileC(await text("jobs/steps.c"))),
  guest("probes/shop.wasm", "checked in", async () => compileC(await text("probes/shop.c"))),
  guest("config/keeper.wasm", "checked in", async () => compileC(await text("config/keeper.c"))),
  guest("cpp/route.wasm", "checked in", async () => compileCpp(await text("cpp/route.cpp"))),
  guest("assemblyscript/dice.wasm", "checked in", () =>
    compileAssemblyScript(join(examples, "assemblyscript/dice.ts")),
  ),
  guest("c-component/lighthouse.wasm", "checked in", async () =>
    componentOf(await compileC(await text("c-component/lighthouse.c"))),
  ),
  oneOfSeveral("functions/price.wasm", "checked in", async () =>
    compileC(await text("functions/price.c"), ["-mexec-model=reactor", "-Wl,--export=malloc"]),
  ),
  oneOfSeveral("functions/shop.wasm", "checked in", async () =>
    componentOfLibrary(
      await compileC(await text("functions/shop.c"), ["-mexec-model=reactor"]),
      await text("functions/shop.wit"),
    ),
  ),
  oneOfSeveral("http/hello.wasm", "checked in", async () => compileHandler(await text("http/hello.c"))),
  oneOfSeveral("http/echo.wasm", "checked in", async () => compileHandler(await text("http/echo.c"))),
  oneOfSeveral("http/tally.wasm", "checked in", async () => compileC(await text("http/tally.c"))),
  guest("rust/inventory.wasm", "built elsewhere", () => compileRust(join(examples, "rust/inventory.rs"))),
  guest("javascript/greet.wasm", "ignored", () =>
    componentOfJavaScript(join(examples, "javascript/greet.js"), join(examples, "javascript/world.wit")),
  ),
  oneOfSeveral("functions/rules.wasm", "ignored", () =>
    componentOfJavaScript(join(examples, "functions/rules.js"), join(examples, "functions/rules.wit")),
  ),
  oneOfSeveral("http/greeter.wasm", "ignored", async () =>
    componentOfHttpHandler(await text("http/greeter.js"), "fetch"),
  ),
  oneOfSeveral("http/counter.wasm", "ignored", async () =>
    componentOfHttpHandler(await text("http/counter.js"), "handle"),
  ),
  oneOfSeveral("http/mirror.wasm", "ignored", mirror),
];

const voidServer = { name: "@scalar/void-server", version: "2.5.4" };

/** A server that nobody here wrote. Its index would bring its WebSockets along, which no component can have. */
async function mirror(): Promise<Uint8Array> {
  const folder = await cachedPackage(voidServer.name, voidServer.version);
  const entry = join(folder, "node_modules", voidServer.name, "dist", "create-void-server.js");
  const source = await bundleJavaScript(join(examples, "http/mirror.js"), { [voidServer.name]: entry });
  return componentOfHttpHandler(source, "fetch");
}

function guest(file: string, kept: ExampleGuest["kept"], build: ExampleGuest["build"]): ExampleGuest {
  return { name: file.slice(0, file.indexOf("/")), target: `examples/${file}`, kept, build };
}

function oneOfSeveral(file: string, kept: ExampleGuest["kept"], build: ExampleGuest["build"]): ExampleGuest {
  return { ...guest(file, kept, build), name: file.replace(/\.wasm$/, "") };
}
