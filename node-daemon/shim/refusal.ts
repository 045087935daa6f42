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

export function memoryLimitTooSmall(neededBytes: number, allowedBytes: number): Refusal {
  return new Refusal(
    "MemoryLimitTooSmall",
    `the module needs ${neededBytes} bytes of memory to start, its limit is ${allowedBytes}: set ` +
      `resources.limits.memory to ${Math.ceil(neededBytes / 2 ** 20)}Mi or more`,
    false,
  );
}
