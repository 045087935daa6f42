import * as fc from "fast-check";
import { expect, test } from "vitest";
import { isPrettyWanted, prettyPieces } from "./pretty-json.ts";

test.each([
  { parameter: null, agent: "kubectl/v1.35.0", is: false },
  { parameter: null, agent: "curl/8.5.0", is: true },
  { parameter: null, agent: "Wget/1.21", is: true },
  { parameter: null, agent: "Mozilla/5.0 (X11)", is: true },
  { parameter: "true", agent: "", is: true },
  { parameter: "1", agent: "", is: true },
  { parameter: "", agent: "curl/8.5.0", is: true },
  { parameter: "false", agent: "curl/8.5.0", is: false },
  { parameter: "yes", agent: "", is: false },
])("isPrettyWanted: pretty=$parameter from $agent is $is", ({ parameter, agent, is }) => {
  expect(isPrettyWanted(parameter, agent)).toBe(is);
});

test("prettyPieces: what JSON.stringify makes with two spaces, wherever the text is cut", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.integer({ min: 1, max: 7 }), (value, length) => {
      const text = `${JSON.stringify(value)}\n`;
      const pieces = text.match(new RegExp(`[^]{1,${length}}`, "g")) ?? [];
      expect([...prettyPieces(pieces)].join("")).toBe(JSON.stringify(value, undefined, 2));
    }),
  );
});
