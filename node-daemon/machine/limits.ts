/** Every bound, threshold and period of what the daemon does with its machine, and why it is what it is. */
const secondMs = 1000;

export const confinementLimits = {
  /** Trying a tool: a process or two that do nothing. A loaded machine takes a second. */
  tryMs: 10 * secondMs,
  /** What a tool says when it fails is shown in a condition. */
  messageCharsMax: 300,
  /** Threads of a shim: the engine's, Node's pool of four, those for file systems that may block, and bubblewrap's processes. */
  tasksMax: 128,
} as const;
