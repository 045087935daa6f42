/**
 * Runs one test: its operations in their order, the first that does not hold ends it. What the suite's folder holds is only
 * read: a test's root is copied first, without what earlier runs may have left there.
 */
import { cp, mkdir, readdir, rm } from "node:fs/promises";
import { createConnection, type Socket } from "node:net";
import { basename, dirname, join } from "node:path";
import { assertNever, errorMessage } from "../../kit/errors.ts";
import type {
  MountPoint,
  NetworkGrant,
  PreparedModule,
  RunEnd,
  RunSpec,
} from "../../node-daemon/runtimes/runtime-driver.ts";
import type { SuiteTest } from "./find-tests.ts";
import { AttachedOutput, type GuestOutput, LoggedOutput, until } from "./guest-output.ts";
import { conformanceLimits } from "./limits.ts";
import type { NodeRunner, StartedRun } from "./node-runner.ts";
import { type Operation, reasonToSkip, type Specification, type StreamName } from "./specification.ts";

export type TestOutcome =
  | { readonly outcome: "passed" }
  | { readonly outcome: "failed" | "skipped"; readonly reason: string };

/** An expectation that was not met. */
class Mismatch extends Error {}

/** Never rejects. `worker` keeps tests that run at the same time in different processes. */
export async function runTest(
  runner: NodeRunner,
  test: SuiteTest,
  id: number,
  worker: number,
): Promise<TestOutcome> {
  const { specification } = test;
  if (typeof specification === "string")
    return { outcome: "failed", reason: `its JSON file: ${specification}` };
  const skip = reasonToSkip(specification);
  if (skip !== undefined) return { outcome: "skipped", reason: skip };
  const folder = join(runner.folder, `test-${id}`);
  try {
    const prepared = await runner.prepare(test.file);
    if (prepared.kind === "rejected")
      return { outcome: "failed", reason: `${prepared.reason}: ${prepared.message}` };
    await using run = new TestRun(
      runner,
      test,
      specification,
      prepared.module,
      folder,
      `conformance-${worker}`,
    );
    for (const operation of specification.operations) await run.perform(operation);
    return { outcome: "passed" };
  } catch (thrown) {
    return { outcome: "failed", reason: errorMessage(thrown) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

class TestRun implements AsyncDisposable {
  readonly #runner: NodeRunner;
  readonly #test: SuiteTest;
  readonly #specification: Specification;
  readonly #module: PreparedModule;
  readonly #folder: string;
  readonly #namespace: string;
  readonly #signal = AbortSignal.timeout(conformanceLimits.testMs);
  readonly #sockets = new Map<string, Socket>();
  #runs = 0;
  #uid = "";
  #run: StartedRun | undefined;
  #output: GuestOutput | undefined;
  #attached: AttachedOutput | undefined;
  #read = { stdout: 0, stderr: 0 };
  #whole = new Set<StreamName>();
  #killed = false;

  constructor(
    runner: NodeRunner,
    test: SuiteTest,
    specification: Specification,
    module: PreparedModule,
    folder: string,
    namespace: string,
  ) {
    this.#runner = runner;
    this.#test = test;
    this.#specification = specification;
    this.#module = module;
    this.#folder = folder;
    this.#namespace = namespace;
  }

  async perform(operation: Operation): Promise<void> {
    switch (operation.kind) {
      case "run":
        return this.#start(operation);
      case "read":
        return this.#expectOutput(operation.stream, operation.payload, operation.whole);
      case "write":
        return this.#attached?.write(operation.payload);
      case "connect":
        return this.#connect(operation.id);
      case "send":
        this.#socket(operation.id).write(operation.payload);
        return;
      case "recv":
        return this.#receive(operation.id, operation.payload);
      case "kill":
        this.#killed = true;
        this.#runner.kill(this.#uid);
        return;
      case "wait":
        return this.#wait(operation.exitCode);
      case "request":
        throw new Mismatch("HTTP requests are for services, not commands");
      default:
        return assertNever(operation, "operation");
    }
  }

  async #start({ args, env, root }: Extract<Operation, { kind: "run" }>): Promise<void> {
    const folder = join(this.#folder, `run-${this.#runs++}`);
    await mkdir(folder, { recursive: true });
    this.#uid = `${basename(this.#folder)}-${this.#runs}`;
    this.#read = { stdout: 0, stderr: 0 };
    this.#whole = new Set();
    this.#killed = false;
    const logFolder = join(folder, "log");
    const writes = this.#specification.operations.some(({ kind }) => kind === "write");
    this.#attached = writes ? await AttachedOutput.listen(join(folder, "attached.sock")) : undefined;
    this.#output = this.#attached ?? new LoggedOutput(logFolder);
    const mounts = root === undefined ? [] : [await this.#copyRoot(root, join(folder, "root"))];
    const spec: RunSpec = {
      id: { uid: this.#uid, run: 0 },
      namespace: this.#namespace,
      name: this.#test.name,
      module: this.#module,
      args: [basename(this.#test.file), ...args],
      env,
      mounts,
      network: networkOf(this.#specification),
      memoryBytesMax: conformanceLimits.memoryBytes,
      cpuRequestMillis: 0,
      cpuLimitMillis: undefined,
      isolation: "shared",
      fuelMax: undefined,
      deterministic: undefined,
      stopAloneAfterMs: undefined,
      stopNotice: "none",
      ...(this.#attached ? { attachment: this.#attached.path } : {}),
      logFolder,
      logLimits: {
        fileBytesMax: conformanceLimits.logFileBytes,
        bytesPerSecondMax: conformanceLimits.logBytesPerSecond,
      },
    };
    this.#run = this.#runner.start(spec);
  }

  async #copyRoot(root: string, target: string): Promise<MountPoint> {
    await cp(join(dirname(this.#test.file), root), target, { recursive: true, verbatimSymlinks: true });
    for (const entry of await readdir(target, { recursive: true })) {
      if (entry.endsWith(".cleanup")) await rm(join(target, entry), { recursive: true, force: true });
    }
    return { guestPath: "/", hostPath: target, readOnly: false };
  }

  async #expectOutput(stream: StreamName, payload: string, whole: boolean): Promise<void> {
    if (whole) this.#whole.add(stream);
    const expected = Buffer.from(payload);
    const written = await this.#outputOf(stream, (bytes) =>
      bytes.length >= expected.length ? bytes.subarray(0, expected.length) : undefined,
    );
    const actual = written ?? (await this.#rest(stream));
    this.#read[stream] += actual.length;
    if (!actual.equals(expected))
      throw new Mismatch(`${stream}: expected ${quoted(expected)}, got ${quoted(actual)}`);
  }

  async #connect(id: string): Promise<void> {
    const line = await this.#outputOf("stdout", (bytes) => {
      const end = bytes.indexOf("\n");
      return end < 0 ? undefined : bytes.subarray(0, end + 1);
    });
    const [, host, port] = /^(.*):(\d+)\s*$/.exec(line?.toString() ?? "") ?? [];
    if (host === undefined || port === undefined)
      throw new Mismatch(
        `connect ${id}: expected HOST:PORT on stdout, got ${quoted(line ?? (await this.#rest("stdout")))}${this.#ending()}`,
      );
    this.#read.stdout += line?.length ?? 0;
    const socket = createConnection({ host, port: Number(port) });
    this.#sockets.set(id, socket);
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", (error) => reject(new Mismatch(`connect to ${host}:${port}: ${error.message}`)));
    });
    socket.pause();
    // What a broken connection means is for `recv` to say.
    socket.on("error", () => {});
  }

  async #receive(id: string, payload: string): Promise<void> {
    const socket = this.#socket(id);
    const expected = Buffer.from(payload);
    let closed = false;
    socket.once("close", () => (closed = true));
    const received = await until(
      () => Promise.resolve((socket.read(expected.length) as Buffer | null) ?? undefined),
      () => closed || socket.readableEnded,
      this.#signal,
    );
    const actual = received ?? Buffer.alloc(0);
    if (!actual.equals(expected))
      throw new Mismatch(`recv ${id}: expected ${quoted(expected)}, got ${quoted(actual)}${this.#ending()}`);
  }

  async #wait(exitCode: number): Promise<void> {
    await this.#attached?.end();
    const end = await this.#end();
    if (end === undefined) throw new Mismatch(`did not end within ${conformanceLimits.testMs / 1000} s`);
    const expected =
      end.kind === "exited" ? end.exitCode === exitCode : this.#killed && end.kind === "stopped";
    if (!expected)
      throw new Mismatch(`expected exit code ${exitCode}, ${await this.#complaint(describeEnd(end))}`);
    for (const stream of this.#whole) {
      const rest = await this.#rest(stream);
      if (rest.length > 0) throw new Mismatch(`${stream}: did not expect ${quoted(rest)}`);
    }
    this.#closeSockets();
  }

  /** What `pick` finds in what was written and not read yet, as soon as it does. */
  #outputOf(stream: StreamName, pick: (bytes: Buffer) => Buffer | undefined): Promise<Buffer | undefined> {
    return until(
      async () => pick(await this.#rest(stream)),
      () => this.#run?.ended() !== undefined,
      this.#signal,
    );
  }

  async #rest(stream: StreamName): Promise<Buffer> {
    const written = (await this.#output?.written(stream)) ?? Buffer.alloc(0);
    return written.subarray(this.#read[stream]);
  }

  /** Undefined when it did not come in time. */
  #end(): Promise<RunEnd | undefined> {
    const run = this.#run;
    const timeout = new Promise<undefined>((resolve) => {
      if (this.#signal.aborted) resolve(undefined);
      else this.#signal.addEventListener("abort", () => resolve(undefined), { once: true });
    });
    return run === undefined ? timeout : Promise.race([run.end, timeout]);
  }

  #ending(): string {
    const end = this.#run?.ended();
    return end === undefined ? "" : ` (${describeEnd(end)})`;
  }

  /** How it ended, and what it wrote to standard error: an assertion says what it wanted. */
  async #complaint(end: string): Promise<string> {
    const text = (await this.#output?.written("stderr"))?.toString().trim() ?? "";
    if (text === "") return end;
    // Without the guest's stack: the assertion says more.
    const [first = ""] = end.split("\n");
    return `${first}: ${text.slice(0, conformanceLimits.reasonCharsMax)}`;
  }

  #socket(id: string): Socket {
    const socket = this.#sockets.get(id);
    if (!socket) throw new Mismatch(`${id} is not connected`);
    return socket;
  }

  #closeSockets(): void {
    for (const socket of this.#sockets.values()) socket.destroy();
    this.#sockets.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closeSockets();
    if (this.#run && this.#run.ended() === undefined) {
      this.#runner.kill(this.#uid);
      await Promise.race([
        this.#run.end,
        new Promise((resolve) => setTimeout(resolve, conformanceLimits.endMs).unref()),
      ]);
    }
    await this.#attached?.[Symbol.asyncDispose]();
  }
}

/** Sockets tests bind to and connect to addresses of their own making, all of this machine. */
function networkOf({ proposals }: Specification): NetworkGrant {
  if (!proposals.includes("sockets")) return { allow: [], listeners: [] };
  const loopback = ["127.0.0.1", "::1"];
  // Its tests bind to addresses that no machine has, to hear that they can't.
  const anywhere = ["0.0.0.0", "::"];
  return {
    allow: loopback.map((host) => ({ host, port: 0 })),
    listeners: anywhere.map((address) => ({ name: `any-${address}`, address, port: 0 })),
  };
}

function describeEnd(end: RunEnd): string {
  switch (end.kind) {
    case "exited":
      return `exited with ${end.exitCode}`;
    case "stopped":
      return "was stopped";
    case "lost":
      return `lost: ${end.message}`;
    case "trapped":
    case "refused":
      return `${end.kind}: ${end.reason}: ${end.message}`;
    default:
      return assertNever(end, "end");
  }
}

function quoted(bytes: Buffer): string {
  return JSON.stringify(bytes.toString());
}
