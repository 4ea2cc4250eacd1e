/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Included before every source that skep builds. Declares what clang turns into instructions by itself, for
 * sources that use it without a declaration, as many BPF programs do: since clang 16 that is an error. And names that
 * libbpf's own headers have since version 1.2, word for word as there, so that both may stand in one source.
 */
#ifndef SKEP_BUILTINS_H
#define SKEP_BUILTINS_H

void *memcpy(void *to, const void *from, __SIZE_TYPE__ size);
void *memmove(void *to, const void *from, __SIZE_TYPE__ size);
void *memset(void *to, int byte, __SIZE_TYPE__ size);
int memcmp(const void *a, const void *b, __SIZE_TYPE__ size);

#define BPF_UPROBE(name, args...) BPF_KPROBE(name, ##args)
#define BPF_URETPROBE(name, args...) BPF_KRETPROBE(name, ##args)

#endif /* SKEP_BUILTINS_H */
