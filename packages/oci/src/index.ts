export { OciError, type OciErrorCode, type OciErrorDetails } from './errors.ts';
export { type Document, isDescriptor, parseDocument } from './manifest.ts';
export { choosePlatform, formatPlatform, machinePlatform, parsePlatform } from './platform.ts';
export {
  formatReference,
  isDigest,
  isLocal,
  parseReference,
  type Reference,
  withDefaultTag,
} from './reference.ts';
export { type PutImageOptions, Store } from './store/store.ts';
export {
  CREATED,
  type Descriptor,
  type Index,
  type Manifest,
  MEDIA_TYPE,
  type Platform,
  REF_NAME,
  type StoredImage,
} from './types.ts';
