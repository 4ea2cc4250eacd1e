// SPDX-License-Identifier: Apache-2.0
/*
 * The source of events: calls getpgid(n), which nothing else on a machine does, as often as it is told.
 *
 *     generator COUNT [RATE [SETS]]
 *
 * COUNT calls, RATE a second (0: as fast as it can), the argument running through SETS values. It spins between two
 * calls, so that the distance between events is even and the reader's wake-ups are not those of a batch. Its name is
 * skepgen, which the probes filter by. Prints {"sent":…,"ns":…}: the calls made and the time they took.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static unsigned long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

int main(int argc, char **argv)
{
	unsigned long count = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
	double rate = argc > 2 ? strtod(argv[2], NULL) : 0;
	unsigned long sets = argc > 3 ? strtoul(argv[3], NULL, 10) : 16;
	double gap = rate > 0 ? 1e9 / rate : 0;
	unsigned long long start, end;

	if (!count || !sets) {
		fprintf(stderr, "usage: generator COUNT [RATE [SETS]]\n");
		return 2;
	}
	prctl(PR_SET_NAME, "skepgen");
	start = now();
	for (unsigned long i = 0; i < count; i++) {
		if (gap > 0) {
			unsigned long long due = start + (unsigned long long)(gap * i);

			while (now() < due)
				;
		}
		syscall(SYS_getpgid, 1000000000 + i % sets);
	}
	end = now();
	printf("{\"sent\":%lu,\"ns\":%llu}\n", count, end - start);
	return 0;
}
