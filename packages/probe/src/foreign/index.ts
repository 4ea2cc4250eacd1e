export { unpackBpfman } from './unpack-bpfman.ts';
export { unpackGadget } from './unpack-gadget.ts';
