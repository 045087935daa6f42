import { expect, test } from "vitest";
import { sortRows, tableLines, type TopColumn } from "./top-table.ts";

interface Row {
  readonly name: string;
  readonly share: number | undefined;
}

const columns: readonly TopColumn<Row>[] = [
  { key: "name", header: "NAME", dispensable: 0, text: ({ name }) => name, value: ({ name }) => name },
  {
    key: "share",
    header: "SHARE(%)",
    dispensable: 1,
    hasBar: true,
    text: ({ share }) => (share === undefined ? "<none>" : `${share * 100}%`),
    value: ({ share }) => share,
  },
  { key: "length", header: "LENGTH", dispensable: 2, text: ({ name }) => `${name.length}`, value: () => 0 },
];
const rows: readonly Row[] = [
  { name: "b", share: undefined },
  { name: "a-long-one", share: 0.5 },
  { name: "c", share: 1 },
];
const screen = (width: number) => ({ unicode: false, colours: false, columns: width });
const form = { showHeaders: true, rowsMax: 10 };

test.each([
  { key: "name", names: ["a-long-one", "b", "c"] },
  { key: "share", names: ["c", "a-long-one", "b"] },
  { key: "length", names: ["b", "a-long-one", "c"] },
])("sortRows: by $key", ({ key, names }) => {
  expect(sortRows({ columns, rows }, key).map(({ name }) => name)).toEqual(names);
});

test.each([
  {
    name: "nobody looks at it",
    screen: undefined,
    lines: [
      "NAME         SHARE(%)   LENGTH",
      "b            <none>     1",
      "a-long-one   50%        10",
      "c            100%       1",
    ],
  },
  {
    name: "a wide terminal",
    screen: screen(80),
    lines: [
      "NAME         SHARE(%)            LENGTH",
      "b            <none>              1",
      "a-long-one   50%      ####....   10",
      "c            100%     ########   1",
    ],
  },
  {
    name: "a terminal without room for bars",
    screen: screen(39),
    lines: [
      "NAME         SHARE(%)   LENGTH",
      "b            <none>     1",
      "a-long-one   50%        10",
      "c            100%       1",
    ],
  },
  {
    name: "a narrow terminal",
    screen: screen(30),
    lines: ["NAME         SHARE(%)", "b            <none>", "a-long-one   50%", "c            100%"],
  },
  {
    name: "a terminal narrower than any row",
    screen: screen(4),
    lines: ["NAME", "b", "a-long-one", "c"],
  },
])("tableLines: $name", ({ screen: size, lines }) => {
  expect(tableLines({ columns, rows }, { ...form, screen: size })).toEqual(lines);
});

test("tableLines: no more rows than fit, of which alone the columns' widths are", () => {
  const lines = tableLines({ columns, rows }, { showHeaders: false, screen: undefined, rowsMax: 1 });
  expect(lines).toEqual(["b     <none>   1"]);
});

test("tableLines: names cannot steer the terminal", () => {
  const [line = ""] = tableLines(
    { columns, rows: [{ name: "\u001b[2Jx\ny", share: 1 }] },
    { ...form, showHeaders: false, screen: screen(80) },
  );
  expect(line).not.toContain("\u001b");
  expect(line.startsWith("\\x1b[2Jx...")).toBe(true);
});
