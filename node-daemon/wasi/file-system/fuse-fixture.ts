import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, realpathSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** For tests: a folder whose file system (fuse-server.ts) can be made to hang. */
export class FuseMount implements AsyncDisposable {
  readonly folder: string;
  readonly #server: ChildProcess;

  private constructor(folder: string, server: ChildProcess) {
    this.folder = folder;
    this.#server = server;
  }

  /** Skips the test where no such file systems can be mounted. */
  static async mount(skip: (why: string) => never): Promise<FuseMount> {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), "wherry-fuse-")));
    const script = fileURLToPath(new URL("fuse-server.ts", import.meta.url));
    const server = spawn(process.execPath, [script, folder], { stdio: ["pipe", "pipe", "ignore"] });
    const mounted = await Promise.race([
      once(server.stdout, "data").then(() => true),
      once(server, "exit").then(() => false),
    ]);
    if (mounted) return new FuseMount(folder, server);
    rmdirSync(folder);
    return skip("no FUSE file system can be mounted here");
  }

  hang(): Promise<void> {
    return this.#tell("hang");
  }

  goOn(): Promise<void> {
    return this.#tell("go on");
  }

  async #tell(line: string): Promise<void> {
    this.#server.stdin?.write(`${line}\n`);
    if (this.#server.stdout) await once(this.#server.stdout, "data");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { exitCode } = this.#server;
    this.#server.stdin?.end();
    if (exitCode === null) await once(this.#server, "exit");
    spawnSync("umount", ["-l", this.folder], { stdio: "ignore" });
    rmdirSync(this.folder);
  }
}
