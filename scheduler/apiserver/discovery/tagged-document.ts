import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { gzip } from "node:zlib";

const gzipAsync = promisify(gzip);
/** Below, gzip makes nothing smaller that counts. */
const zippedBytesMin = 1_400;

/** A document that is made once and asked for often: its bytes, its tag, and its compressed form. */
export class TaggedDocument {
  readonly body: Buffer;
  /** Without quotes: also the hash in the URLs of OpenAPI v3. */
  readonly tag: string;
  #zipped: Promise<Buffer> | undefined;

  constructor(body: string | Buffer) {
    this.body = typeof body === "string" ? Buffer.from(body) : body;
    this.tag = createHash("sha512").update(this.body).digest("hex").toUpperCase();
  }

  /** undefined: it is sent as it is. */
  zipped(): Promise<Buffer> | undefined {
    if (this.body.length < zippedBytesMin) return undefined;
    return (this.#zipped ??= gzipAsync(this.body));
  }

  /** Whether an If-None-Match header names this document. */
  matches(header: string | undefined): boolean {
    if (header === undefined) return false;
    return header.split(",").some((part) => {
      const one = part.trim();
      return one === "*" || one.replace(/^W\//, "") === `"${this.tag}"`;
    });
  }
}
