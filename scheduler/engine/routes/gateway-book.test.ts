import { expect, test } from "vitest";
import { GatewayBook } from "./gateway-book.ts";

const gateway = (...urls: readonly string[]) => ({ address: "a:1", urls });

test("GatewayBook.known: nothing until all nodes have reported", () => {
  const book = new GatewayBook();
  expect(book.known()).toEqual({ kind: "unknown" });
  book.complete();
  expect(book.known()).toEqual({ kind: "none" });
});

test("GatewayBook.known: the first that came, as long as it is there, each scheme by itself", () => {
  const book = new GatewayBook();
  expect(book.set("b", gateway("http://b:1"))).toBe(true);
  expect(book.set("b", gateway("http://b:1"))).toBe(false);
  book.set("a", gateway("http://a:1", "https://a:2"));
  expect(book.known()).toEqual({ kind: "present", url: "http://b:1", secureUrl: "https://a:2" });
  book.set("b", undefined);
  expect(book.known()).toEqual({ kind: "present", url: "http://a:1", secureUrl: "https://a:2" });
  book.set("a", gateway("http://a:9"));
  expect(book.known()).toEqual({ kind: "present", url: "http://a:9", secureUrl: undefined });
  book.set("c", gateway());
  book.set("a", undefined);
  expect(book.known()).toEqual({ kind: "present", url: undefined, secureUrl: undefined });
});
