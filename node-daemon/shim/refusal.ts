/** Leaves the preparation of an instance; `Instance.host` catches it. */
export class Refusal extends Error {
  readonly reason: string;
  readonly retryable: boolean;

  constructor(reason: string, message: string, retryable: boolean) {
    super(message);
    this.reason = reason;
    this.retryable = retryable;
  }
}
