// Original file: proto/wherry/v1/node.proto


// Original file: proto/wherry/v1/node.proto

export const _wherry_v1_Module_State = {
  STATE_UNSPECIFIED: 'STATE_UNSPECIFIED',
  STATE_GONE: 'STATE_GONE',
  STATE_FETCHED: 'STATE_FETCHED',
  STATE_PREPARED: 'STATE_PREPARED',
} as const;

export type _wherry_v1_Module_State =
  | 'STATE_UNSPECIFIED'
  | 0
  | 'STATE_GONE'
  | 1
  | 'STATE_FETCHED'
  | 2
  | 'STATE_PREPARED'
  | 3

export type _wherry_v1_Module_State__Output = typeof _wherry_v1_Module_State[keyof typeof _wherry_v1_Module_State]

export interface Module {
  'image'?: (string);
  'state'?: (_wherry_v1_Module_State);
}

export interface Module__Output {
  'image': (string);
  'state': (_wherry_v1_Module_State__Output);
}
