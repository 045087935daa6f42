import { median, type Figure } from "../figure.ts";
import type { Answer, Connection } from "./connection.ts";
import { closedLoop } from "./load.ts";
import { configMaps, createConfigMap, createNamespace } from "./objects.ts";

const objects = 10_000;
const pageSize = 500;
const rounds = 5;
const table = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

/** Lists of 10,000 ConfigMaps of a kilobyte: whole, as kubectl asks for them, and in pages. */
export async function measureLists(
  control: Connection,
  writers: readonly Connection[],
): Promise<readonly Figure[]> {
  const namespace = "lists";
  await createNamespace(control, namespace);
  const limit = { ms: 60_000, count: objects };
  await closedLoop(writers, 201, limit, () => createConfigMap(namespace));
  const path = configMaps(namespace);
  const whole = () => control.expect(200, { path, textBytesMax: 2 ** 26 });
  const plainMs = await stringifyMs((await whole()).text);
  const json = await timed(async () => (await control.expect(200, { path })).bytes);
  const asTable = await timed(async () => (await control.expect(200, { path, accept: table })).bytes);
  const paged = await timed(() => inPages(control, path));
  return [
    { name: `list of ${objects}: JSON.stringify in memory, to compare with`, value: plainMs, unit: "ms" },
    ...figures(`list of ${objects} as JSON`, json),
    { name: "  against JSON.stringify", value: json.ms / plainMs, unit: "times" },
    ...figures(`list of ${objects} as Table`, asTable),
    ...figures(`list of ${objects} as JSON in pages of ${pageSize}`, paged),
  ];
}

interface Timed {
  readonly ms: number;
  readonly bytes: number;
}

function figures(name: string, { ms, bytes }: Timed): readonly Figure[] {
  return [
    { name, value: ms, unit: "ms" },
    { name: `  ${(bytes / 1e6).toFixed(1)} MB`, value: bytes / 1e6 / (ms / 1_000), unit: "MB/s" },
  ];
}

async function timed(list: () => Promise<number>): Promise<Timed> {
  const times: number[] = [];
  let bytes = 0;
  for (let round = 0; round < rounds; round++) {
    const beginMs = performance.now();
    bytes = await list();
    times.push(performance.now() - beginMs);
  }
  return { ms: median(times), bytes };
}

async function inPages(control: Connection, path: string): Promise<number> {
  let bytes = 0;
  let token = "";
  do {
    const call = { path: `${path}?limit=${pageSize}&continue=${token}` };
    const answer: Answer = await control.expect(200, call);
    bytes += answer.bytes;
    // Metadata come before the items.
    token = /"continue":"([^"]*)"/.exec(answer.text)?.[1] ?? "";
  } while (token !== "");
  return bytes;
}

async function stringifyMs(text: string): Promise<number> {
  const list: unknown = JSON.parse(text);
  const { ms } = await timed(() => Promise.resolve(Buffer.byteLength(JSON.stringify(list))));
  return ms;
}
