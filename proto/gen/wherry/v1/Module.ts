// Original file: proto/wherry/v1/node.proto


// Original file: proto/wherry/v1/node.proto

export const _wherry_v1_Module_State = {
  GONE: 'GONE',
  FETCHED: 'FETCHED',
  PREPARED: 'PREPARED',
} as const;

export type _wherry_v1_Module_State =
  | 'GONE'
  | 0
  | 'FETCHED'
  | 1
  | 'PREPARED'
  | 2

export type _wherry_v1_Module_State__Output = typeof _wherry_v1_Module_State[keyof typeof _wherry_v1_Module_State]

export interface Module {
  'image'?: (string);
  'state'?: (_wherry_v1_Module_State);
}

export interface Module__Output {
  'image': (string);
  'state': (_wherry_v1_Module_State__Output);
}
