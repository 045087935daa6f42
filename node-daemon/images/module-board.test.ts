import { expect, test } from "vitest";
import { ModuleNews } from "../session/module-news.ts";
import { ModuleBoard } from "./module-board.ts";

function setUp(namesMax = 10) {
  const board = new ModuleBoard(namesMax);
  const changed: string[] = [];
  board.onChange((image) => changed.push(image));
  const states = () => board.images().map((image) => `${image} ${board.stateOf(image)}`);
  return { board, changed, states };
}

test("ModuleBoard: each step is told once, however often it is taken", () => {
  const { board, changed, states } = setUp();
  for (let instance = 0; instance < 3; instance++) {
    board.fetched("m", "d1");
    board.prepared("m", "d1");
  }
  expect(states()).toEqual(["m prepared"]);
  expect(changed).toEqual(["m", "m"]);
});

test("ModuleBoard: another module under the same name begins anew", () => {
  const { board, states } = setUp();
  board.prepared("m", "d1");
  board.fetched("m", "d2");
  expect(states()).toEqual(["m fetched"]);
  board.dropped("d1");
  expect(states()).toEqual(["m fetched"]);
});

test("ModuleBoard: what leaves the disk leaves the board, under all its names", () => {
  const { board, changed, states } = setUp();
  board.prepared("m", "d1");
  board.prepared("mirror", "d1");
  board.prepared("other", "d2");
  changed.length = 0;
  board.translationsDropped("d1");
  expect(states()).toEqual(["m fetched", "mirror fetched", "other prepared"]);
  board.dropped("d1");
  expect(states()).toEqual(["other prepared"]);
  expect(changed).toEqual(["m", "mirror", "m", "mirror"]);
});

test("ModuleBoard: beyond its bound the name that was used last is forgotten, and told", () => {
  const { board, changed, states } = setUp(2);
  board.fetched("a", "1");
  board.fetched("b", "2");
  board.fetched("a", "1");
  board.fetched("c", "3");
  expect(states()).toEqual(["a fetched", "c fetched"]);
  expect(changed).toEqual(["a", "b", "b", "c"]);
});

test("ModuleNews: all first, even if there is nothing, then what has changed, as it is by then", () => {
  const { board } = setUp();
  const nothing = new ModuleNews(board, 10);
  expect(nothing.take()).toEqual({ complete: true, modules: [] });
  expect(nothing.take()).toBeUndefined();
  board.prepared("a", "1");
  const news = new ModuleNews(board, 10);
  board.onChange((image) => news.changed(image));
  expect(news.take()).toEqual({ complete: true, modules: [{ image: "a", state: "STATE_PREPARED" }] });
  board.fetched("b", "2");
  board.prepared("b", "2");
  board.dropped("1");
  expect(news.take()).toEqual({
    complete: false,
    modules: [
      { image: "b", state: "STATE_PREPARED" },
      { image: "a", state: "STATE_GONE" },
    ],
  });
  expect(news.take()).toBeUndefined();
});

test("ModuleNews: many and long names go in parts, of which the first begins anew", () => {
  const { board } = setUp(1_000);
  for (let at = 0; at < 1_000; at++) board.fetched(`${"x".repeat(4_000)}${at}`, String(at));
  const news = new ModuleNews(board, 2_000);
  const parts = Array.from(messages(news));
  expect(parts.map(({ complete }) => complete)).toEqual([true, ...parts.slice(1).map(() => false)]);
  const images = parts.flatMap(({ modules }) => modules?.map(({ image }) => image));
  expect(new Set(images).size).toBe(1_000);
  expect(Math.max(...parts.map(({ modules }) => modules?.length ?? 0))).toBeLessThan(300);
});

function* messages(news: ModuleNews) {
  for (let message = news.take(); message; message = news.take()) yield message;
}

test("ModuleNews: a stream that takes nothing costs no more than the board", () => {
  const { board } = setUp(3);
  const news = new ModuleNews(board, 6);
  board.onChange((image) => news.changed(image));
  expect(news.take()?.complete).toBe(true);
  for (let at = 0; at < 1_000; at++) board.fetched(`m${at}`, String(at));
  const [first, ...others] = messages(news);
  const told = [first, ...others].flatMap((message) => message?.modules ?? []);
  expect(told.filter(({ state }) => state === "STATE_FETCHED").map(({ image }) => image)).toEqual(
    expect.arrayContaining(["m997", "m998", "m999"]),
  );
  expect(told.length).toBeLessThanOrEqual(7);
  expect(first?.complete).toBe(true);
});
