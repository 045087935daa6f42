/** One thing that is true or false of this machine, as Kubernetes words conditions of nodes. */
export interface NodeCondition {
  /** CamelCase. */
  readonly type: string;
  readonly status: boolean;
  /** CamelCase; why it is so. */
  readonly reason: string;
  /** For people; of a false confinement condition, what to install or allow. */
  readonly message: string;
}
