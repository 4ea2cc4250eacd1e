// SPDX-License-Identifier: Apache-2.0
// Resident memory: gives back the pages of Node's own program file that only its start needed.
//
// Node's file has 120 MB; starting touches 45 MB of it, and the kernel maps 64 KiB around each touch. A run that lasts
// for days needs a few of those. They are clean pages of a file: dropping them from this process loses nothing, and
// one that is needed again comes from the page cache in a microsecond.
//
// And what malloc holds without using it: glibc keeps an arena a thread, and of a burst of large buffers (an answer of
// /metrics, a batch of spans) what lies below the last that is still used.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "skep_bpf.h"

#include <inttypes.h>
#include <link.h>
#include <malloc.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

struct drop {
	FILE *maps;
	double bytes;
};

/* Only what is still mapped from a file: with --use-largepages Node puts its code into memory of its own, and pages
 * dropped there come back as zeros. */
static void drop_range(struct drop *drop, uintptr_t from, uintptr_t to)
{
	char line[512];

	rewind(drop->maps);
	while (fgets(line, sizeof(line), drop->maps)) {
		uintptr_t start, end;
		char perms[5];
		unsigned long inode;

		if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s %*s %*s %lu", &start, &end, perms, &inode) != 4)
			continue; /* the rest of a long path */
		start = start > from ? start : from;
		end = end < to ? end : to;
		if (start < end && inode && perms[1] != 'w' && madvise((void *)start, end - start, MADV_DONTNEED) == 0)
			drop->bytes += end - start;
	}
}

/* Only segments that were never writable: relocated pages (relro) are our own and would come back unrelocated. */
static int drop_program(struct dl_phdr_info *info, size_t size, void *drop)
{
	uintptr_t page = sysconf(_SC_PAGESIZE);

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uintptr_t from = (info->dlpi_addr + p->p_vaddr) & -page;
		uintptr_t to = (info->dlpi_addr + p->p_vaddr + p->p_memsz) & -page;

		if (p->p_type == PT_LOAD && !(p->p_flags & PF_W))
			drop_range(drop, from, to);
	}
	return 1; /* the program itself comes first, and is all we want */
}

/* releaseMemory() -> bytes of the program's address space whose pages were dropped */
static napi_value releaseMemory(napi_env env, napi_callback_info info)
{
	struct drop drop = { .maps = fopen("/proc/self/maps", "re") };

	(void)info;
	if (drop.maps) {
		dl_iterate_phdr(drop_program, &drop);
		fclose(drop.maps);
	}
	malloc_trim(0);
	return js_number(env, drop.bytes);
}

void resident_exports(napi_env env, napi_value exports)
{
	EXPORT(env, exports, releaseMemory);
}
