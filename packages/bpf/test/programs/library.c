__attribute__((noinline)) int through_library(int (*call)(int), int n)
{
	return call(n) + 1;
}
