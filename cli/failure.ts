import { WherryError } from "../kit/errors.ts";

/** A failure whose message is written for the user and printed as it is, without a stack. */
export class Failure extends WherryError {
  constructor(message: string, options: { readonly cause?: unknown } = {}) {
    super("CommandFailed", message, options);
    this.name = "Failure";
  }
}

/** Each problem was printed where it arose; only the exit code is left to set. */
export class AlreadyReported extends WherryError {
  constructor() {
    super("AlreadyReported", "the command failed; the reasons were printed before");
    this.name = "AlreadyReported";
  }
}

/** No failure: what the command found out is told by its exit code, too. */
export class Answered extends WherryError {
  readonly exitCode: number;

  constructor(exitCode: number) {
    super("Answered", `the answer is the exit code ${exitCode}`);
    this.name = "Answered";
    this.exitCode = exitCode;
  }
}
