/**
 * Whether a typedef is the kernel's name for a number as it goes over a network, its most significant byte first: `__be16`,
 * `__be32`, `__be64` (include/uapi/linux/types.h).
 */
export function isNetworkOrder(typedefName: string): boolean {
  return /^__be(16|32|64)$/.test(typedefName);
}
