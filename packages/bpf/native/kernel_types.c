// SPDX-License-Identifier: Apache-2.0
// The kernel's types, read ahead of their use.
//
// For an object with CO-RE relocations libbpf reads and indexes /sys/kernel/btf/vmlinux, 5 MB, inside of
// bpf_object__load: the largest part of the time a small probe takes to start, and there is no way to hand it types
// that are read already. But it calls its own public function for them, and a library that is loaded with dlopen is
// searched before the libraries it needs. So the function below stands before libbpf's: it gives out, once, what a
// thread has read while JavaScript was still starting, and is libbpf's own in every other case. Should a linker bind
// libbpf to itself one day, everything works as before, only later.
#include "skep_bpf.h"

#include <pthread.h>
#include <uv.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
/* QUEUED: nobody waits for that. The thread that would read may be the one that waits, where the pool has few. */
static enum { NOTHING, QUEUED, READING, UNWANTED, READY } state;
static struct btf *types;

/* uv_dl…: dlopen itself would ask for glibc 2.34. libbpf is loaded already, so this only finds it. */
static struct btf *libbpf_own(void)
{
	struct btf *(*load)(void) = NULL;
	struct btf *btf = NULL;
	uv_lib_t libbpf;
	int err = ENOSYS;

	if (!uv_dlopen("libbpf.so.1", &libbpf) && !uv_dlsym(&libbpf, "btf__load_vmlinux_btf", (void **)&load)) {
		btf = load();
		err = errno;
	}
	uv_dlclose(&libbpf);
	errno = err;
	return btf;
}

/* What goes wrong here is told to the one who needs the types and tries again. */
static void read_ahead(struct job *job)
{
	struct btf *btf;
	bool wanted;

	(void)job;
	pthread_mutex_lock(&lock);
	wanted = state == QUEUED;
	if (wanted)
		state = READING;
	pthread_mutex_unlock(&lock);
	if (!wanted)
		return;
	btf = libbpf_own();
	pthread_mutex_lock(&lock);
	if (state == READING && btf) {
		types = btf;
		state = READY;
		btf = NULL;
	} else {
		state = NOTHING;
	}
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	btf__free(btf);
}

__attribute__((visibility("default"))) struct btf *btf__load_vmlinux_btf(void)
{
	struct btf *btf = NULL;

	pthread_mutex_lock(&lock);
	while (state == READING)
		pthread_cond_wait(&changed, &lock);
	if (state == READY) {
		btf = types;
		types = NULL;
	}
	if (state != UNWANTED)
		state = NOTHING;
	pthread_mutex_unlock(&lock);
	return btf ? btf : libbpf_own();
}

void kernel_types_drop(void)
{
	struct btf *btf = NULL;

	pthread_mutex_lock(&lock);
	if (state == READING || state == UNWANTED) {
		state = UNWANTED;
	} else {
		btf = types;
		types = NULL;
		state = NOTHING;
	}
	pthread_mutex_unlock(&lock);
	btf__free(btf);
}

static napi_value ahead_done(napi_env env, struct job *job)
{
	(void)job;
	return js_bool(env, true);
}

static void ahead_release(napi_env env, struct job *job)
{
	(void)env;
	pthread_mutex_lock(&lock);
	if (state == QUEUED) /* it never ran */
		state = NOTHING;
	pthread_mutex_unlock(&lock);
	free(job);
}

/* kernelTypesAhead() -> Promise: begins to read them for the next object that is loaded, unless that is under way */
static napi_value kernelTypesAhead(napi_env env, napi_callback_info info)
{
	struct job *job = calloc(1, sizeof(*job));
	bool begin;

	(void)info;
	if (!job)
		return fail(env, ENOMEM, "read types ahead", NULL);
	pthread_mutex_lock(&lock);
	begin = state == NOTHING;
	if (begin)
		state = QUEUED;
	pthread_mutex_unlock(&lock);
	if (!begin) {
		free(job);
		return js_bool(env, false);
	}
	job->what = "read types ahead";
	job->run = read_ahead;
	job->done = ahead_done;
	job->release = ahead_release;
	return job_start(env, job, NULL);
}

/*
 * kernelTypeId(name, kind) -> id; 0 when there is none. Reads the kernel's types unless they are there, and leaves them
 * to the next object that is loaded: to ask costs the load nothing. From JavaScript's thread only, never from the pool.
 */
static napi_value kernelTypeId(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	char *name = arg_string(&a, 0);
	int kind = arg_i32(&a, 1), id = 0, err = 0;

	if (a.bad) {
		free(name);
		return NULL;
	}
	pthread_mutex_lock(&lock);
	while (state == READING || state == UNWANTED)
		pthread_cond_wait(&changed, &lock);
	if (state != READY) { /* what is queued then finds nothing left to do */
		types = libbpf_own();
		err = types ? 0 : errno;
		state = types ? READY : NOTHING;
	}
	if (types)
		id = btf__find_by_name_kind(types, name, kind);
	pthread_mutex_unlock(&lock);
	free(name);
	return err ? fail(env, err, "read the kernel's types", NULL) : js_number(env, id > 0 ? id : 0);
}

void kernel_types_exports(napi_env env, napi_value exports)
{
	EXPORT(env, exports, kernelTypesAhead);
	EXPORT(env, exports, kernelTypeId);
}
