/** A call of a function as its servant sees it: what comes in, and how it is answered. */
import type { Answer, RequestBody, Served } from "./handler.ts";

/** Beyond any code that means something. */
const errorTextBytesMax = 4_096;
const namedMax = 16;

export const notDeterministic = "a seed was given, and the template does not say deterministic";

export function unknownFunction(what: string, name: string, names: Iterable<string>): string {
  const some = [...names].slice(0, namedMax).join(", ");
  return `the ${what} exports no function ${quoted(name)} that can be called; those that can are: ${some}`;
}

export function quoted(name: string): string {
  return JSON.stringify(name.slice(0, 100));
}

export async function refuse(answer: Answer, status: number, message: string): Promise<Served> {
  await give(answer, status, Buffer.from(message), []);
  return { kind: "answered", reusable: true };
}

export function giveOutput(answer: Answer, output: Uint8Array): Promise<void> {
  return give(answer, 200, output, []);
}

/** What the function itself says is wrong. */
export function giveError(answer: Answer, code: number, text: Uint8Array): Promise<void> {
  const start = Buffer.from(text.subarray(0, errorTextBytesMax));
  return give(answer, 400, start, ["wherry-function-code", String(code)]);
}

/** At once if all of it is there. The intake keeps it within bounds, and ends it when the call is given up. */
export function readAll(body: RequestBody): Uint8Array | Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  const readOn = (): Uint8Array | Promise<Uint8Array> => {
    for (;;) {
      const piece = body.read(Number.MAX_SAFE_INTEGER);
      if (piece instanceof Uint8Array) pieces.push(piece);
      else if (piece === "wait") return readable(body).then(readOn);
      else return pieces.length === 1 ? (pieces[0] ?? Buffer.concat(pieces)) : Buffer.concat(pieces);
    }
  };
  return readOn();
}

function readable(body: RequestBody): Promise<void> {
  return new Promise((resolve) => void body.onReadable(resolve));
}

async function give(
  answer: Answer,
  status: number,
  bytes: Uint8Array,
  headers: readonly string[],
): Promise<void> {
  answer.respond({ status, headers });
  for (let at = 0; at < bytes.byteLength;) {
    const taken = answer.write(bytes.subarray(at));
    if (typeof taken !== "number") return;
    at += taken;
    if (at < bytes.byteLength) await new Promise<void>((resolve) => void answer.onWritable(resolve));
  }
  answer.end([]);
}
