/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * skep_params.h: what the user of a probe may set, part of skep.h.
 *
 * A parameter is set before the program is loaded: by `--min-latency 5ms` behind the image, `--set min_latency=5ms`,
 * SKEP_SET_MIN_LATENCY, a file (--params), or the image's own skep.yaml. The verifier knows its value as a constant
 * and drops what it rules out, so that an unset parameter costs nothing.
 *
 *     SKEP_PARAM(duration_ns, min_latency, 0, "only what took at least this long");
 *     SKEP_PARAM_RANGE(__u32, sample, 1, 1, 1000, "one of this many");
 *     SKEP_PARAM_PORTS(ports, 64, "only these remote ports");
 *     ...
 *     if (!skep_in(ports, dport))
 *         return 0;
 */
#ifndef SKEP_PARAMS_H
#define SKEP_PARAMS_H

#ifndef SKEP_H
#error "skep_params.h is part of skep.h: include that"
#endif

#define SKEP_PARAM(type, name, value, text) const volatile type name SKEP_HELP(text) = value

/* A text of at most size - 1 bytes, empty unless set. */
#define SKEP_PARAM_STRING(name, size, text) \
	const volatile char name[size] __attribute__((aligned(8))) SKEP_HELP(text) = ""

/* Values outside of the range are refused before loading. Its ends are written as a user would write them, `1ms` too,
 * and are never compiled; the default is C, and lies within. */
#define SKEP_PARAM_RANGE(type, name, value, least, most, text) \
	const volatile type name SKEP_HELP(text) SKEP_RANGE(least, most) = value
#define SKEP_RANGE(least, most) SKEP_TAG("range=" SKEP_TEXT(least) ".." SKEP_TEXT(most))
#define SKEP_TEXT(...) SKEP_TEXT_OF(__VA_ARGS__)
#define SKEP_TEXT_OF(...) #__VA_ARGS__

/*
 * Lists: any number of values, `--ports 80,443,8000-8010`. They fill a map of the parameter's name, which the runtime
 * makes as large as the list is; `entries` is its size under any other loader. Two constants spare the map its look-up:
 * how many values there are (none: everything passes) and the only one.
 */
#define SKEP_PARAM_LIST(name, key_type, entries, text)                                  \
	const volatile key_type __##name##_only __attribute__((aligned(8))) = { 0 };    \
	SKEP_LIST_MAP(name, BPF_MAP_TYPE_HASH, key_type, entries, 0, text)

#define SKEP_LIST_MAP(name, kind, key_type, entries, flags, text)                       \
	const volatile __u32 __##name##_count = 0;                                      \
	struct {                                                                        \
		__uint(type, kind);                                                     \
		__uint(max_entries, entries);                                           \
		__uint(map_flags, flags);                                               \
		__type(key, key_type);                                                  \
		__type(value, __u8);                                                    \
	} name SEC(".maps") SKEP_TAG("list") SKEP_HELP(text)

typedef char skep_comm_t[16]; /* as bpf_get_current_comm() writes it */

/* Addresses below a prefix, IPv4 mapped: 10.0.0.0/8 is ::ffff:10.0.0.0/104. */
struct skep_cidr {
	__u32 prefix;
	ip_addr address;
};

#define SKEP_PARAM_PIDS(name, entries, text) SKEP_PARAM_LIST(name, __u32, entries, text) SKEP_RANGE(1, 4194304)
#define SKEP_PARAM_PORTS(name, entries, text) SKEP_PARAM_LIST(name, __u16, entries, text) SKEP_RANGE(1, 65535)
#define SKEP_PARAM_USERS(name, entries, text) SKEP_PARAM_LIST(name, user_id_t, entries, text)
#define SKEP_PARAM_COMMS(name, entries, text) SKEP_PARAM_LIST(name, skep_comm_t, entries, text)
#define SKEP_PARAM_CGROUPS(name, entries, text) SKEP_PARAM_LIST(name, cgroup_id_t, entries, text)
#define SKEP_PARAM_CIDRS(name, entries, text) \
	SKEP_LIST_MAP(name, BPF_MAP_TYPE_LPM_TRIE, struct skep_cidr, entries, BPF_F_NO_PREALLOC, text)

/* Was nothing listed? */
#define skep_any(name) (__##name##_count == 0)

/* Is the value one of the list's? */
#define skep_listed(name, value)                                                        \
	({                                                                              \
		bool __found = false;                                                   \
		if (__##name##_count) {                                                 \
			typeof(*name.key) __value = (value);                            \
			__found = __##name##_count == 1                                 \
					  ? __value == __##name##_only                  \
					  : bpf_map_lookup_elem(&name, &__value) != 0;  \
		}                                                                       \
		__found;                                                                \
	})

/* The same for the command in 16 bytes at a pointer that is aligned to 8, NUL up to its end. */
#define skep_comm_listed(name, comm)                                                    \
	(__##name##_count == 1 ? skep_same_comm(comm, __##name##_only)                  \
			       : __##name##_count && bpf_map_lookup_elem(&name, comm))

/* The same for the address at a pointer to 16 bytes, and for an IPv4 address in four. */
#define skep_ip_listed(name, address) (__##name##_count && skep_below(&name, (const void *)(address)))
#define skep_ipv4_listed(name, address)                                                 \
	({                                                                              \
		ipv4_addr __parts[4] = { 0, 0, bpf_htonl(0xffff), (address) };          \
		skep_ip_listed(name, __parts);                                          \
	})

/* May the value pass? It may when it is listed, and when nothing is: the question to narrow a probe by. */
#define skep_in(name, value) (skep_any(name) || skep_listed(name, value))
#define skep_comm_in(name, comm) (skep_any(name) || skep_comm_listed(name, comm))
#define skep_ip_in(name, address) (skep_any(name) || skep_ip_listed(name, address))
#define skep_ipv4_in(name, address) (skep_any(name) || skep_ipv4_listed(name, address))

typedef __u64 __attribute__((may_alias)) skep_word;

static __always_inline bool skep_same_comm(const void *a, const volatile void *b)
{
	return ((const skep_word *)a)[0] == ((const volatile skep_word *)b)[0] &&
	       ((const skep_word *)a)[1] == ((const volatile skep_word *)b)[1];
}

/* A longer prefix may be no member of the list: ::/0 is every IPv6 address, and IPv4 ones are mapped below it. */
static __always_inline bool skep_below(void *list, const void *address)
{
	struct skep_cidr key = { .prefix = 128 };
	__u8 *listed;

	__builtin_memcpy(&key.address, address, sizeof(key.address));
	listed = bpf_map_lookup_elem(list, &key);
	return listed && *listed;
}

#endif /* SKEP_PARAMS_H */
