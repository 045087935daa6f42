import { describe, expect, test } from "vitest";
import { offer } from "./offer.ts";
import { functionIdentifiers } from "./script-functions.ts";
import { componentOf } from "./test-components.ts";
import {
  bytes,
  bytesOrError,
  composedText,
  echo,
  judge,
  library,
  text,
  textOrError,
} from "./test-functions.ts";
import { translateComponent } from "./translate.ts";

async function scriptOf(binary: Uint8Array): Promise<string> {
  const translated = await translateComponent(binary, offer);
  if (translated.kind === "rejected") throw new Error(translated.message);
  return translated.script;
}

const every = () =>
  library({
    core: `${echo()} ${echo("copy")} ${judge()} ${judge("decide-it")} ${judge("test:guest/shop#judge")}
      (func (export "cabi_post_echo") (param i32)) (func (export "cabi_post_judge") (param i32))`,
    interfaces: `interface shop { judge: ${bytesOrError}; }`,
    exports: `export echo: ${bytes}; export copy: ${text}; export judge: ${bytesOrError}; export decide-it: ${textOrError}; export shop;`,
  });

describe("the script of a component whose functions can be called", () => {
  test("has them by their full names, and nothing of tasks", async () => {
    const script = await scriptOf(await every());
    expect(script).toContain(
      ' $$functions: { "echo": echo, "copy": copy, "judge": judge, "decide-it": decideIt, "test:guest/shop#judge": judge$1 }',
    );
    expect(script.match(/\$\$limits\.output\(/g)).toHaveLength(8);
    expect(script).not.toMatch(
      /createNewCurrentTask|async function|throw new ComponentError|TEXT_DECODER_UTF8\.decode|_utf8Allocate/,
    );
  });

  test("of a composition keeps its tasks, and has its results checked all the same", async () => {
    const script = await scriptOf(await componentOf(composedText));
    expect(script).toMatch(
      /async function fourTimes\(arg0\) \{[^]*createNewCurrentTask[^]*\$\$limits\.output\(/,
    );
  });
});

test("functionIdentifiers: those that are generated as expected, by their names", () => {
  const generated = (identifier: string, owner: string, name: string) =>
    `  async function ${identifier}(arg0) {\n    log('[iface="${owner}", function="${name}"][Instruction::CallWasm] enter');\n  }\n`;
  const script = [
    generated("quote", "quote", "quote"),
    generated("quote$1", "acme:shop/pricing@1.2.3", "quote"),
    generated("other", "acme:shop/pricing@1.2.3", "other"),
    "  function plain(arg0) {\n  }\n",
  ].join("");
  expect([...functionIdentifiers(script, ["quote", "acme:shop/pricing@1.2.3#quote", "plain"])]).toEqual([
    ["quote", "quote"],
    ["acme:shop/pricing@1.2.3#quote", "quote$1"],
  ]);
});
