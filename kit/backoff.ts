export interface BackoffLimits {
  readonly initialMs: number;
  readonly factor: number;
  readonly maxMs: number;
}

/**
 * How long to wait before attempt `attempt` (0 = the first retry). Pure: the same arguments give the same
 * delay, and no attempt number overflows. Jitter, where wanted, is the caller's through {@link jittered}.
 */
export function backoffMs(attempt: number, limits: BackoffLimits): number {
  const delay = limits.initialMs * limits.factor ** Math.max(0, attempt);
  return Number.isFinite(delay) ? Math.min(delay, limits.maxMs) : limits.maxMs;
}

/** Spreads a delay over [delay/2, delay], so that many clients of one server do not return in step. */
export function jittered(delayMs: number, fraction: number): number {
  return delayMs / 2 + (delayMs / 2) * fraction;
}
