import { expect, test } from "vitest";
import { Replacements } from "./replacements.ts";

function replacing(atOnceMax: number, refuses: readonly string[] = []) {
  const begun: string[] = [];
  const replacements = new Replacements(atOnceMax, (uid) => {
    if (refuses.includes(uid)) return false;
    begun.push(uid);
    return true;
  });
  return { begun, replacements };
}

test("Replacements: so many at a time, in order, each once", () => {
  const { begun, replacements } = replacing(2);
  for (const uid of ["a", "b", "c", "a", "d"]) replacements.note(uid, "age");
  replacements.beginSome();
  expect(begun).toEqual(["a", "b"]);
  replacements.note("a", "age");
  replacements.done("b");
  expect(begun).toEqual(["a", "b", "c"]);
  replacements.done("a");
  replacements.done("c");
  replacements.done("d");
  expect(begun).toEqual(["a", "b", "c", "d"]);
});

test("Replacements: one that is left alone takes no place, one that has ended is not begun", () => {
  const { begun, replacements } = replacing(1, ["a"]);
  for (const uid of ["a", "b", "c"]) replacements.note(uid, "age");
  replacements.done("c");
  replacements.beginSome();
  replacements.done("b");
  expect(begun).toEqual(["b"]);
});
