import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { FileOperations } from "./file-system/operations.ts";
import { ListingCache } from "./preview1.ts";
import { Guest, Sandbox } from "./test-support.ts";

export const secret = "not for guests";

/** A guest with one mount (descriptor 3), its folder on the host, and a secret beside it. */
export class MountedGuest implements Disposable {
  readonly sandbox = new Sandbox();
  readonly guest: Guest;

  constructor(
    options: {
      readonly readOnly?: boolean;
      readonly openFilesMax?: number;
      readonly hostDescriptorsMax?: number;
      readonly listings?: ListingCache;
      /** How the mount is served; as a local one if absent. */
      readonly files?: FileOperations;
    } = {},
  ) {
    const { sandbox } = this;
    mkdirSync(sandbox.mount);
    mkdirSync(sandbox.outside);
    writeFileSync(join(sandbox.outside, "secret"), secret);
    const directory = sandbox.capability(sandbox.mount, options.files);
    sandbox.host.preopens = [{ guestPath: "/", directory, readOnly: options.readOnly ?? false }];
    const { openFilesMax = 64, hostDescriptorsMax = 100_000 } = options;
    sandbox.host.listings = options.listings ?? new ListingCache();
    sandbox.host.limits = { openFilesMax, hostDescriptorsMax };
    this.guest = new Guest(sandbox.host);
  }

  /** The host's path of something in the mount. */
  path(...parts: readonly string[]): string {
    return join(this.sandbox.mount, ...parts);
  }

  file(name: string, content: string): void {
    mkdirSync(join(this.path(name), ".."), { recursive: true });
    writeFileSync(this.path(name), content);
  }

  text(name: string): string {
    return readFileSync(this.path(name), "utf8");
  }

  [Symbol.dispose](): void {
    this.guest[Symbol.dispose]();
    this.sandbox[Symbol.dispose]();
  }
}
