// SPDX-License-Identifier: Apache-2.0
// The kernel's types, read ahead of their use, and kept from one load to the next.
//
// For an object with CO-RE relocations libbpf reads and indexes /sys/kernel/btf/vmlinux, 5 MB, inside of
// bpf_object__load: half of the time that a small probe takes to load, for each object anew, and there is no way to hand
// it types that are read already. But it calls its own public functions to get and to free them, and a library that is
// loaded with dlopen is searched before the libraries it needs. So the two functions below stand before libbpf's: the
// first gives out what a thread has read while JavaScript was still starting, or what an earlier load has given back;
// the second keeps what is given back, until kernel_types_drop. In every other case they are libbpf's own. libbpf only
// reads them, so that several loads may have them at once. Should a linker bind libbpf to itself one day, everything
// works as before, only later: none is given out a second time before one came back through here.
#include "skep_bpf.h"

#include <malloc.h>
#include <pthread.h>
#include <string.h>
#include <uv.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
/* QUEUED: nobody waits for that. The thread that would read may be the one that waits, where the pool has few. */
static enum { NOTHING, QUEUED, READING, UNWANTED, READY } state;
static struct btf *types;
static int users; /* loads that have `types` */
static bool stale; /* the last of them frees it */
static struct btf *awaited; /* given out to one load alone: may come back */
static bool comes_back; /* one did */

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

static void libbpf_own_free(struct btf *btf)
{
	void (*release)(struct btf *btf) = NULL;
	uv_lib_t libbpf;

	if (!btf)
		return;
	if (!uv_dlopen("libbpf.so.1", &libbpf) && !uv_dlsym(&libbpf, "btf__free", (void **)&release))
		release(btf);
	uv_dlclose(&libbpf);
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
	libbpf_own_free(btf);
}

__attribute__((visibility("default"))) struct btf *btf__load_vmlinux_btf(void)
{
	struct btf *btf = NULL;

	pthread_mutex_lock(&lock);
	while (state == READING)
		pthread_cond_wait(&changed, &lock);
	if (state == READY) {
		btf = types;
		stale = false;
		if (comes_back) {
			users++;
		} else {
			awaited = btf;
			types = NULL;
			state = NOTHING;
		}
	} else if (state == QUEUED) {
		state = NOTHING;
	}
	pthread_mutex_unlock(&lock);
	if (btf)
		return btf;
	btf = libbpf_own();
	if (btf) {
		pthread_mutex_lock(&lock);
		awaited = btf;
		pthread_mutex_unlock(&lock);
	}
	return btf;
}

__attribute__((visibility("default"))) void btf__free(struct btf *btf)
{
	pthread_mutex_lock(&lock);
	if (btf && btf == types) {
		if (--users || !stale) {
			btf = NULL;
		} else {
			types = NULL;
			state = NOTHING;
		}
	} else if (btf && btf == awaited) {
		comes_back = true;
		awaited = NULL;
		if (state == NOTHING) {
			types = btf;
			users = 0;
			stale = false;
			state = READY;
			btf = NULL;
		}
	}
	pthread_mutex_unlock(&lock);
	libbpf_own_free(btf);
}

/* kernelTypesDrop() -> true: frees them, or has the last load that uses them do so */
static napi_value kernelTypesDrop(napi_env env, napi_callback_info info)
{
	struct btf *btf = NULL;

	(void)info;
	pthread_mutex_lock(&lock);
	if (state == READING || state == UNWANTED) {
		state = UNWANTED;
	} else if (users) {
		stale = true;
	} else {
		btf = types;
		types = NULL;
		state = NOTHING;
	}
	pthread_mutex_unlock(&lock);
	libbpf_own_free(btf);
	/* without this the heap keeps those 6 MB for ever */
	malloc_trim(0);
	return js_bool(env, true);
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

/* Has the types here, under the lock, for a look; 0 or an errno. What is queued then finds nothing left to do. */
static int here(void)
{
	int err = 0;

	while (state == READING || state == UNWANTED)
		pthread_cond_wait(&changed, &lock);
	if (state != READY) {
		types = libbpf_own();
		err = types ? 0 : errno;
		state = types ? READY : NOTHING;
	}
	stale = false;
	return err;
}

/*
 * kernelTypeId(name, kind) -> id; 0 when there is none. Reads the kernel's types unless they are there, and leaves them
 * to the objects that are loaded next: to ask costs the load nothing. From JavaScript's thread only, never from the pool.
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
	err = here();
	if (types)
		id = btf__find_by_name_kind(types, name, kind);
	pthread_mutex_unlock(&lock);
	free(name);
	return err ? fail(env, err, "read the kernel's types", NULL) : js_number(env, id > 0 ? id : 0);
}

static const struct btf_type *plain(__u32 id)
{
	const struct btf_type *t = btf__type_by_id(types, id);

	while (t && (btf_is_mod(t) || btf_is_typedef(t)))
		t = btf__type_by_id(types, t->type);
	return t;
}

/* As prototype.ts of packages/probe spells types: `struct sock *`, `void *`, `int` for whatever fits a register. */
static void spell_type(__u32 id, char *text, size_t size)
{
	const struct btf_type *t = plain(id);
	char stars[8] = "";
	size_t depth = 0;

	while (t && btf_is_ptr(t)) {
		if (depth < sizeof(stars) - 1)
			stars[depth++] = '*';
		t = plain(t->type);
	}
	stars[depth] = 0;
	if (!t || btf_is_void(t))
		snprintf(text, size, "void%s%s", depth ? " " : "", stars);
	else if (btf_is_composite(t) || btf_is_fwd(t))
		snprintf(text, size, "%s %s%s%s",
			 btf_is_union(t) || (btf_is_fwd(t) && btf_kflag(t)) ? "union" : "struct",
			 btf__name_by_offset(types, t->name_off), depth ? " " : "", stars);
	else
		snprintf(text, size, "%s%s%s", btf_is_func_proto(t) ? "function" : "int", depth ? " " : "", stars);
}

/*
 * kernelPrototype(name, kind) -> text; '' when there is none. What a function, or what a typedef of a pointer to one,
 * returns and takes, a type a line. As quick, and under the same terms, as kernelTypeId.
 */
static napi_value kernelPrototype(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	char *name = arg_string(&a, 0);
	int kind = arg_i32(&a, 1), err;
	const struct btf_type *t = NULL;
	char text[2048] = "";
	size_t used = 0;

	if (a.bad) {
		free(name);
		return NULL;
	}
	pthread_mutex_lock(&lock);
	err = here();
	if (types) {
		int id = btf__find_by_name_kind(types, name, kind);

		t = id > 0 ? plain(id) : NULL;
		if (t && (btf_is_ptr(t) || btf_is_func(t)))
			t = plain(t->type);
		if (t && btf_is_func_proto(t)) {
			const struct btf_param *p = btf_params(t);

			spell_type(t->type, text, sizeof(text));
			used = strlen(text);
			for (int i = 0; i < btf_vlen(t) && used < sizeof(text) - 128; i++) {
				if (!p[i].type && !p[i].name_off)
					break; /* ... */
				text[used++] = '\n';
				spell_type(p[i].type, text + used, 120);
				used += strlen(text + used);
			}
		}
	}
	pthread_mutex_unlock(&lock);
	free(name);
	return err ? fail(env, err, "read the kernel's types", NULL) : js_string(env, text);
}

void kernel_types_exports(napi_env env, napi_value exports)
{
	EXPORT(env, exports, kernelTypesAhead);
	EXPORT(env, exports, kernelTypesDrop);
	EXPORT(env, exports, kernelTypeId);
	EXPORT(env, exports, kernelPrototype);
}
