import { expect, test } from "vitest";
import { FakeClock } from "../../../kit/fake-clock.ts";
import type { Log } from "../../../kit/log.ts";
import type { AuditEvent } from "./audit-event.ts";
import { AuditLog } from "./audit-log.ts";
import type { AppendFile } from "./rotating-file.ts";

/** Takes what it is given, no more than `bytesAtOnce` at a time, and fails as long as it is told to. */
class FakeFile implements AppendFile {
  text = "";
  isFailing = false;
  bytesAtOnce = Number.POSITIVE_INFINITY;
  readonly prepared: number[] = [];
  isClosed = false;

  async prepare(bytes: number): Promise<void> {
    await Promise.resolve();
    this.prepared.push(bytes);
  }

  async write(bytes: Buffer): Promise<number> {
    await Promise.resolve();
    if (this.isFailing) throw new Error("ENOSPC: no space left on device");
    const taken = bytes.subarray(0, this.bytesAtOnce);
    this.text += taken.toString("latin1");
    return taken.length;
  }

  async close(): Promise<void> {
    await Promise.resolve();
    this.isClosed = true;
  }
}

function setUp(bufferBytesMax?: number) {
  const clock = new FakeClock();
  const file = new FakeFile();
  const told: string[] = [];
  const log: Log = {
    debug: (message) => void told.push(message),
    info: (message) => void told.push(message),
    warn: (message) => void told.push(message),
    error: (message) => void told.push(message),
    bind: () => log,
  };
  const audit = new AuditLog(file, clock, log, bufferBytesMax);
  const write = (id: string) => audit.write({ auditID: id } as AuditEvent); // It is only written as it is.
  const ids = () => [...file.text.matchAll(/^{"auditID":"(.*)"}$/gm)].map(([, id]) => id);
  return { clock, file, told, audit, write, ids };
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

test("AuditLog: events of one turn go in one batch, in order", async () => {
  const { file, write, ids, audit } = setUp();
  for (const id of ["a", "b", "c"]) write(id);
  expect(file.text).toBe("");
  await turn();
  write("d");
  await turn();
  expect(ids()).toEqual(["a", "b", "c", "d"]);
  expect(file.prepared).toHaveLength(2);
  expect(audit.counters).toEqual({ written: 4, dropped: 0, failures: 0 });
});

test("AuditLog: a large buffer is written in batches of whole lines", async () => {
  const { file, write, ids, audit } = setUp();
  const long = "x".repeat(100_000);
  for (let i = 0; i < 7; i++) write(`${i}${long}`);
  await audit.close();
  expect(ids().map((id) => id?.[0])).toEqual(["0", "1", "2", "3", "4", "5", "6"]);
  expect(file.prepared.every((bytes) => bytes <= 256 * 1024)).toBe(true);
});

test("AuditLog: one event beyond the size of a batch is a batch of its own", async () => {
  const { write, audit } = setUp();
  write("x".repeat(300_000));
  write("b");
  await audit.close();
  expect(audit.counters.written).toBe(2);
});

test("AuditLog: what a full disk refuses is written later, and both are told once", async () => {
  const { clock, file, told, write, ids, audit } = setUp();
  file.isFailing = true;
  write("a");
  await turn();
  write("b");
  for (let i = 0; i < 3; i++) {
    clock.advance(1000);
    await turn();
  }
  expect(audit.counters).toEqual({ written: 0, dropped: 0, failures: 4 });
  file.isFailing = false;
  clock.advance(1000);
  await turn();
  expect(ids()).toEqual(["a", "b"]);
  expect(told).toEqual(["audit log cannot be written", "audit log is written again"]);
});

test("AuditLog: no line is torn by a disk that fills up within it", async () => {
  const { clock, file, write, audit } = setUp();
  file.bytesAtOnce = 5;
  write("first");
  await Promise.resolve();
  await Promise.resolve();
  await Promise.resolve();
  file.isFailing = true;
  await turn();
  const before = file.text;
  file.isFailing = false;
  clock.advance(1000);
  write("second");
  await turn();
  await audit.close();
  expect(before.length).toBeLessThan(20);
  expect(file.text).toBe('{"auditID":"first"}\n{"auditID":"second"}\n');
  expect(audit.counters.written).toBe(2);
});

test("AuditLog: a full buffer drops what is new, counts it, and tells once until it is empty again", async () => {
  const { clock, file, told, write, ids, audit } = setUp(60);
  file.isFailing = true;
  for (const id of ["a", "b", "c", "d", "e", "f"]) write(id);
  await turn();
  expect(audit.counters.dropped).toBe(3);
  file.isFailing = false;
  clock.advance(1000);
  await turn();
  expect(ids()).toEqual(["a", "b", "c"]);
  for (const id of ["g", "h", "i", "j"]) write(id);
  expect(audit.counters.dropped).toBe(4);
  expect(told.filter((message) => message === "audit events are dropped")).toHaveLength(2);
});

test("AuditLog: closing writes what there is, and takes no more", async () => {
  const { file, write, ids, audit } = setUp();
  write("a");
  const closed = audit.close();
  write("b");
  await closed;
  await audit.close();
  expect(ids()).toEqual(["a"]);
  expect(file.isClosed).toBe(true);
  expect(audit.counters.dropped).toBe(1);
});

test("AuditLog: closing does not wait for a disk that stays full", async () => {
  const { file, write, told, audit } = setUp();
  file.isFailing = true;
  write("a");
  await turn();
  write("b");
  await audit.close();
  expect(audit.counters).toEqual({ written: 0, dropped: 2, failures: 2 });
  expect(told.at(-1)).toBe("audit events are dropped");
});
