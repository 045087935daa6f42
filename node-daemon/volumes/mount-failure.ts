/** Ends the resolution of one instance's mounts early; never leaves this folder. */
export class MountFailure extends Error {
  readonly reason: string;
  readonly retryable: boolean;

  constructor(reason: string, message: string, options: { readonly retryable: boolean }) {
    super(message);
    this.reason = reason;
    this.retryable = options.retryable;
  }
}
