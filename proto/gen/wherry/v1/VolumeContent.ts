// Original file: proto/wherry/v1/node.proto

import type { FileContent as _wherry_v1_FileContent, FileContent__Output as _wherry_v1_FileContent__Output } from '../../wherry/v1/FileContent.ts';

export interface VolumeContent {
  'volume'?: (string);
  'files'?: (_wherry_v1_FileContent)[];
  'secret'?: (boolean);
}

export interface VolumeContent__Output {
  'volume': (string);
  'files': (_wherry_v1_FileContent__Output)[];
  'secret': (boolean);
}
