/** What vmlinux.h gives a program, as far as libbpf's bpf_helpers.h asks for it. */
export const PRELUDE = `
typedef unsigned char __u8; typedef unsigned short __u16; typedef unsigned int __u32; typedef unsigned long long __u64;
typedef int __s32; typedef long long __s64; typedef __u16 __be16; typedef __u32 __be32; typedef __u32 __wsum; typedef __u16 __sum16;
enum { BPF_MAP_TYPE_HASH = 1, BPF_MAP_TYPE_PROG_ARRAY = 3, BPF_MAP_TYPE_BLOOM_FILTER = 30 };
#include <bpf/bpf_helpers.h>
`;
