/** Helpers that change what the program looks at, by number (uapi/linux/bpf.h). */
export const CHANGING_HELPERS: ReadonlyMap<number, string> = new Map([
  [9, 'bpf_skb_store_bytes'],
  [10, 'bpf_l3_csum_replace'],
  [11, 'bpf_l4_csum_replace'],
  [13, 'bpf_clone_redirect'],
  [18, 'bpf_skb_vlan_push'],
  [19, 'bpf_skb_vlan_pop'],
  [21, 'bpf_skb_set_tunnel_key'],
  [23, 'bpf_redirect'],
  [30, 'bpf_skb_set_tunnel_opt'],
  [31, 'bpf_skb_change_proto'],
  [32, 'bpf_skb_change_type'],
  [36, 'bpf_probe_write_user'],
  [38, 'bpf_skb_change_tail'],
  [40, 'bpf_csum_update'],
  [41, 'bpf_set_hash_invalid'],
  [43, 'bpf_skb_change_head'],
  [44, 'bpf_xdp_adjust_head'],
  [48, 'bpf_set_hash'],
  [49, 'bpf_setsockopt'],
  [50, 'bpf_skb_adjust_room'],
  [51, 'bpf_redirect_map'],
  [52, 'bpf_sk_redirect_map'],
  [53, 'bpf_sock_map_update'],
  [54, 'bpf_xdp_adjust_meta'],
  [58, 'bpf_override_return'],
  [60, 'bpf_msg_redirect_map'],
  [61, 'bpf_msg_apply_bytes'],
  [62, 'bpf_msg_cork_bytes'],
  [63, 'bpf_msg_pull_data'],
  [64, 'bpf_bind'],
  [65, 'bpf_xdp_adjust_tail'],
  [70, 'bpf_sock_hash_update'],
  [71, 'bpf_msg_redirect_hash'],
  [72, 'bpf_sk_redirect_hash'],
  [73, 'bpf_lwt_push_encap'],
  [74, 'bpf_lwt_seg6_store_bytes'],
  [75, 'bpf_lwt_seg6_adjust_srh'],
  [76, 'bpf_lwt_seg6_action'],
  [77, 'bpf_rc_repeat'],
  [78, 'bpf_rc_keydown'],
  [82, 'bpf_sk_select_reuseport'],
  [90, 'bpf_msg_push_data'],
  [91, 'bpf_msg_pop_data'],
  [92, 'bpf_rc_pointer_rel'],
  [97, 'bpf_skb_ecn_set_ce'],
  [104, 'bpf_sysctl_set_new_value'],
  [109, 'bpf_send_signal'],
  [116, 'bpf_tcp_send_ack'],
  [117, 'bpf_send_signal_thread'],
  [124, 'bpf_sk_assign'],
  [143, 'bpf_store_hdr_opt'],
  [144, 'bpf_reserve_hdr_opt'],
  [152, 'bpf_redirect_neigh'],
  [155, 'bpf_redirect_peer'],
  [159, 'bpf_bprm_opts_set'],
  [166, 'bpf_sys_bpf'],
  [168, 'bpf_sys_close'],
  [187, 'bpf_set_retval'],
  [190, 'bpf_xdp_store_bytes'],
  [192, 'bpf_skb_set_tstamp'],
]);

/** `bpf_dynptr_write` changes a packet where the dynptr is of one, else only memory of the program's own. */
export const DYNPTR_WRITE = 202;

/**
 * Kernel functions that only look, or only touch what is the program's own; any other counts as changing something.
 * Names are whole or, with `*`, begin so.
 */
export const LOOKING_KFUNCS: readonly string[] = [
  'bpf_rcu_read_*',
  'bpf_preempt_*',
  'bpf_local_irq_*',
  'bpf_res_spin_*',
  'bpf_task_acquire',
  'bpf_task_release',
  'bpf_task_from_*',
  'bpf_task_under_cgroup',
  'bpf_task_get_cgroup1',
  'bpf_cgroup_*',
  'cgroup_rstat_*',
  'bpf_cast_to_kern_ctx',
  'bpf_rdonly_cast',
  'bpf_obj_*',
  'bpf_percpu_obj_*',
  'bpf_refcount_*',
  'bpf_list_*',
  'bpf_rbtree_*',
  'bpf_iter_*',
  'bpf_dynptr_from_*',
  'bpf_dynptr_slice',
  'bpf_dynptr_size',
  'bpf_dynptr_is_*',
  'bpf_dynptr_adjust',
  'bpf_dynptr_clone',
  'bpf_cpumask_*',
  'bpf_get_*',
  'bpf_str*',
  'bpf_copy_from_user*',
  'bpf_probe_read_*',
  'bpf_arena_*',
  'bpf_wq_*',
  'bpf_throw',
  'bpf_path_d_path',
  'bpf_in_*',
  'bpf_session_*',
  'bpf_xdp_metadata_*',
  'bpf_xdp_get_xfrm_state',
  'bpf_skb_get_*',
  'bpf_sk_release',
  'bpf_skb_ct_lookup',
  'bpf_xdp_ct_lookup',
  'bpf_ct_release',
  'bpf_crypto_ctx_acquire',
  'bpf_crypto_ctx_release',
  'bpf_lookup_*key',
  'bpf_key_put',
  'bpf_map_sum_elem_count',
  'bpf_stream_*',
];

/** What a program of a kind may return without changing what happens: name and number of each. */
export interface Verdicts {
  /** Low 32 bits of the return values that let everything go on as it would. */
  readonly passing: ReadonlySet<number>;
  /** Names of the values a program of this kind can return. */
  readonly names: Readonly<Record<number, string>>;
  /** What returning something else does. */
  readonly effect: string;
}

const verdicts = (
  passing: readonly number[],
  effect: string,
  names: Readonly<Record<number, string>> = {},
): Verdicts => ({ passing: new Set(passing), names, effect });

const tc = verdicts([0, 3, 0xffffffff], 'drop or redirect packets', {
  2: 'TC_ACT_SHOT',
  4: 'TC_ACT_STOLEN',
  5: 'TC_ACT_QUEUED',
  7: 'TC_ACT_REDIRECT',
  8: 'TC_ACT_TRAP',
});
const cgroup = verdicts([1], 'forbid what the cgroup does', { 0: 'forbidden' });

/** Kinds whose return value decides something. */
export const VERDICTS: Readonly<Record<string, Verdicts>> = {
  xdp: verdicts([2], 'drop, send back or redirect packets', {
    0: 'XDP_ABORTED',
    1: 'XDP_DROP',
    3: 'XDP_TX',
    4: 'XDP_REDIRECT',
  }),
  tc,
  netkit: { ...tc, passing: new Set([0, 0xffffffff]) },
  cgroup_skb: verdicts([1], 'drop packets', { 0: 'drop' }),
  cgroup,
  lsm_cgroup: cgroup,
  lsm: verdicts([0], 'forbid what it is asked about'),
  fmod_ret: verdicts([0], 'keep the function from running'),
  sk_lookup: verdicts([1], 'refuse connections', { 0: 'SK_DROP' }),
  flow_dissector: verdicts([129], 'decide how packets are spread'),
  netfilter: verdicts([1], 'drop packets', { 0: 'NF_DROP' }),
};
