import { describe, expect, test } from "vitest";

import { SocketSeats } from "./socket-seats.ts";
import { SpareSockets } from "./spare-sockets.ts";

describe("SpareSockets", () => {
  test("beyond so many, the oldest is given up", () => {
    const spares = new SpareSockets(2);
    const givenUp: string[] = [];
    for (const name of ["a", "b", "c"]) spares.add(() => givenUp.push(name));
    expect([givenUp, spares.size]).toEqual([["a"], 2]);
  });

  test("what was taken back is never given up", () => {
    const spares = new SpareSockets(2);
    const givenUp: string[] = [];
    const takeBack = spares.add(() => givenUp.push("a"));
    spares.add(() => givenUp.push("b"));
    takeBack();
    takeBack();
    expect([spares.giveUpOne(), spares.giveUpOne(), givenUp]).toEqual([true, false, ["b"]]);
  });

  test("a part's counts in the whole, and is in neither once it is given up", () => {
    const whole = new SpareSockets(2);
    const [one, other] = [new SpareSockets(2, whole), new SpareSockets(2, whole)];
    const givenUp: string[] = [];
    one.add(() => givenUp.push("one"));
    other.add(() => givenUp.push("other"));
    other.add(() => givenUp.push("another"));
    expect([givenUp, one.size, other.size, whole.size]).toEqual([["one"], 0, 2, 2]);
  });
});

describe("SocketSeats.take", () => {
  test("takes the place of a spare one, of whatever part of the instance", () => {
    const seats = new SocketSeats({ socketsMax: 1, hostDescriptorsMax: 100_000 });
    const [one, other] = [seats.share(), seats.share()];
    const seat = one.take();
    expect(other.take()).toBeUndefined();
    seat?.spare(() => seat.release());
    expect(other.take()).toBeDefined();
    expect(one.take()).toBeUndefined();
  });

  test("of another instance only when the process has no descriptor left", () => {
    const spares = new SpareSockets(10);
    const seats = new SocketSeats({ socketsMax: 1, hostDescriptorsMax: 100_000 }, undefined, spares);
    const needy = new SocketSeats({ socketsMax: 1, hostDescriptorsMax: 0 }, undefined, spares);
    const seat = seats.take();
    seat?.spare(() => seat.release());
    const other = new SocketSeats({ socketsMax: 1, hostDescriptorsMax: 100_000 }, undefined, spares);
    other.take();
    expect(other.take()).toBeUndefined();
    expect(spares.size).toBe(1);
    expect(needy.take()).toBeUndefined();
    expect(spares.size).toBe(0);
  });
});
