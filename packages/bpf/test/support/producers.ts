/**
 * A ring and a perf buffer with programs that fill them in a test run: `args[0]` records, numbered from 0, at most
 * 10,000. bpf_loop would be shorter, and is not in Linux 5.10; hundreds in a function that is verified by itself keep
 * the verifier's work small.
 */
export const producers = `
struct event { __u32 key; __u32 pad; __u64 n; };
struct wide { __u64 n; __u64 inverse; __u64 key; }; // 40 bytes as a perf record: pages are no multiple of that
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 65536); __type(value, struct event); } ring SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY); __type(value, struct wide); } perf SEC(".maps");
__u64 sent = 0, refused = 0;

static __always_inline void to_ring(__u32 i) {
  struct event *e = bpf_ringbuf_reserve(&ring, sizeof *e, 0);
  if (!e) { refused++; return; }
  e->key = i & 15; e->pad = 0; e->n = sent++;
  if (i % 5 == 4) bpf_ringbuf_discard(e, BPF_RB_NO_WAKEUP); else bpf_ringbuf_submit(e, 0);
}
__noinline int hundred_to_ring(__u32 from, __u32 n) {
  for (__u32 i = 0; i < 100 && from + i < n; i++) to_ring(from + i);
  return 0;
}
SEC("raw_tp") int fill_ring(struct bpf_raw_tracepoint_args *ctx) {
  __u32 n = ctx->args[0];
  for (__u32 from = 0; from < 10000 && from < n; from += 100) hundred_to_ring(from, n);
  return 0;
}

static __always_inline void to_perf(struct bpf_raw_tracepoint_args *ctx, __u32 i) {
  struct wide e = { .n = sent, .inverse = ~sent, .key = i };
  sent++;
  if (bpf_perf_event_output(ctx, &perf, BPF_F_CURRENT_CPU, &e, sizeof e)) refused++;
}
__noinline int hundred_to_perf(struct bpf_raw_tracepoint_args *ctx, __u32 from, __u32 n) {
  for (__u32 i = 0; i < 100 && from + i < n; i++) to_perf(ctx, from + i);
  return 0;
}
SEC("raw_tp") int fill_perf(struct bpf_raw_tracepoint_args *ctx) {
  __u32 n = ctx->args[0];
  for (__u32 from = 0; from < 10000 && from < n; from += 100) hundred_to_perf(ctx, from, n);
  return 0;
}`;
