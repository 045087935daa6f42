// Original file: proto/wherry/v1/node.proto

import type { VolumeContent as _wherry_v1_VolumeContent, VolumeContent__Output as _wherry_v1_VolumeContent__Output } from '../../wherry/v1/VolumeContent.ts';

export interface Template {
  'id'?: (string);
  'specJson'?: (Buffer | Uint8Array | string);
  'contents'?: (_wherry_v1_VolumeContent)[];
  'contentsId'?: (string);
}

export interface Template__Output {
  'id': (string);
  'specJson': (Buffer);
  'contents': (_wherry_v1_VolumeContent__Output)[];
  'contentsId': (string);
}
