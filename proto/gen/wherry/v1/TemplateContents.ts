// Original file: proto/wherry/v1/node.proto

import type { VolumeContent as _wherry_v1_VolumeContent, VolumeContent__Output as _wherry_v1_VolumeContent__Output } from '../../wherry/v1/VolumeContent.ts';

export interface TemplateContents {
  'templateId'?: (string);
  'contentsId'?: (string);
  'contents'?: (_wherry_v1_VolumeContent)[];
}

export interface TemplateContents__Output {
  'templateId': (string);
  'contentsId': (string);
  'contents': (_wherry_v1_VolumeContent__Output)[];
}
