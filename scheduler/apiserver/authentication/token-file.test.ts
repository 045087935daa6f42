import { expect, test } from "vitest";
import { parseTokenFile } from "./token-file.ts";

const alice = { token: "t1", user: "alice", uid: "1", groups: [] };

test.each([
  { name: "nothing", text: "", expected: [] },
  { name: "one line without an end", text: "t1,alice,1", expected: [alice] },
  { name: "an empty uid", text: "t1,alice,\n", expected: [{ ...alice, uid: "" }] },
  { name: "one group without quotes", text: "t1,alice,1,dev\n", expected: [{ ...alice, groups: ["dev"] }] },
  {
    name: "groups, carriage returns, a byte order mark and empty lines",
    text: '\uFEFFt1,alice,1,"dev,ops"\r\n\r\nt2,bob,2\r\n',
    expected: [
      { ...alice, groups: ["dev", "ops"] },
      { token: "t2", user: "bob", uid: "2", groups: [] },
    ],
  },
  {
    name: "quotes and line ends inside quotes",
    text: 't1,"al ""x"" ice\nb",1\n',
    expected: [{ ...alice, user: 'al "x" ice\nb' }],
  },
  { name: "empty groups", text: 't1,alice,1,""\n', expected: [alice] },
])("parseTokenFile: $name", ({ text, expected }) => {
  expect(parseTokenFile(text)).toEqual(expected);
});

test.each([
  { name: "two columns", text: "t1,alice,1\nt2,bob", message: "line 2: must have at least 3 columns" },
  {
    name: "groups without quotes",
    text: "t1,alice,1,dev,ops",
    message: 'line 1: 5 columns; several groups go into one: token,user,uid,"group1,group2"',
  },
  { name: "no token", text: ",alice,1", message: "line 1: the token is empty" },
  { name: "a token with a blank", text: "a b,alice,1", message: "line 1: the token is empty, or has blanks" },
  { name: "a token that is no ASCII", text: "tökn,alice,1", message: "line 1: the token is empty, or has" },
  { name: "no user", text: "t1,,1", message: "line 1: the user name is empty" },
  {
    name: "the same token",
    text: "t1,alice,1\nt2,b,2\nt1,c,3",
    message: "line 3: the token of line 1 again",
  },
  { name: "an open quote", text: 'x,y,1\nt1,alice,1,"dev', message: "line 2: a quote that is not closed" },
  { name: "a stray quote", text: 't1,al"ice,1', message: "line 1: a quote inside a column" },
  { name: "text after a quote", text: 't1,"a"b,1', message: "line 1: signs after a closed quote" },
  {
    name: "a line after one that has two",
    text: 't1,"a\nb",1\nt2,bob',
    message: "line 3: must have at least 3 columns",
  },
  {
    name: "too many",
    text: Array.from({ length: 10_001 }, (_, i) => `t${i},u,`).join("\n"),
    message: "10001 tokens; at most 10000",
  },
])("parseTokenFile: refuses $name", ({ text, message }) => {
  expect(() => parseTokenFile(text)).toThrow(message);
});

test("parseTokenFile: no message shows a token", () => {
  try {
    parseTokenFile("hunter2,,1");
  } catch (thrown) {
    expect(String(thrown)).not.toContain("hunter2");
  }
  expect.assertions(1);
});
