/** One instance as the scheduler decided it. Kept and sent back whole: a new scheduler rebuilds its state from it. */
export interface NodeAssignment {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly owner: { readonly kind: string; readonly name: string; readonly uid: string };
  readonly templateId: string;
  readonly templateHash: string;
  readonly cpuMillis: number;
  readonly memoryBytes: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly slot: { readonly index: number; readonly attempt: number } | undefined;
  readonly createdMs: number;
  /** 0: without a limit. The daemon takes limits from the template; these are for the scheduler's quotas. */
  readonly cpuLimitMillis: number;
  readonly memoryLimitBytes: number;
  readonly hasDeadline: boolean;
  /** Of its PriorityClass; 0 without one. */
  readonly priority: number;
  /** The class, for the scheduler's quotas. */
  readonly priorityClass: string;
  /** As its template asks for, as text: it is only sent back. */
  readonly isolation: string;
  /** The scheduler's own JSON: it is only sent back. */
  readonly claimsJson: string;
  /** The scheduler's as well: that this was made for this node. */
  readonly proof: string;
  /** The trace that its start is part of (W3C Trace Context); empty: none. */
  readonly traceparent: string;
}

export interface VolumeContent {
  readonly volume: string;
  readonly secret: boolean;
  readonly files: readonly { readonly path: string; readonly data: Uint8Array }[];
}

export interface NodeTemplate {
  readonly id: string;
  readonly specJson: Uint8Array;
  readonly contents: readonly VolumeContent[];
  /** Names the contents. Empty: there are none, or they are a part of what `id` names and never change. */
  readonly contentsId: string;
}

/** The files of a template as they are from now on. Volumes that are not named keep theirs. */
export type TemplateContents = Pick<NodeTemplate, "contents" | "contentsId"> & {
  readonly templateId: string;
};
