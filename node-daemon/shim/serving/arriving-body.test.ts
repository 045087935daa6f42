import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { releaseHeap } from "../../machine/heap.ts";
import { ArrivingBody } from "./arriving-body.ts";

function bodyOf(): { readonly body: ArrivingBody; readonly consumed: () => number } {
  let consumed = 0;
  const body = new ArrivingBody({ consumed: (bytes) => void (consumed += bytes) });
  return { body, consumed: () => consumed };
}

function readAll(body: ArrivingBody, maxBytes: number): string {
  let text = "";
  for (let read = body.read(maxBytes); typeof read !== "string"; read = body.read(maxBytes)) {
    expect(read.byteLength).toBeLessThanOrEqual(maxBytes);
    text += Buffer.from(read).toString("latin1");
  }
  return text;
}

describe("ArrivingBody", () => {
  test("gives every byte in its order, whatever the pieces and the reads", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 900, max: 3_000 })), {
          maxLength: 60,
        }),
        fc.integer({ min: 1, max: 5_000 }),
        fc.integer({ min: 1, max: 7 }),
        (sizes, maxBytes, readEvery) => {
          const { body, consumed } = bodyOf();
          let sent = "";
          let got = "";
          for (const [i, size] of sizes.entries()) {
            const piece = String.fromCharCode(97 + (i % 26)).repeat(size);
            sent += piece;
            body.add(Buffer.from(piece));
            if (i % readEvery === 0) got += readAll(body, maxBytes);
          }
          body.end([]);
          got += readAll(body, maxBytes);
          expect(got).toBe(sent);
          expect(body.read(1)).toBe("end");
          expect(consumed()).toBe(sent.length);
          expect(body.receivedBytes).toBe(sent.length);
        },
      ),
    );
  });

  test("keeps little of what was read, also when there is always more", async () => {
    const { body } = bodyOf();
    const pieces: WeakRef<Buffer>[] = [];
    const add = () => {
      const piece = Buffer.alloc(2_000);
      pieces.push(new WeakRef(piece));
      body.add(piece);
    };
    add();
    for (let i = 0; i < 1_000; i++) {
      add();
      body.read(2_000);
    }
    // A reference that was just made holds to the end of the turn.
    await new Promise<void>((resolve) => setImmediate(resolve));
    releaseHeap();
    expect(pieces.filter((piece) => piece.deref() !== undefined).length).toBeLessThan(20);
  });

  test("wakes once there is something, or the end", () => {
    const { body } = bodyOf();
    const woken: string[] = [];
    body.onReadable(() => woken.push("data"));
    body.onReadable(() => woken.push("cancelled"))();
    expect(body.read(1)).toBe("wait");
    body.add(Buffer.from("x"));
    expect(woken).toEqual(["data"]);
    body.read(1);
    body.onReadable(() => woken.push("end"));
    body.end(["a", "b"]);
    expect(woken).toEqual(["data", "end"]);
    expect(body.trailers).toEqual(["a", "b"]);
  });

  test("close: who waits is woken, reads end, and what is left and what still comes is let through", () => {
    const { body, consumed } = bodyOf();
    body.add(Buffer.from("abc"));
    body.read(1);
    body.close();
    body.add(Buffer.from("de"));
    expect(body.read(10)).toBe("end");
    expect(consumed()).toBe(5);
  });
});
