// SPDX-License-Identifier: Apache-2.0
// Kernel buffers mapped into JavaScript: one contiguous region, one external ArrayBuffer over it.
//
// A region lives until its handle is closed (the ArrayBuffer is detached first, so that JavaScript then sees
// length 0 instead of unmapped memory) or, if nobody closes it, until both the handle and the ArrayBuffer
// are collected.
#include "skep_bpf.h"

#include <linux/perf_event.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

struct memory {
	uint32_t kind;
	uint8_t *address;
	size_t length;
	napi_ref buffer; /* weak */
	int owners;      /* the handle and the ArrayBuffer */
};

static void memory_unmap(struct memory *m)
{
	if (m->address)
		munmap(m->address, m->length);
	m->address = NULL;
}

static void memory_disown(struct memory *m)
{
	if (--m->owners == 0) {
		memory_unmap(m);
		free(m);
	}
}

static void handle_finalize(napi_env env, void *data, void *hint)
{
	struct memory *m = data;

	(void)hint;
	if (m->buffer)
		napi_delete_reference(env, m->buffer);
	m->buffer = NULL;
	memory_disown(m);
}

static void buffer_finalize(napi_env env, void *data, void *hint)
{
	(void)env;
	(void)data;
	memory_disown(hint);
}

/* Reserves `length` bytes of address space, to be filled with MAP_FIXED. */
static struct memory *memory_reserve(size_t length)
{
	struct memory *m = calloc(1, sizeof(*m));
	void *address;

	if (!m)
		return NULL;
	address = mmap(NULL, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (address == MAP_FAILED) {
		free(m);
		return NULL;
	}
	m->kind = HANDLE_MEMORY;
	m->address = address;
	m->length = length;
	return m;
}

static napi_value memory_failed(napi_env env, struct memory *m, const char *what)
{
	int err = errno;

	if (m) {
		memory_unmap(m);
		free(m);
	}
	return fail(env, err, what, NULL);
}

/* -> {handle, buffer} */
static napi_value memory_give(napi_env env, struct memory *m)
{
	napi_value out, handle, buffer;

	m->owners = 1;
	if (napi_create_external_arraybuffer(env, m->address, m->length, buffer_finalize, m, &buffer) != napi_ok) {
		errno = ENOMEM;
		return memory_failed(env, m, "share memory");
	}
	if (napi_create_reference(env, buffer, 0, &m->buffer) != napi_ok ||
	    napi_create_external(env, m, handle_finalize, NULL, &handle) != napi_ok)
		return fail(env, ENOMEM, "share memory", NULL); /* the buffer takes it along */
	m->owners = 2;
	napi_create_object(env, &out);
	js_set(env, out, "handle", handle);
	js_set(env, out, "buffer", buffer);
	return out;
}

/* ringMap(fd, size) -> {handle, buffer}: [consumer page, writable][producer page][data][data again] */
static napi_value ringMap(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	int fd = arg_i32(&a, 0);
	size_t size = arg_u32(&a, 1), page = sysconf(_SC_PAGESIZE);
	struct memory *m;

	if (a.bad)
		return NULL;
	m = memory_reserve(2 * page + 2 * size);
	if (!m)
		return memory_failed(env, NULL, "reserve memory");
	if (mmap(m->address, page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED ||
	    mmap(m->address + page, page + 2 * size, PROT_READ, MAP_SHARED | MAP_FIXED, fd, page) == MAP_FAILED)
		return memory_failed(env, m, "map ring buffer");
	return memory_give(env, m);
}

#define MAX_PAGES (1u << 20)
#define MAX_CPUS 65536

/* perfMap(fds: Uint8Array of int32, pages) -> {handle, buffer}
 * For each fd [metadata page][data, `pages` pages], then 64 KiB of scratch for a record that wraps. */
static napi_value perfMap(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	struct bytes fds = arg_bytes(&a, 0);
	size_t pages = arg_u32(&a, 1), page = sysconf(_SC_PAGESIZE);
	size_t count = fds.length / sizeof(int32_t), stride = page * (pages + 1);
	struct memory *m;

	if (a.bad)
		return NULL;
	if (pages > MAX_PAGES || count > MAX_CPUS) /* MAP_FIXED below must stay within what was reserved */
		return fail(env, ERANGE, "map perf buffer", NULL);
	m = memory_reserve(count * stride + 65536);
	if (!m)
		return memory_failed(env, NULL, "reserve memory");
	for (size_t i = 0; i < count; i++) {
		int32_t fd;
		memcpy(&fd, fds.data + i * sizeof(fd), sizeof(fd));
		if (mmap(m->address + i * stride, stride, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) ==
		    MAP_FAILED)
			return memory_failed(env, m, "map perf buffer");
	}
	if (mprotect(m->address + count * stride, 65536, PROT_READ | PROT_WRITE))
		return memory_failed(env, m, "map perf buffer");
	return memory_give(env, m);
}

/* memoryClose(handle): detaches and unmaps; a second call does nothing */
static napi_value memoryClose(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	struct memory *m = arg_handle(&a, 0, HANDLE_MEMORY);
	napi_value buffer = NULL, undefined;

	if (a.bad)
		return NULL;
	if (m->buffer) {
		napi_get_reference_value(env, m->buffer, &buffer);
		if (buffer && napi_detach_arraybuffer(env, buffer) != napi_ok)
			return fail(env, EINVAL, "detach memory", NULL);
		napi_delete_reference(env, m->buffer);
		m->buffer = NULL;
	}
	memory_unmap(m);
	napi_get_undefined(env, &undefined);
	return undefined;
}

/* perfOpen(type, config, samplePeriodOrFrequency, isFrequency, isOutput, wakeup, pid, cpu) -> fd
 * isOutput: a PERF_COUNT_SW_BPF_OUTPUT event whose samples are raw; else a counter for a program. pid: of a thread, and of
 * those that it starts. */
static napi_value perfOpen(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	struct perf_event_attr attr = { .size = sizeof(attr) };
	bool frequency, output;
	int64_t rate;
	uint32_t wakeup;
	int pid, cpu, fd;

	attr.type = arg_u32(&a, 0);
	attr.config = arg_int(&a, 1);
	rate = arg_int(&a, 2);
	frequency = arg_bool(&a, 3);
	output = arg_bool(&a, 4);
	wakeup = arg_u32(&a, 5);
	pid = arg_i32(&a, 6);
	cpu = arg_i32(&a, 7);
	if (a.bad)
		return NULL;
	if (frequency)
		attr.sample_freq = rate;
	else
		attr.sample_period = rate;
	attr.freq = frequency;
	if (output) {
		attr.sample_type = PERF_SAMPLE_RAW;
		attr.watermark = 1;
		attr.wakeup_watermark = wakeup;
		attr.read_format = PERF_FORMAT_LOST;
	}
	attr.inherit = attr.inherit_thread = !output && pid > 0;
	fd = syscall(SYS_perf_event_open, &attr, pid, cpu, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0 && attr.inherit && errno == EINVAL) { /* before 5.13 child processes would come along */
		attr.inherit = attr.inherit_thread = 0;
		fd = syscall(SYS_perf_event_open, &attr, pid, cpu, -1, PERF_FLAG_FD_CLOEXEC);
	}
	if (fd < 0 && output && errno == EINVAL) { /* before 6.0 there is no count of the lost */
		attr.read_format = 0;
		fd = syscall(SYS_perf_event_open, &attr, pid, cpu, -1, PERF_FLAG_FD_CLOEXEC);
	}
	return fd < 0 ? fail(env, errno, "open perf event", NULL) : js_number(env, fd);
}

/* perfEnable(fd) */
static napi_value perfEnable(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	int fd = arg_i32(&a, 0);

	if (a.bad)
		return NULL;
	if (ioctl(fd, PERF_EVENT_IOC_ENABLE, 0))
		return fail(env, errno, "enable perf event", NULL);
	return js_bool(env, true);
}

/* perfLost(fd) -> number of samples the kernel could not write, or -1 when it does not count them */
static napi_value perfLost(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	int fd = arg_i32(&a, 0);
	uint64_t values[2] = { 0 }; /* value, lost */

	if (a.bad)
		return NULL;
	return js_number(env, read(fd, values, sizeof(values)) == sizeof(values) ? (double)values[1] : -1);
}

/* epollOf(fds: Uint8Array of int32) -> fd that is readable when one of them is */
static napi_value epollOf(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	struct bytes fds = arg_bytes(&a, 0);
	int epoll;

	if (a.bad)
		return NULL;
	epoll = epoll_create1(EPOLL_CLOEXEC);
	if (epoll < 0)
		return fail(env, errno, "create epoll", NULL);
	for (size_t i = 0; i < fds.length / sizeof(int32_t); i++) {
		struct epoll_event event = { .events = EPOLLIN };
		int32_t fd;
		memcpy(&fd, fds.data + i * sizeof(fd), sizeof(fd));
		if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event)) {
			int err = errno;
			close(epoll);
			return fail(env, err, "watch perf event", NULL);
		}
	}
	return js_number(env, epoll);
}

void memory_exports(napi_env env, napi_value exports)
{
	EXPORT(env, exports, ringMap);
	EXPORT(env, exports, perfMap);
	EXPORT(env, exports, memoryClose);
	EXPORT(env, exports, perfOpen);
	EXPORT(env, exports, perfEnable);
	EXPORT(env, exports, perfLost);
	EXPORT(env, exports, epollOf);
	js_set(env, exports, "pageSize", js_number(env, sysconf(_SC_PAGESIZE)));
}
