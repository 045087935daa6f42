/**
 * Thousands of requests that are wrong in every way that we could think of: each gets an answer that makes sense, and what
 * was refused has changed nothing. WHERRY_HOSTILE_SEED and WHERRY_HOSTILE_REQUESTS try others, and more of them.
 */
import { expect, onTestFailed, test } from "vitest";
import { type Log, silentLog } from "../../kit/log.ts";
import { seededRandom } from "../../kit/random.ts";
import { guards, paths, questions } from "./testing/hostile-guards.ts";
import { type Guard, type HostileRequest, hostileRequest } from "./testing/hostile-requests.ts";
import { Dice } from "./testing/hostile-values.ts";
import { newServiceAccountKey } from "./testing/service-accounts.ts";
import { type Answer, TestServer } from "./testing/test-server.ts";
import { until } from "./testing/until.ts";

const seed = Number(process.env["WHERRY_HOSTILE_SEED"] ?? 3);
const count = Number(process.env["WHERRY_HOSTILE_REQUESTS"] ?? 2_500);

/** Codes of the server's own choosing: nothing went wrong in it. */
const goodCodes = (code: number) => (code >= 200 && code < 500) || code === 503 || code === 504;

function problemOf({ method }: HostileRequest, { code, body, headers, text }: Answer): string | undefined {
  if (!goodCodes(code)) return `code ${code}`;
  if (method === "HEAD" || code === 304) return undefined;
  if (code < 400) {
    const isJson = String(headers["content-type"]).includes("json") && !headers["content-encoding"];
    return isJson && (typeof body !== "object" || body === null) ? "no object" : undefined;
  }
  const isStatus = body?.kind === "Status" && body.apiVersion === "v1" && body.status === "Failure";
  if (!isStatus) return "no Status";
  if (body.code !== code || typeof body.reason !== "string") return "a Status that contradicts itself";
  return text.length > 200_000 ? "a long answer" : undefined;
}

/** An error in the log is a bug, whatever the client was told. */
function watchedLog(errors: unknown[]): Log {
  const log: Log = {
    ...silentLog,
    error: (message, fields) => errors.push({ message, ...fields }),
    bind: () => log,
  };
  return log;
}

async function create({ collection, object }: Guard, server: TestServer): Promise<void> {
  await until(async () => {
    const { code } = await server.call("POST", collection, { body: object });
    return code === 201 || code === 409;
  });
}

/** What is compared: what controllers write by themselves is not. */
async function stateOf({ collection, name }: Guard, server: TestServer): Promise<object | undefined> {
  const { code, body } = await server.call("GET", `${collection}/${name}`);
  if (code !== 200) return undefined;
  const { metadata, status: _, ...rest } = body;
  const { resourceVersion: _version, managedFields: _fields, finalizers: _finalizers, ...kept } = metadata;
  return { ...rest, metadata: kept };
}

function describe({ method, path, headers, body }: HostileRequest): string {
  const shown = body === undefined ? "" : body.toString("utf8").slice(0, 500);
  return `${method} ${path.slice(0, 300)} ${JSON.stringify(headers).slice(0, 300)} ${shown}`;
}

test(
  "the server: hostile requests are answered with sense and change nothing",
  { timeout: 300_000 },
  async () => {
    // oxlint-disable-next-line no-console -- to run it again
    onTestFailed(() => console.log(`seed ${seed}`));
    const errors: unknown[] = [];
    await using server = await TestServer.start({
      log: watchedLog(errors),
      serviceAccountKeys: [newServiceAccountKey()],
    });
    for (const guard of guards) await create(guard, server);
    const all = [...guards, ...guards, ...questions, ...paths];
    const dice = new Dice(seededRandom(seed));
    for (let i = 0; i < count; i++) {
      const guard = dice.pick(all);
      const isKept = guards.includes(guard);
      const request = hostileRequest(dice, guard);
      const before = isKept ? await stateOf(guard, server) : undefined;
      const answer = await server.call(request.method, request.path, { ...request, cutsWatches: true });
      const what = `${describe(request)} -> ${answer.code} ${answer.text.slice(0, 500)}`;
      expect(problemOf(request, answer), what).toBeUndefined();
      expect(errors, what).toEqual([]);
      if (!isKept) continue;
      if (answer.code >= 400) expect(await stateOf(guard, server), what).toEqual(before);
      else if (!(await stateOf(guard, server))) await create(guard, server);
    }
    expect(({} as Readonly<Record<string, unknown>>)["polluted"]).toBeUndefined();
    expect((await server.call("GET", "/readyz")).code).toBe(200);
  },
);

test("the server: more headers than it takes are refused, not dropped", async () => {
  await using server = await TestServer.start();
  const headers = Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`x-${i}`, "1"]));
  const answer = await server.call("GET", "/version", { headers });
  expect([answer.code, answer.body.message]).toEqual([400, "a request may have 100 headers"]);
});
