import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { TestNode } from "../runtimes/v8/test-driver.ts";
import { AttachmentReader, type AttachedStream } from "./attachment.ts";
import { guests } from "./test-guests.ts";

/** Somebody who attaches: listens, and keeps what comes. */
class Client implements Disposable {
  readonly path: string;
  readonly #server: Server;
  readonly got = { stdout: "", stderr: "" };
  readonly #waiting = new Set<() => void>();

  constructor(folder: string) {
    this.path = join(folder, "attached.sock");
    this.#server = createServer({ allowHalfOpen: true });
    this.#server.listen(this.path);
  }

  async attached(): Promise<Socket> {
    const [socket] = (await once(this.#server, "connection")) as [Socket];
    const reader = new AttachmentReader((stream, bytes) => {
      this.got[stream] += bytes.toString();
      for (const ask of this.#waiting) ask();
    });
    socket.on("data", (chunk: Buffer) => reader.push(chunk));
    return socket;
  }

  gets(stream: AttachedStream, text: string): Promise<void> {
    return new Promise((resolve) => {
      const ask = () => {
        if (this.got[stream] === text) resolve();
      };
      this.#waiting.add(ask);
      ask();
    });
  }

  [Symbol.dispose](): void {
    this.#server.close();
  }
}

describe("Attachment", () => {
  test("what is sent is the guest's input, what it writes comes back before its line is whole, and is in the log", async () => {
    await using node = new TestNode();
    using client = new Client(node.folder);
    const { driver, told } = await node.open();
    const module = await node.prepared(driver, guests.echoes(3));
    driver.start(node.spec("one", module, { attachment: client.path }));
    const socket = await client.attached();
    socket.write("RE");
    await client.gets("stdout", "RE");
    socket.write("ADY\n");
    await client.gets("stdout", "READY\n");
    socket.end("end");
    expect(await told.endOf("one")).toEqual({ kind: "exited", exitCode: 3 });
    await client.gets("stdout", "READY\nend");
    expect(node.log("one")).toMatch(/ stdout F READY\n.* stdout P end\n/);
  });

  test("a client that was never there is an empty input", async () => {
    await using node = new TestNode();
    const { driver, told } = await node.open();
    const module = await node.prepared(driver, guests.echoes(4));
    driver.start(node.spec("one", module, { attachment: join(node.folder, "nobody.sock") }));
    expect(await told.endOf("one")).toEqual({ kind: "exited", exitCode: 4 });
  });

  test("a client that goes away ends the input", async () => {
    await using node = new TestNode();
    using client = new Client(node.folder);
    const { driver, told } = await node.open();
    const module = await node.prepared(driver, guests.echoes(5));
    driver.start(node.spec("one", module, { attachment: client.path }));
    const socket = await client.attached();
    socket.write("text");
    await client.gets("stdout", "text");
    socket.destroy();
    expect(await told.endOf("one")).toEqual({ kind: "exited", exitCode: 5 });
  });

  test("a client that does not read is cut off, and the guest goes on", async () => {
    await using node = new TestNode();
    using client = new Client(node.folder);
    const { driver, told } = await node.open();
    const module = await node.prepared(driver, guests.ticks(0, `${"x".repeat(999)}\n`));
    driver.start(node.spec("one", module, { attachment: client.path }));
    const socket = await client.attached();
    socket.pause();
    await told.hasStarted(1);
    socket.on("error", () => {});
    // By then it has written megabytes more than are kept for a client.
    await told.until(() => (told.dropped.length > 0 ? true : undefined));
    socket.resume();
    await once(socket, "end");
    driver.stop("one", 0);
    expect(await told.endOf("one")).toEqual({ kind: "stopped" });
  });

  test("the stop notice ends the input, whatever the client does", async () => {
    await using node = new TestNode();
    using client = new Client(node.folder);
    const { driver, told } = await node.open();
    const module = await node.prepared(driver, guests.echoes(6));
    driver.start(node.spec("one", module, { attachment: client.path, stopNotice: "stdin" }));
    const socket = await client.attached();
    socket.write("text");
    await client.gets("stdout", "text");
    driver.stop("one", 60_000);
    expect(await told.endOf("one")).toEqual({ kind: "exited", exitCode: 6 });
  });
});

test.each([1, 3, 1000])("AttachmentReader: takes apart what comes in pieces of %i bytes", (pieceBytes) => {
  const got: string[] = [];
  const reader = new AttachmentReader((stream, bytes) => got.push(`${stream} ${bytes.toString()}`));
  const frame = (stream: number, text: string) =>
    Buffer.from([stream, text.length, 0, 0, 0, ...Buffer.from(text)]);
  const bytes = Buffer.concat([frame(1, "hello\n"), frame(2, ""), frame(2, "world")]);
  for (let at = 0; at < bytes.length; at += pieceBytes) reader.push(bytes.subarray(at, at + pieceBytes));
  expect(got).toEqual(["stdout hello\n", "stderr ", "stderr world"]);
});
