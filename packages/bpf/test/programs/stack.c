// A program of known stacks: main calls outer, outer calls leaf by way of a library where there is one, and leaf
// prints where each of them returns to. Then it waits until its standard input ends.
#include <stdio.h>
#include <unistd.h>

#ifdef LIBRARY
int through_library(int (*call)(int), int n);
#else
static __attribute__((noinline)) int through_library(int (*call)(int), int n)
{
	return call(n) + 1;
}
#endif

static __attribute__((noinline)) int leaf(int n)
{
	unsigned long *frame = __builtin_frame_address(0);

	printf("%lx\n", (unsigned long)leaf + 4);
	for (int i = 0; i < 3; i++) {
		printf("%lx\n", frame[1]);
		frame = (unsigned long *)frame[0];
	}
	printf("end\n");
	fflush(stdout);
	return n + (int)read(0, &n, 1);
}

__attribute__((noinline)) int outer(int n)
{
	return through_library(leaf, n) + 1;
}

int main(int argc, char **argv)
{
	return outer(argc) > 1000;
}
