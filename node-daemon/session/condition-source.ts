/** Where a session gets the node's conditions from: all of them, whenever one has changed and at the beginning. */
export interface ReportedCondition {
  /** CamelCase, as Kubernetes names it where it has it. */
  readonly type: string;
  readonly status: boolean;
  /** CamelCase. */
  readonly reason: string;
  readonly message: string;
  /** When `status` became what it is. */
  readonly transitionMs: number;
}

export interface ConditionSource {
  conditions(): readonly ReportedCondition[];
  /** One listener: the session that there is. */
  onChange(listener: () => void): void;
}
