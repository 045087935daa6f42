import type { Errno } from "../abi.ts";
import type { StreamFailure } from "../host.ts";

/** Why the stream of a file broke: `filesystem-error-code` tells it from the failure of any other stream. */
export class FileFailure implements StreamFailure {
  readonly errno: Errno;

  constructor(code: Errno) {
    this.errno = code;
  }
}
