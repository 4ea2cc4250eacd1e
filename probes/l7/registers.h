/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * registers.h: the registers that a program entered the kernel with, and which system calls send and receive, by
 * processor: x86-64, arm64, and the programs of 32 bits that they run.
 */
#ifndef SKEP_L7_REGISTERS_H
#define SKEP_L7_REGISTERS_H

enum l7_direction { L7_RECEIVE, L7_SEND };

/* What a call does with its arguments. */
enum l7_shape { L7_NONE, L7_BUFFER, L7_BUFFER_FLAGS, L7_IOVECS, L7_MSGHDR, L7_MMSGHDR };

struct l7_call {
	__u8 shape;
	__u8 direction;
};

/* What registers hold of a call. */
struct l7_registers {
	__u64 number;
	__u64 args[4];
	bool compat;
	bool ended;
};

/* `trusted`: a pointer that the verifier knows the type of, which is read without a call. */
#define L7_FIELD(trusted, pointer, field) ((trusted) ? (pointer)->field : BPF_CORE_READ(pointer, field))

/*
 * What a kernel address is taken for, without a call: it is read as a field is, and what is not there reads as zero (6.2;
 * the kernel's types have a list of such functions, which tells whether this is one of them).
 */
enum special_kfunc_type___since_6_2 { KF_bpf_rdonly_cast___since_6_2 };
extern void *bpf_rdonly_cast(const void *object, __u32 type) __ksym __weak;
#define L7_CASTS() bpf_core_enum_value_exists(enum special_kfunc_type___since_6_2, KF_bpf_rdonly_cast___since_6_2)
#define L7_CAST(pointer, type) ((type *)bpf_rdonly_cast((const void *)(pointer), bpf_core_type_id_kernel(type)))

#if defined(__TARGET_ARCH_x86)

#define L7_THREAD_SIZE 16384
#define L7_TS_COMPAT 0x2
#define L7_X32 0x40000000
#define L7_ENOSYS_LEFT ((__u64)-38) /* the result, until there is one */

static __always_inline void l7_read_registers(struct task_struct *task, struct pt_regs *regs, struct l7_registers *r,
					      bool trusted)
{
	r->compat = L7_FIELD(trusted, task, thread_info.status) & L7_TS_COMPAT;
	r->number = L7_FIELD(trusted, regs, orig_ax);
	r->ended = L7_FIELD(trusted, regs, ax) != L7_ENOSYS_LEFT;
	if (r->compat) {
		r->args[0] = (__u32)L7_FIELD(trusted, regs, bx);
		r->args[1] = (__u32)L7_FIELD(trusted, regs, cx);
		r->args[2] = (__u32)L7_FIELD(trusted, regs, dx);
		r->args[3] = (__u32)L7_FIELD(trusted, regs, si);
	} else {
		r->args[0] = L7_FIELD(trusted, regs, di);
		r->args[1] = L7_FIELD(trusted, regs, si);
		r->args[2] = L7_FIELD(trusted, regs, dx);
		r->args[3] = L7_FIELD(trusted, regs, r10);
	}
}

/* The call with this number. As code, not as a table: few are asked for, and a switch is no memory access. */
static __always_inline struct l7_call l7_call_of(__u64 number)
{
	switch (number) {
	case 0: return (struct l7_call){ L7_BUFFER, L7_RECEIVE };	  /* read */
	case 1: return (struct l7_call){ L7_BUFFER, L7_SEND };		  /* write */
	case 19: case 327: return (struct l7_call){ L7_IOVECS, L7_RECEIVE }; /* readv, preadv2 */
	case 20: case 328: return (struct l7_call){ L7_IOVECS, L7_SEND }; /* writev, pwritev2 */
	case 44: return (struct l7_call){ L7_BUFFER_FLAGS, L7_SEND };	  /* sendto */
	case 45: return (struct l7_call){ L7_BUFFER_FLAGS, L7_RECEIVE };  /* recvfrom */
	case 46: return (struct l7_call){ L7_MSGHDR, L7_SEND };		  /* sendmsg */
	case 47: return (struct l7_call){ L7_MSGHDR, L7_RECEIVE };	  /* recvmsg */
	case 299: return (struct l7_call){ L7_MMSGHDR, L7_RECEIVE };	  /* recvmmsg */
	case 307: return (struct l7_call){ L7_MMSGHDR, L7_SEND };	  /* sendmmsg */
	}
	return (struct l7_call){ L7_NONE, 0 };
}

/* The same for a program of 32 bits (arch/x86/entry/syscalls/syscall_32.tbl). */
static __always_inline struct l7_call l7_compat_call_of(__u64 number)
{
	switch (number) {
	case 3: return (struct l7_call){ L7_BUFFER, L7_RECEIVE };
	case 4: return (struct l7_call){ L7_BUFFER, L7_SEND };
	case 145: return (struct l7_call){ L7_IOVECS, L7_RECEIVE };
	case 146: return (struct l7_call){ L7_IOVECS, L7_SEND };
	case 369: return (struct l7_call){ L7_BUFFER_FLAGS, L7_SEND };
	case 371: return (struct l7_call){ L7_BUFFER_FLAGS, L7_RECEIVE };
	case 370: return (struct l7_call){ L7_MSGHDR, L7_SEND };
	case 372: return (struct l7_call){ L7_MSGHDR, L7_RECEIVE };
	case 337: case 417: return (struct l7_call){ L7_MMSGHDR, L7_RECEIVE };
	case 345: return (struct l7_call){ L7_MMSGHDR, L7_SEND };
	}
	return (struct l7_call){ L7_NONE, 0 };
}

/* socketcall(2): the calls on sockets of 32-bit programs that are older than Linux 4.3, their arguments in memory. */
#define L7_SOCKETCALL 102

static __always_inline struct l7_call l7_socketcall(struct l7_registers *r)
{
	__u32 args[4] = {};
	__u64 kind = r->args[0];

	if (bpf_probe_read_user(args, sizeof(args), (void *)r->args[1]))
		return (struct l7_call){ L7_NONE, 0 };
#pragma unroll
	for (int i = 0; i < 4; i++)
		r->args[i] = args[i];
	switch (kind) {
	case 9: return (struct l7_call){ L7_BUFFER_FLAGS, L7_SEND };	  /* send */
	case 10: return (struct l7_call){ L7_BUFFER_FLAGS, L7_RECEIVE };  /* recv */
	case 11: return (struct l7_call){ L7_BUFFER_FLAGS, L7_SEND };	  /* sendto */
	case 12: return (struct l7_call){ L7_BUFFER_FLAGS, L7_RECEIVE };  /* recvfrom */
	case 16: return (struct l7_call){ L7_MSGHDR, L7_SEND };
	case 17: return (struct l7_call){ L7_MSGHDR, L7_RECEIVE };
	case 19: return (struct l7_call){ L7_MMSGHDR, L7_RECEIVE };
	case 20: return (struct l7_call){ L7_MMSGHDR, L7_SEND };
	}
	return (struct l7_call){ L7_NONE, 0 };
}

#elif defined(__TARGET_ARCH_arm64)

#define L7_THREAD_SIZE 16384
#define L7_PSR_MODE32 0x10

static __always_inline void l7_read_registers(struct task_struct *task, struct pt_regs *regs, struct l7_registers *r,
					      bool trusted)
{
	r->compat = L7_FIELD(trusted, regs, pstate) & L7_PSR_MODE32;
	r->number = L7_FIELD(trusted, regs, syscallno);
	r->args[0] = L7_FIELD(trusted, regs, orig_x0);
	r->args[1] = L7_FIELD(trusted, regs, regs[1]);
	r->args[2] = L7_FIELD(trusted, regs, regs[2]);
	r->args[3] = L7_FIELD(trusted, regs, regs[3]);
	/* The first register is the first argument until it is the result. */
	r->ended = L7_FIELD(trusted, regs, regs[0]) != r->args[0];
}

static __always_inline struct l7_call l7_call_of(__u64 number)
{
	switch (number) {
	case 63: return (struct l7_call){ L7_BUFFER, L7_RECEIVE };
	case 64: return (struct l7_call){ L7_BUFFER, L7_SEND };
	case 65: case 286: return (struct l7_call){ L7_IOVECS, L7_RECEIVE };
	case 66: case 287: return (struct l7_call){ L7_IOVECS, L7_SEND };
	case 206: return (struct l7_call){ L7_BUFFER_FLAGS, L7_SEND };
	case 207: return (struct l7_call){ L7_BUFFER_FLAGS, L7_RECEIVE };
	case 211: return (struct l7_call){ L7_MSGHDR, L7_SEND };
	case 212: return (struct l7_call){ L7_MSGHDR, L7_RECEIVE };
	case 243: return (struct l7_call){ L7_MMSGHDR, L7_RECEIVE };
	case 269: return (struct l7_call){ L7_MMSGHDR, L7_SEND };
	}
	return (struct l7_call){ L7_NONE, 0 };
}

/* 32-bit ARM (arch/arm/tools/syscall.tbl). */
static __always_inline struct l7_call l7_compat_call_of(__u64 number)
{
	switch (number) {
	case 3: return (struct l7_call){ L7_BUFFER, L7_RECEIVE };
	case 4: return (struct l7_call){ L7_BUFFER, L7_SEND };
	case 145: return (struct l7_call){ L7_IOVECS, L7_RECEIVE };
	case 146: return (struct l7_call){ L7_IOVECS, L7_SEND };
	case 289: case 290: return (struct l7_call){ L7_BUFFER_FLAGS, L7_SEND };
	case 291: case 292: return (struct l7_call){ L7_BUFFER_FLAGS, L7_RECEIVE };
	case 296: return (struct l7_call){ L7_MSGHDR, L7_SEND };
	case 297: return (struct l7_call){ L7_MSGHDR, L7_RECEIVE };
	case 365: case 417: return (struct l7_call){ L7_MMSGHDR, L7_RECEIVE };
	case 374: return (struct l7_call){ L7_MMSGHDR, L7_SEND };
	}
	return (struct l7_call){ L7_NONE, 0 };
}

#else
#error "message.h knows the system calls of x86-64 and arm64"
#endif

/*
 * The registers that the task entered the kernel with, at the end of its kernel stack. Where exactly depends on the
 * configuration since 6.9, so a helper says it where there is one (5.15).
 */
enum bpf_func_id___since_5_15 { BPF_FUNC_task_pt_regs___since_5_15 = 175 };

static __always_inline struct pt_regs *l7_saved_registers(struct task_struct *task)
{
	if (bpf_core_enum_value_exists(enum bpf_func_id___since_5_15, BPF_FUNC_task_pt_regs___since_5_15))
		return (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
	return (struct pt_regs *)((__u64)BPF_CORE_READ(task, stack) + L7_THREAD_SIZE -
				  bpf_core_type_size(struct pt_regs));
}

#endif /* SKEP_L7_REGISTERS_H */
