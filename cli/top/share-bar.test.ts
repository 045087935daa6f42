import { expect, test } from "vitest";
import { shareBar } from "./share-bar.ts";

test.each([
  { share: 0, blocks: "░░░░░░░░", letters: "........" },
  { share: 0.001, blocks: "▏░░░░░░░", letters: "#......." },
  { share: 0.5, blocks: "████░░░░", letters: "####...." },
  { share: 0.55, blocks: "████▍░░░", letters: "####...." },
  { share: 0.999, blocks: "███████▉", letters: "#######." },
  { share: 1, blocks: "████████", letters: "########" },
  { share: 12, blocks: "████████", letters: "########" },
])("shareBar: $share", ({ share, blocks, letters }) => {
  expect(shareBar(share, { unicode: true, colours: false })).toBe(blocks);
  expect(shareBar(share, { unicode: false, colours: false })).toBe(letters);
});

test.each([
  { share: 0.3, colour: "32" },
  { share: 0.7, colour: "33" },
  { share: 0.95, colour: "31" },
])("shareBar: $share is of colour $colour", ({ share, colour }) => {
  const bar = shareBar(share, { unicode: false, colours: true });
  expect(bar).toMatch(new RegExp(String.raw`^\u001b\[${colour}m#+\u001b\[0m\u001b\[2m\.*\u001b\[0m$`));
});
