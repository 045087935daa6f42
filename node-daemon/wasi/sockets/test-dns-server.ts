/** Test support: a DNS server on loopback that knows the names it is given, and hears what is asked. */
import { createSocket, type Socket } from "node:dgram";

import { addressBytes } from "./addresses.ts";

const types = { 1: 4, 28: 16 } as const;

export class DnsServer implements Disposable {
  readonly asked: string[] = [];
  readonly #socket: Socket = createSocket("udp4");
  readonly #names: ReadonlyMap<string, readonly string[]>;
  readonly address: string;

  /** Names that are not there do not exist; `silent.` ones are never answered, `broken.` ones with a failure. */
  constructor(names: Readonly<Record<string, readonly string[]>>) {
    this.#names = new Map(Object.entries(names));
    const { port } = this.#socket.bindSync({ address: "127.0.0.1", port: 0 });
    this.address = `127.0.0.1:${port}`;
    this.#socket.on("message", (query, from) => {
      const answer = this.#answer(query);
      if (answer) this.#socket.send(answer, from.port, from.address);
    });
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }

  #answer(query: Buffer): Buffer | undefined {
    const { name, end } = readName(query, 12);
    const type = query.readUInt16BE(end) as keyof typeof types;
    this.asked.push(name);
    if (name.startsWith("silent.")) return undefined;
    const addresses = this.#names.get(name);
    const records = (addresses ?? []).flatMap((text) => {
      const bytes = addressBytes(text);
      if (bytes?.byteLength !== types[type]) return [];
      const record = Buffer.alloc(12);
      record.writeUInt16BE(0xc00c, 0);
      record.writeUInt16BE(type, 2);
      record.writeUInt16BE(1, 4);
      record.writeUInt32BE(60, 6);
      record.writeUInt16BE(bytes.byteLength, 10);
      return [Buffer.concat([record, bytes])];
    });
    const header = Buffer.alloc(12);
    query.copy(header, 0, 0, 2);
    const code = name.startsWith("broken.") ? 2 : addresses === undefined ? 3 : 0;
    header.writeUInt16BE(0x8180 | code, 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(records.length, 6);
    return Buffer.concat([header, query.subarray(12, end + 4), ...records]);
  }
}

function readName(query: Buffer, start: number): { readonly name: string; readonly end: number } {
  const labels: string[] = [];
  let at = start;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join(".").toLowerCase(), end: at + 1 };
}
