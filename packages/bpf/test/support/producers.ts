/** A ring and a perf buffer with programs that fill them in a test run: `args[0]` records, numbered from 0. */
export const producers = `
struct event { __u32 key; __u32 pad; __u64 n; };
struct wide { __u64 n; __u64 inverse; __u64 key; }; // 40 bytes as a perf record: pages are no multiple of that
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 65536); __type(value, struct event); } ring SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY); __type(value, struct wide); } perf SEC(".maps");
__u64 sent = 0, refused = 0;

static long to_ring(__u32 i, void *unused) {
  struct event *e = bpf_ringbuf_reserve(&ring, sizeof *e, 0);
  if (!e) { refused++; return 0; }
  e->key = i & 15; e->pad = 0; e->n = sent++;
  if (i % 5 == 4) bpf_ringbuf_discard(e, BPF_RB_NO_WAKEUP); else bpf_ringbuf_submit(e, 0);
  return 0;
}
SEC("raw_tp") int fill_ring(struct bpf_raw_tracepoint_args *ctx) { bpf_loop(ctx->args[0], to_ring, 0, 0); return 0; }

static long to_perf(__u32 i, void *ctx) {
  struct wide e = { .n = sent, .inverse = ~sent, .key = i };
  sent++;
  if (bpf_perf_event_output(*(void **)ctx, &perf, BPF_F_CURRENT_CPU, &e, sizeof e)) refused++;
  return 0;
}
SEC("raw_tp") int fill_perf(struct bpf_raw_tracepoint_args *ctx) {
  void *p = ctx; __u64 n = ctx->args[0];
  bpf_loop(n, to_perf, &p, 0);
  return 0;
}`;
