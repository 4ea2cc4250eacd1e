// SPDX-License-Identifier: Apache-2.0
// What a machine can do: feature probes, mounts, limits.
#include "skep_bpf.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <net/if.h>
#include <sys/mount.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* probeProgram(type), probeMap(type) -> boolean; errors are inconclusive */
static napi_value probeProgram(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	int type = arg_i32(&a, 0), got;

	if (a.bad)
		return NULL;
	got = libbpf_probe_bpf_prog_type(type, NULL);
	return got < 0 ? fail(env, -got, "probe program type", NULL) : js_bool(env, got == 1);
}

static napi_value probeMap(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	int type = arg_i32(&a, 0), got;

	if (a.bad)
		return NULL;
	got = libbpf_probe_bpf_map_type(type, NULL);
	return got < 0 ? fail(env, -got, "probe map type", NULL) : js_bool(env, got == 1);
}

/* probeHelper(programType, helper) -> boolean */
static napi_value probeHelper(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	int type = arg_i32(&a, 0), helper = arg_i32(&a, 1), got;

	if (a.bad)
		return NULL;
	got = libbpf_probe_bpf_helper(type, helper, NULL);
	return got < 0 ? fail(env, -got, "probe helper", NULL) : js_bool(env, got == 1);
}

/* kernelBtfId(name, attachType) -> number; 0 when there is none */
static napi_value kernelBtfId(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	char *name = arg_string(&a, 0);
	int type = arg_i32(&a, 1), id = 0;

	if (!a.bad)
		id = libbpf_find_vmlinux_btf_id(name, type);
	free(name);
	return a.bad ? NULL : js_number(env, id > 0 ? id : 0);
}

/* statsEnable() -> fd; the kernel accounts run time until it is closed */
static napi_value statsEnable(napi_env env, napi_callback_info info)
{
	int fd = bpf_enable_stats(BPF_STATS_RUN_TIME);

	(void)info;
	return fd < 0 ? fail(env, errno, "enable statistics", NULL) : js_number(env, fd);
}

/* memlock(raise) -> {soft, hard}: the limit in bytes, -1 for none; raise lifts it as far as it may */
static napi_value memlock(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	bool raise = arg_bool(&a, 0);
	struct rlimit limit;
	napi_value out;

	if (a.bad)
		return NULL;
	if (raise) {
		limit.rlim_cur = limit.rlim_max = RLIM_INFINITY;
		if (setrlimit(RLIMIT_MEMLOCK, &limit))
			return fail(env, errno, "raise memlock", NULL);
	}
	getrlimit(RLIMIT_MEMLOCK, &limit);
	napi_create_object(env, &out);
	js_set(env, out, "soft", js_number(env, limit.rlim_cur == RLIM_INFINITY ? -1 : (double)limit.rlim_cur));
	js_set(env, out, "hard", js_number(env, limit.rlim_max == RLIM_INFINITY ? -1 : (double)limit.rlim_max));
	return out;
}

/* mountFs(type, directory) */
static napi_value mountFs(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	char *type = arg_string(&a, 0), *directory = arg_string(&a, 1);
	int err = 0;

	if (!a.bad && mount(type, directory, type, MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL))
		err = errno;
	free(type);
	free(directory);
	return a.bad ? NULL : err ? fail(env, err, "mount", NULL) : js_bool(env, true);
}

/* All of a file that says no length, with a NUL behind it; NULL with errno. */
static char *read_all(int file)
{
	size_t room = 4096, length = 0;
	char *text = malloc(room), *more;
	ssize_t got = 0;

	while (text && (got = read(file, text + length, room - length - 1)) > 0) {
		length += got;
		if (room - length > 1)
			continue;
		more = realloc(text, room *= 2);
		if (!more)
			free(text);
		text = more;
	}
	if (text && got < 0) {
		free(text);
		return NULL;
	}
	if (text)
		text[length] = 0;
	return text;
}

/* readDetached(type, path) -> string: a file of a file system that is mounted nowhere, not even while we read */
static napi_value readDetached(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	char *type = arg_string(&a, 0), *path = arg_string(&a, 1);
	char *text = NULL;
	int fs = -1, tree = -1, file = -1, err = 0;
	napi_value out;

	if (!a.bad) {
		fs = syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
		if (fs >= 0 && !syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
			tree = syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, 0);
		if (tree >= 0)
			file = openat(tree, path, O_RDONLY | O_CLOEXEC);
		if (file >= 0)
			text = read_all(file);
		err = errno;
	}
	if (file >= 0)
		close(file);
	if (tree >= 0)
		close(tree);
	if (fs >= 0)
		close(fs);
	free(type);
	free(path);
	if (a.bad)
		return NULL;
	if (!text)
		return fail(env, err, "read", NULL);
	out = js_string(env, text);
	free(text);
	return out;
}

/* sleptNs() -> number: how long the machine has slept since it started, by which boot times are ahead of monotonic ones */
static napi_value sleptNs(napi_env env, napi_callback_info info)
{
	struct timespec boot, monotonic;

	(void)info;
	clock_gettime(CLOCK_MONOTONIC, &monotonic);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	return js_number(env, (double)(boot.tv_sec - monotonic.tv_sec) * 1e9 + (boot.tv_nsec - monotonic.tv_nsec));
}

/* interfaceIndex(name) -> number */
static napi_value interfaceIndex(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	char *name = arg_string(&a, 0);
	unsigned int index = 0;
	int err = 0;

	if (!a.bad) {
		index = if_nametoindex(name);
		err = errno;
	}
	free(name);
	return a.bad ? NULL : index ? js_number(env, index) : fail(env, err, "find interface", NULL);
}

/* notify(path, text) -> boolean: a datagram to a socket in the file system, or with @ in front an abstract one; errors are thrown */
static napi_value notify(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	char *path = arg_string(&a, 0), *text = arg_string(&a, 1);
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = -1, err = 0;

	if (!a.bad) {
		size_t length = strlen(path);

		if (!length || length >= sizeof(to.sun_path))
			err = ENAMETOOLONG;
		else {
			memcpy(to.sun_path, path, length);
			if (path[0] == '@')
				to.sun_path[0] = 0;
			fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
			if (fd < 0 || sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&to,
					     offsetof(struct sockaddr_un, sun_path) + length) < 0)
				err = errno;
		}
	}
	if (fd >= 0)
		close(fd);
	free(path);
	free(text);
	return a.bad ? NULL : err ? fail(env, err, "notify", NULL) : js_bool(env, true);
}

void system_exports(napi_env env, napi_value exports)
{
	EXPORT(env, exports, probeProgram);
	EXPORT(env, exports, probeMap);
	EXPORT(env, exports, probeHelper);
	EXPORT(env, exports, kernelBtfId);
	EXPORT(env, exports, statsEnable);
	EXPORT(env, exports, memlock);
	EXPORT(env, exports, mountFs);
	EXPORT(env, exports, readDetached);
	EXPORT(env, exports, sleptNs);
	EXPORT(env, exports, interfaceIndex);
	EXPORT(env, exports, notify);
}
