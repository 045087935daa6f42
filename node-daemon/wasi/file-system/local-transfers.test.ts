import { closeSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";

import { limits } from "../limits.ts";
import { read, write } from "./local-transfers.ts";
import { payWith } from "./payer.ts";

test("transfers off the thread: whoever asked pays for them, up to what a copy may take", async () => {
  const folder = mkdtempSync(join(tmpdir(), "wherry-transfers-"));
  const fd = openSync(join(folder, "a"), "w+");
  try {
    let paidMs = 0;
    payWith(() => (ms) => void (paidMs += ms));
    const long = Buffer.alloc(limits.transferPieceBytes + limits.transferBytesMax, "ab");
    expect(await write(fd, [long], 0)).toBe(long.byteLength);
    const writtenMs = paidMs;
    expect(writtenMs).toBeGreaterThan(0);
    expect(writtenMs).toBeLessThanOrEqual(long.byteLength * limits.transferMsPerByteMax);
    expect(await read(fd, [Buffer.alloc(long.byteLength)], 0)).toBe(long.byteLength);
    expect(paidMs).toBeGreaterThan(writtenMs);
    // A short one is done at once, in the turn of whoever asked.
    const beforeMs = paidMs;
    expect(write(fd, [Buffer.alloc(limits.transferBytesMax)], 0)).toBe(limits.transferBytesMax);
    expect(paidMs).toBe(beforeMs);
  } finally {
    closeSync(fd);
    rmSync(folder, { recursive: true, force: true });
  }
});
