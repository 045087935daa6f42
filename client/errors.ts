import { WherryError } from "../kit/errors.ts";

/** Why a call has no output. `code` is the reason, by which programs decide; the reasons are in docs/FUNCTIONS.md. */
export class FunctionCallError extends WherryError {
  readonly reason: string;
  /** Of FunctionError: what the function has returned; otherwise 0. */
  readonly functionCode: number;
  /** It has surely not begun, so it may be repeated. */
  readonly notBegun: boolean;

  constructor(reason: string, message: string, notBegun: boolean, functionCode = 0) {
    super(reason, message, { retryable: notBegun });
    this.name = "FunctionCallError";
    this.reason = reason;
    this.notBegun = notBegun;
    this.functionCode = functionCode;
  }
}
