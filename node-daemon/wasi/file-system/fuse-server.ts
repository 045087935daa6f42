/**
 * For tests of file systems that block: as a process of its own, mounts a FUSE file system with one file, `file`, at the
 * folder argv[2], and writes `mounted`. The line `hang` on its standard input makes it stop answering, `go on` go on; when
 * its standard input closes it unmounts and exits. Needs an administrator's rights.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { openSync, read, writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

const [, , folder = "."] = process.argv;

/** Of linux/fuse.h. */
const operations = new Map<number, (node: bigint, body: Buffer) => Buffer | number | undefined>([
  [1, lookup],
  [2, () => undefined], // forget
  [3, (node) => attributes(node)],
  [4, setAttributes],
  [14, () => opened(1)],
  [15, (_node, body) => content.subarray(Number(body.readBigUInt64LE(8)), offsetEnd(body))],
  [16, write],
  [17, () => Buffer.alloc(80)], // statfs
  [18, () => empty], // release
  [20, () => empty], // fsync
  [25, () => empty], // flush
  [26, initialized],
  [27, () => opened(0)],
  [28, (_node, body) => (body.readBigUInt64LE(8) === 0n ? listing() : empty)],
  [29, () => empty], // releasedir
  [36, () => undefined], // interrupt
  [42, () => undefined], // forget many
]);
const notImplemented = -38;
const noEntry = -2;
const headerBytes = { in: 40, out: 16 };
const requestBytesMax = 2 * 1024 * 1024;
const empty = Buffer.alloc(0);
const rootNode = 1n;
const fileNode = 2n;

let content: Buffer = Buffer.from("from far away");
let goesOn = Promise.withResolvers<void>();
goesOn.resolve();

function lookup(_node: bigint, body: Buffer): Buffer | number {
  if (body.toString("utf8", 0, body.length - 1) !== "file") return noEntry;
  const entry = Buffer.alloc(40);
  entry.writeBigUInt64LE(fileNode, 0);
  return Buffer.concat([entry, attributesOf(fileNode)]);
}

function attributes(node: bigint): Buffer {
  return Buffer.concat([Buffer.alloc(16), attributesOf(node)]);
}

function attributesOf(node: bigint): Buffer {
  const bytes = Buffer.alloc(88);
  bytes.writeBigUInt64LE(node, 0);
  bytes.writeBigUInt64LE(node === rootNode ? 0n : BigInt(content.length), 8);
  bytes.writeUInt32LE(node === rootNode ? 0o040755 : 0o100644, 60);
  bytes.writeUInt32LE(1, 64);
  return bytes;
}

function setAttributes(node: bigint, body: Buffer): Buffer {
  const sizeGiven = (body.readUInt32LE(0) & 8) !== 0;
  if (sizeGiven) content = Buffer.concat([content, Buffer.alloc(1024)], Number(body.readBigUInt64LE(16)));
  return attributes(node);
}

function opened(flags: number): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt32LE(flags, 8);
  return bytes;
}

function offsetEnd(body: Buffer): number {
  return Number(body.readBigUInt64LE(8)) + body.readUInt32LE(16);
}

function write(_node: bigint, body: Buffer): Buffer {
  const at = Number(body.readBigUInt64LE(8));
  const bytes = body.subarray(40);
  const grown = Buffer.alloc(Math.max(content.length, at + bytes.length));
  content.copy(grown);
  bytes.copy(grown, at);
  content = grown;
  const answer = Buffer.alloc(8);
  answer.writeUInt32LE(bytes.length, 0);
  return answer;
}

function initialized(): Buffer {
  const bytes = Buffer.alloc(64);
  bytes.writeUInt32LE(7, 0);
  bytes.writeUInt32LE(31, 4);
  bytes.writeUInt16LE(12, 16);
  bytes.writeUInt16LE(10, 18);
  bytes.writeUInt32LE(128 * 1024, 20);
  bytes.writeUInt32LE(1, 24);
  return bytes;
}

function listing(): Buffer {
  const entry = Buffer.alloc(32);
  entry.writeBigUInt64LE(fileNode, 0);
  entry.writeBigUInt64LE(1n, 8);
  entry.writeUInt32LE(4, 16);
  entry.writeUInt32LE(8, 20);
  entry.write("file", 24);
  return entry;
}

async function serve(device: number): Promise<void> {
  const request = Buffer.alloc(requestBytesMax);
  const readFrom = promisify(read);
  for (;;) {
    const { bytesRead } = await readFrom(device, request, 0, requestBytesMax, null);
    await goesOn.promise;
    const operation = operations.get(request.readUInt32LE(4));
    const body = request.subarray(headerBytes.in, bytesRead);
    const answer = operation ? operation(request.readBigUInt64LE(16), body) : notImplemented;
    if (answer === undefined) continue;
    const bytes = typeof answer === "number" ? empty : answer;
    const header = Buffer.alloc(headerBytes.out);
    header.writeUInt32LE(headerBytes.out + bytes.length, 0);
    header.writeInt32LE(typeof answer === "number" ? answer : 0, 4);
    header.writeBigUInt64LE(request.readBigUInt64LE(8), 8);
    try {
      writeSync(device, Buffer.concat([header, bytes]));
    } catch {
      // Whoever asked was interrupted meanwhile.
    }
  }
}

async function mount(device: number): Promise<void> {
  const options = "fd=3,rootmode=40000,user_id=0,group_id=0";
  const program = spawn("mount", ["-i", "-t", "fuse", "-o", options, "wherry-test", folder], {
    stdio: ["ignore", "inherit", "inherit", device],
  });
  const [code] = (await once(program, "exit")) as [number | null];
  if (code !== 0) process.exit(1);
}

function unmount(): void {
  spawn("umount", ["-l", folder], { stdio: "ignore" }).on("exit", () => process.exit());
}

const device = openSync("/dev/fuse", "r+");
await mount(device);
createInterface({ input: process.stdin })
  .on("line", (line) => {
    if (line === "hang") goesOn = Promise.withResolvers();
    else goesOn.resolve();
    process.stdout.write(`${line}\n`);
  })
  .on("close", unmount);
process.stdout.write("mounted\n");
// Ends when it is unmounted.
await serve(device).catch(() => {});
