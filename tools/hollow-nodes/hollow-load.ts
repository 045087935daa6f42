/** What hollow instances are pretended to do, as a function of time: the same on all nodes at the same moment. */
export interface HollowLoad {
  /** Of each instance, on average. */
  readonly cpuMillis: number;
  readonly memoryBytes: number;
  /** That arrive at the node's gateway for each instance of a workload there, on average. 0: it has no traffic. */
  readonly requestsPerSecond: number;
  /** How long each request is in flight. */
  readonly answerMs: number;
  /** The load goes up to twice and down to nothing, once within this time. 0: it stays. */
  readonly waveMs: number;
}

/** What a sleeping guest of our own uses: some tens of microseconds a second, and a page of memory. */
export const sleepingLoad: HollowLoad = {
  cpuMillis: 0.05,
  memoryBytes: 65_536,
  requestsPerSecond: 0,
  answerMs: 20,
  waveMs: 0,
};

/** From 0 to 2, and 1 on average. */
export function levelAt({ waveMs }: HollowLoad, atMs: number): number {
  return waveMs > 0 ? 1 + Math.sin((2 * Math.PI * atMs) / waveMs) : 1;
}

/** How much there was to do between two times: the milliseconds, if the load stays. */
export function workBetween({ waveMs }: HollowLoad, fromMs: number, toMs: number): number {
  if (toMs <= fromMs) return 0;
  if (waveMs === 0) return toMs - fromMs;
  const turn = (2 * Math.PI) / waveMs;
  return Math.max(0, toMs - fromMs + (Math.cos(turn * fromMs) - Math.cos(turn * toMs)) / turn);
}
