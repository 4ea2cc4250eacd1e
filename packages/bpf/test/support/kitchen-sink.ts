/** A BPF object with every kind of type, map declaration and global that the readers must take. */
export const KITCHEN_SINK = `
typedef unsigned char __u8; typedef unsigned short __u16; typedef unsigned int __u32;
typedef unsigned long long __u64; typedef long long __s64; typedef int __s32;
typedef __u32 ipv4_addr;
#define SEC(n) __attribute__((section(n), used))
#define __uint(name, val) int (*name)[val]
#define __type(name, val) typeof(val) *name
#define __array(name, val) typeof(val) *name[]
#define TAG(t) __attribute__((btf_decl_tag(t)))
#define TTAG(t) __attribute__((btf_type_tag(t)))

enum color { RED, GREEN = 5, NEGATIVE = -3 };
union either { __u32 word; __u8 bytes[4]; };
struct opaque;
typedef int (*callback)(struct opaque *, const char *fmt, ...);
struct event {
  __u32 pid TAG("skep:label") TAG("skep:help=the process – täglich");
  ipv4_addr addr;
  __u64 bytes;
  __u32 count;
  char comm[16];
  struct { __u16 x; __u8 y; };
  union either u;
  enum color color;
  _Bool ok;
  unsigned int low : 3;
  int high : 7;
  const volatile struct event *self;
  struct opaque *hidden;
  callback call;
  int TTAG("user") *tagged;
  double ratio;
  __s64 matrix[2][3];
  const char *const *restrict names;
  int (*rows)[4];
  int *cells[4];
};
struct key { __u32 a; __u64 b; };

struct { __uint(type, 27); __uint(max_entries, 4096); __type(value, struct event); } print_events SEC(".maps") TAG("skep:help=events");
struct { __uint(type, 1); __uint(max_entries, 128); __type(key, struct key); __type(value, __u64); __uint(map_flags, 1); __uint(pinning, 1); } counter_calls SEC(".maps");
struct { __uint(type, 4); __uint(key_size, 4); __uint(value_size, 4); } perf SEC(".maps");
struct inner { __uint(type, 2); __uint(max_entries, 7); __type(key, __u32); __type(value, struct key); } first SEC(".maps");
struct { __uint(type, 12); __uint(max_entries, 3); __uint(key_size, 4); __array(values, struct inner); } outer SEC(".maps") = { .values = { [1] = &first } };

const volatile __u32 target_pid TAG("skep:help=only this process") = 77;
const volatile char target_comm[16] = "cat";
static const volatile __u16 hidden_limit = 9;
__u64 hits;
__u64 started = 5;
static __u32 local_counter = 3;

static long (*reserve)(void *, __u64, __u64) = (void *)131;
static void (*submit)(void *, __u64) = (void *)132;
static __u64 (*pid_tgid)(void) = (void *)14;

static __attribute__((noinline)) int bump(__u32 by) { local_counter += by; return local_counter; }

SEC("tracepoint/syscalls/sys_enter_getpid")
int on_getpid(void *ctx)
{
  struct event *e = (void *)reserve(&print_events, sizeof(*e), 0);
  if (!e)
    return 0;
  e->pid = pid_tgid() >> 32;
  if (e->pid == target_pid)
    hits++;
  e->count = bump(hidden_limit) + target_comm[0];
  submit(e, 0);
  return 0;
}

SEC("raw_tp/sys_enter")
int on_enter(void *ctx)
{
  started = hits + 1;
  return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
`;
