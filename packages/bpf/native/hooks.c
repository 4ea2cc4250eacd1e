// SPDX-License-Identifier: Apache-2.0
// Hooks that libbpf 1.1 has no call for: links made by bpf(2) itself, packet sockets, and traffic control before tcx.
#define _GNU_SOURCE
#include "skep_bpf.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SO_ATTACH_BPF
#define SO_ATTACH_BPF 50
#endif

/* The head of union bpf_attr's link_create, and the two kinds that are made here (uapi/linux/bpf.h, 6.18). */
struct link_create {
	uint32_t program, target, attach_type, flags;
	union {
		struct {
			uint32_t flags, count;
			uint64_t symbols, addresses, cookies;
		} kprobe_multi;
		struct {
			uint64_t path, offsets, ref_ctr_offsets, cookies;
			uint32_t count, flags, pid;
		} uprobe_multi;
		struct {
			uint32_t family, hook;
			int32_t priority;
			uint32_t flags;
		} netfilter;
	};
};

static int create(struct link_create *attr)
{
	return syscall(__NR_bpf, BPF_LINK_CREATE, attr, sizeof(*attr));
}

/* kprobeMultiLink(programFd, names, attachType, flags) -> link fd; the names end with a zero byte each */
static napi_value kprobeMultiLink(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	int program = arg_i32(&a, 0);
	struct bytes names = arg_bytes(&a, 1);
	uint32_t type = arg_u32(&a, 2), flags = arg_u32(&a, 3), count = 0;
	const char **symbols;
	int fd, err;

	if (a.bad)
		return NULL;
	if (names.length == 0 || names.data[names.length - 1] != 0)
		return fail(env, EINVAL, "create link", NULL);
	for (size_t i = 0; i < names.length; i++)
		count += names.data[i] == 0;
	symbols = calloc(count, sizeof(*symbols));
	if (!symbols)
		return fail(env, ENOMEM, "create link", NULL);
	for (size_t i = 0, n = 0; n < count; n++) {
		symbols[n] = (const char *)names.data + i;
		i += strlen(symbols[n]) + 1;
	}
	struct link_create attr = { .program = program, .attach_type = type };
	attr.kprobe_multi.flags = flags;
	attr.kprobe_multi.count = count;
	attr.kprobe_multi.symbols = (uint64_t)(uintptr_t)symbols;
	fd = create(&attr);
	err = errno;
	free(symbols);
	return fd < 0 ? fail(env, err, "create link", NULL) : js_number(env, fd);
}

/* uprobeMultiLink(programFd, path, offsets, attachType, flags, pid) -> link fd; 8 bytes an offset, pid 0 for all */
static napi_value uprobeMultiLink(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	int program = arg_i32(&a, 0), fd, err;
	char *path = arg_string(&a, 1);
	struct bytes offsets = arg_bytes(&a, 2);
	uint32_t type = arg_u32(&a, 3), flags = arg_u32(&a, 4), pid = arg_u32(&a, 5);
	void *copy = NULL;

	if (a.bad || !(copy = malloc(offsets.length + 1))) {
		free(path);
		return a.bad ? NULL : fail(env, ENOMEM, "create link", NULL);
	}
	memcpy(copy, offsets.data, offsets.length);
	struct link_create attr = { .program = program, .attach_type = type };
	attr.uprobe_multi.path = (uint64_t)(uintptr_t)path;
	attr.uprobe_multi.offsets = (uint64_t)(uintptr_t)copy;
	attr.uprobe_multi.count = offsets.length / sizeof(uint64_t);
	attr.uprobe_multi.flags = flags;
	attr.uprobe_multi.pid = pid;
	fd = create(&attr);
	err = errno;
	free(path);
	free(copy);
	return fd < 0 ? fail(env, err, "create link", NULL) : js_number(env, fd);
}

/* netfilterLink(programFd, family, hook, priority) -> link fd */
static napi_value netfilterLink(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	struct link_create attr = { .program = arg_i32(&a, 0), .attach_type = 45 /* BPF_NETFILTER */ };
	int fd;

	attr.netfilter.family = arg_u32(&a, 1);
	attr.netfilter.hook = arg_u32(&a, 2);
	attr.netfilter.priority = arg_i32(&a, 3);
	if (a.bad)
		return NULL;
	fd = create(&attr);
	return fd < 0 ? fail(env, errno, "create link", NULL) : js_number(env, fd);
}

/* packetSocket(programFd, interface) -> fd of a packet socket whose filter the program is; interface 0 is all.
 * It is bound after the filter is set, so that it never sees a packet without. */
static napi_value packetSocket(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	int program = arg_i32(&a, 0), interface = arg_i32(&a, 1), fd, err, least = 0;
	struct sockaddr_ll address = { .sll_family = AF_PACKET,
				       .sll_protocol = htons(ETH_P_ALL),
				       .sll_ifindex = interface };

	if (a.bad)
		return NULL;
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fail(env, errno, "open packet socket", NULL);
	/* Nobody reads it: what the filter lets through is dropped after the least that the kernel keeps. */
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &least, sizeof(least));
	if (!setsockopt(fd, SOL_SOCKET, SO_ATTACH_BPF, &program, sizeof(program)) &&
	    !bind(fd, (struct sockaddr *)&address, sizeof(address)))
		return js_number(env, fd);
	err = errno;
	close(fd);
	return fail(env, err, "open packet socket", NULL);
}

/* networkEnter(fd): this thread's network namespace from now on */
static napi_value networkEnter(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	int fd = arg_i32(&a, 0);
	napi_value undefined;

	if (a.bad)
		return NULL;
	if (setns(fd, CLONE_NEWNET))
		return fail(env, errno, "enter network namespace", NULL);
	napi_get_undefined(env, &undefined);
	return undefined;
}

/* ---- traffic control before tcx: a clsact qdisc and cls_bpf filters, by netlink ---- */

static struct bpf_tc_hook hook_of(int interface, bool egress)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = interface,
		    .attach_point = egress ? BPF_TC_EGRESS : BPF_TC_INGRESS);
	return hook;
}

static int hook_destroy(int interface)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = interface, .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	return bpf_tc_hook_destroy(&hook);
}

/* tcAttach(interface, egress, programFd, handle, priority) -> whether the qdisc was made for it */
static napi_value tcAttach(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	int interface = arg_i32(&a, 0), err;
	struct bpf_tc_hook hook = hook_of(interface, arg_bool(&a, 1));
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = arg_i32(&a, 2), .handle = arg_u32(&a, 3),
		    .priority = arg_u32(&a, 4));
	struct log log;
	bool made;

	if (a.bad)
		return NULL;
	log_begin(&log, false);
	err = bpf_tc_hook_create(&hook);
	made = !err;
	if (made || err == -EEXIST)
		err = bpf_tc_attach(&hook, &opts);
	if (err && made)
		hook_destroy(interface);
	log_end(&log);
	if (err)
		fail(env, -err, "attach filter", &log);
	log_free(&log);
	return err ? NULL : js_bool(env, made);
}

/* How many filters a side of an interface has; negative errno. */
static int filters_of(int interface, uint32_t parent)
{
	struct {
		struct nlmsghdr head;
		struct tcmsg body;
	} request = {
		.head = { .nlmsg_len = sizeof(request), .nlmsg_type = RTM_GETTFILTER, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.body = { .tcm_family = AF_UNSPEC, .tcm_ifindex = interface, .tcm_parent = parent },
	};
	char answer[32768] __attribute__((aligned(8)));
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), count = 0;

	if (fd < 0)
		return -errno;
	if (send(fd, &request, sizeof(request), 0) < 0)
		count = -errno;
	for (bool more = count == 0; more;) {
		ssize_t got = recv(fd, answer, sizeof(answer), 0);
		if (got <= 0) {
			count = got < 0 ? -errno : -EIO;
			break;
		}
		for (struct nlmsghdr *m = (void *)answer; NLMSG_OK(m, (size_t)got); m = NLMSG_NEXT(m, got)) {
			if (m->nlmsg_type == RTM_NEWTFILTER)
				count++;
			else if (m->nlmsg_type == NLMSG_DONE)
				more = false;
			else if (m->nlmsg_type == NLMSG_ERROR) {
				count = ((struct nlmsgerr *)NLMSG_DATA(m))->error;
				more = false;
			}
		}
	}
	close(fd);
	return count;
}

/* tcDetach(interface, egress, handle, priority, programId, qdisc) -> whether it was there and still this program's;
 * with `qdisc` the qdisc goes too when no filter is left in it */
static napi_value tcDetach(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	int interface = arg_i32(&a, 0), err;
	struct bpf_tc_hook hook = hook_of(interface, arg_bool(&a, 1));
	uint32_t handle = arg_u32(&a, 2), priority = arg_u32(&a, 3), id = arg_u32(&a, 4);
	bool qdisc = arg_bool(&a, 5);
	LIBBPF_OPTS(bpf_tc_opts, asked, .handle = handle, .priority = priority);
	LIBBPF_OPTS(bpf_tc_opts, gone, .handle = handle, .priority = priority);
	struct log log;

	if (a.bad)
		return NULL;
	log_begin(&log, false);
	err = bpf_tc_query(&hook, &asked);
	if (!err)
		err = asked.prog_id == id ? bpf_tc_detach(&hook, &gone) : -ENOENT;
	if (qdisc && filters_of(interface, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS)) == 0 &&
	    filters_of(interface, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS)) == 0)
		hook_destroy(interface);
	log_end(&log);
	if (err && err != -ENOENT && err != -ENODEV && err != -EINVAL)
		fail(env, -err, "detach filter", &log);
	log_free(&log);
	return js_bool(env, !err);
}

void hooks_exports(napi_env env, napi_value exports)
{
	EXPORT(env, exports, kprobeMultiLink);
	EXPORT(env, exports, uprobeMultiLink);
	EXPORT(env, exports, netfilterLink);
	EXPORT(env, exports, packetSocket);
	EXPORT(env, exports, networkEnter);
	EXPORT(env, exports, tcAttach);
	EXPORT(env, exports, tcDetach);
}
