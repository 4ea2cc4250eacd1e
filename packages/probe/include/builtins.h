/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Included before every source that skep builds. Declares what clang turns into instructions by itself, for
 * sources that use it without a declaration, as many BPF programs do: since clang 16 that is an error.
 */
#ifndef SKEP_BUILTINS_H
#define SKEP_BUILTINS_H

void *memcpy(void *to, const void *from, __SIZE_TYPE__ size);
void *memmove(void *to, const void *from, __SIZE_TYPE__ size);
void *memset(void *to, int byte, __SIZE_TYPE__ size);
int memcmp(const void *a, const void *b, __SIZE_TYPE__ size);

#endif /* SKEP_BUILTINS_H */
