// SPDX-License-Identifier: Apache-2.0
// Gives up for good what only loading and attaching needed, in every thread of the process.
#include "skep_bpf.h"

#include <dirent.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#if defined(__x86_64__)
#define OWN_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OWN_ARCH AUDIT_ARCH_AARCH64
#else
#error "which AUDIT_ARCH?"
#endif
#define X32 0x40000000u

/* ---- system calls ---- */

#define MOST 160
struct filter {
	struct sock_filter code[MOST];
	unsigned short length;
};

static void put(struct filter *f, struct sock_filter instruction)
{
	f->code[f->length++] = instruction;
}

static void load(struct filter *f, size_t offset)
{
	put(f, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset));
}

static void answer_with(struct filter *f, uint32_t what)
{
	put(f, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, what));
}

/* Where the loaded word equals it, the next instruction; else the one after. */
static void equals(struct filter *f, uint32_t word)
{
	put(f, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, word, 0, 1));
}

#define REFUSED (SECCOMP_RET_ERRNO | EPERM)

static void refuse(struct filter *f, uint32_t number)
{
	equals(f, number);
	answer_with(f, REFUSED);
}

static int filter_calls(const uint8_t *commands, size_t count)
{
	static const uint32_t refused[] = { SYS_perf_event_open, SYS_ptrace,	SYS_process_vm_writev, SYS_init_module,
					    SYS_finit_module,	 SYS_kexec_load, SYS_kexec_file_load };
	struct filter f = { .length = 0 };
	struct sock_fprog program = { .filter = f.code };

	if (count > 64)
		return EINVAL;
	load(&f, offsetof(struct seccomp_data, arch));
	put(&f, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OWN_ARCH, 1, 0));
	answer_with(&f, REFUSED);
	load(&f, offsetof(struct seccomp_data, nr));
#ifdef __x86_64__
	put(&f, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32, 0, 1));
	answer_with(&f, REFUSED);
#endif
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++)
		refuse(&f, refused[i]);
	put(&f, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_bpf, 1, 0));
	answer_with(&f, SECCOMP_RET_ALLOW);
	load(&f, offsetof(struct seccomp_data, args)); /* little-endian: the lower half of the command, an int */
	for (size_t i = 0; i < count; i++) {
		equals(&f, commands[i]);
		answer_with(&f, SECCOMP_RET_ALLOW);
	}
	answer_with(&f, REFUSED);
	program.len = f.length;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return errno;
	int got = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);
	return got < 0 ? errno : got > 0 ? EBUSY : 0; /* a thread with a filter of its own stands in the way */
}

/* ---- capabilities: capset(2) is for the calling thread, so each is interrupted and does it itself ---- */

/* The signal that glibc itself uses to change user ids in all threads: no thread can block it. */
#define EVERY_THREAD 33

/* As the kernel has it; glibc refuses to set this signal. */
struct kernel_sigaction {
	void (*handler)(int);
	unsigned long flags;
	void (*restorer)(void);
	unsigned long mask;
};

static struct __user_cap_data_struct kept[2];
static volatile int done, failed;

static void cut_here(int signal)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { kept[0], kept[1] };
	int saved = errno;

	(void)signal;
	if (syscall(SYS_capset, &header, data))
		__atomic_store_n(&failed, errno, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&done, 1, __ATOMIC_SEQ_CST);
	errno = saved;
}

/* Whether the thread has any capability that is not kept; -1 when it is gone. */
static int has_more(pid_t tid)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3, .pid = tid };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data))
		return -1;
	for (int i = 0; i < 2; i++)
		if ((data[i].permitted | data[i].effective) & ~kept[i].permitted)
			return 1;
	return 0;
}

static int cut_capabilities(void)
{
	struct sigaction mine = { .sa_handler = cut_here, .sa_flags = SA_RESTART }, before;
	struct kernel_sigaction action, old;
	pid_t self = getpid();
	int left = 1, err = 0;

	cut_here(0);
	/* A handler that glibc sets up is complete, with the way back out of it. */
	if (failed || sigaction(SIGRTMAX, &mine, &before))
		return failed ? failed : errno;
	syscall(SYS_rt_sigaction, SIGRTMAX, NULL, &action, 8);
	sigaction(SIGRTMAX, &before, NULL);
	if (syscall(SYS_rt_sigaction, EVERY_THREAD, &action, &old, 8))
		return errno;
	/* Threads that begin meanwhile come from one that has cut already, or are found the next time. */
	for (int round = 0; left && !err && round < 200; round++) {
		DIR *tasks = opendir("/proc/self/task");
		int asked = 0, wanted;

		if (!tasks) {
			err = errno;
			break;
		}
		left = 0;
		wanted = __atomic_load_n(&done, __ATOMIC_SEQ_CST);
		for (struct dirent *entry; (entry = readdir(tasks));) {
			pid_t tid = atoi(entry->d_name);

			if (tid <= 0 || has_more(tid) <= 0)
				continue;
			left++;
			asked += syscall(SYS_tgkill, self, tid, EVERY_THREAD) == 0;
		}
		closedir(tasks);
		for (int waited = 0; waited < 100 && __atomic_load_n(&done, __ATOMIC_SEQ_CST) < wanted + asked; waited++)
			nanosleep(&(struct timespec){ .tv_nsec = 50000 }, NULL);
		err = failed;
	}
	syscall(SYS_rt_sigaction, EVERY_THREAD, &old, NULL, 8);
	return err ? err : left ? ETIMEDOUT : 0;
}

/* confine(commands: Uint8Array, low, high): the bpf(2) commands and the capabilities that stay, bits 0-31 and 32-63 */
static napi_value confine(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	struct bytes commands = arg_bytes(&a, 0);
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct now[2];
	uint32_t keep[2] = { arg_u32(&a, 1), arg_u32(&a, 2) };
	int err;

	if (a.bad)
		return NULL;
	if (syscall(SYS_capget, &header, now))
		return fail(env, errno, "read capabilities", NULL);
	err = filter_calls(commands.data, commands.length);
	if (err)
		return fail(env, err, "filter system calls", NULL);
	for (int i = 0; i < 2; i++) {
		kept[i].effective = now[i].effective & keep[i];
		kept[i].permitted = now[i].permitted & keep[i];
		kept[i].inheritable = 0;
	}
	err = cut_capabilities();
	return err ? fail(env, err, "give up capabilities", NULL) : js_bool(env, true);
}

void confine_exports(napi_env env, napi_value exports)
{
	EXPORT(env, exports, confine);
}
