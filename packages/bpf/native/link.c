// SPDX-License-Identifier: Apache-2.0
// Links: a program tied to its hook. Closing one may wait for a grace period of the kernel (tens of
// milliseconds for a tracepoint), so many can be closed on a pool thread.
#include "skep_bpf.h"

#include <unistd.h>

struct link {
	uint32_t kind;
	struct bpf_link *bpf; /* libbpf's, or NULL */
	int fd;               /* a bare link fd, or -1 */
};

static void link_close_now(struct link *link)
{
	if (link->bpf)
		bpf_link__destroy(link->bpf);
	if (link->fd >= 0)
		close(link->fd);
	link->bpf = NULL;
	link->fd = -1;
}

static void link_finalize(napi_env env, void *data, void *hint)
{
	(void)env;
	(void)hint;
	link_close_now(data);
	free(data);
}

static napi_value link_new(napi_env env, struct bpf_link *bpf, int fd)
{
	struct link *link = calloc(1, sizeof(*link));
	napi_value handle;

	if (!link) {
		if (bpf)
			bpf_link__destroy(bpf);
		return fail(env, ENOMEM, "link", NULL);
	}
	link->kind = HANDLE_LINK;
	link->bpf = bpf;
	link->fd = fd;
	napi_create_external(env, link, link_finalize, NULL, &handle);
	return handle;
}

/* ---- attach ---- */

struct attach_job {
	struct job job;
	struct object *object;
	struct bpf_program *program;
	char *how, *a, *b, *c;
	int64_t number, offset;
	bool ret;
	uint64_t cookie;
	struct bpf_link *link;
};

static struct bpf_link *attach_by_kind(struct attach_job *j)
{
	const struct bpf_program *p = j->program;

	if (!strcmp(j->how, "auto"))
		return bpf_program__attach(p);
	if (!strcmp(j->how, "tracepoint")) {
		LIBBPF_OPTS(bpf_tracepoint_opts, o, .bpf_cookie = j->cookie);
		return bpf_program__attach_tracepoint_opts(p, j->a, j->b, &o);
	}
	if (!strcmp(j->how, "kprobe")) {
		LIBBPF_OPTS(bpf_kprobe_opts, o, .bpf_cookie = j->cookie, .offset = j->offset, .retprobe = j->ret);
		return bpf_program__attach_kprobe_opts(p, j->a, &o);
	}
	if (!strcmp(j->how, "kprobe.multi")) {
		LIBBPF_OPTS(bpf_kprobe_multi_opts, o, .retprobe = j->ret);
		return bpf_program__attach_kprobe_multi_opts(p, j->a, &o);
	}
	if (!strcmp(j->how, "ksyscall")) {
		LIBBPF_OPTS(bpf_ksyscall_opts, o, .bpf_cookie = j->cookie, .retprobe = j->ret);
		return bpf_program__attach_ksyscall(p, j->a, &o);
	}
	if (!strcmp(j->how, "uprobe")) {
		LIBBPF_OPTS(bpf_uprobe_opts, o, .bpf_cookie = j->cookie, .retprobe = j->ret, .func_name = j->b);
		return bpf_program__attach_uprobe_opts(p, j->number, j->a, j->offset, &o);
	}
	if (!strcmp(j->how, "usdt")) {
		LIBBPF_OPTS(bpf_usdt_opts, o, .usdt_cookie = j->cookie);
		return bpf_program__attach_usdt(p, j->number, j->a, j->b, j->c, &o);
	}
	if (!strcmp(j->how, "raw_tracepoint"))
		return bpf_program__attach_raw_tracepoint(p, j->a);
	if (!strcmp(j->how, "trace")) {
		LIBBPF_OPTS(bpf_trace_opts, o, .cookie = j->cookie);
		return bpf_program__attach_trace_opts(p, &o);
	}
	if (!strcmp(j->how, "perf_event")) {
		LIBBPF_OPTS(bpf_perf_event_opts, o, .bpf_cookie = j->cookie);
		return bpf_program__attach_perf_event_opts(p, j->number, &o);
	}
	if (!strcmp(j->how, "cgroup"))
		return bpf_program__attach_cgroup(p, j->number);
	if (!strcmp(j->how, "netns"))
		return bpf_program__attach_netns(p, j->number);
	if (!strcmp(j->how, "xdp"))
		return bpf_program__attach_xdp(p, j->number);
	errno = EINVAL;
	return NULL;
}

static void attach_run(struct job *job)
{
	struct attach_job *j = (struct attach_job *)job;

	j->link = attach_by_kind(j);
	job->err = j->link ? 0 : errno ? errno : EINVAL;
}

static napi_value attach_done(napi_env env, struct job *job)
{
	return link_new(env, ((struct attach_job *)job)->link, -1);
}

static void attach_release(napi_env env, struct job *job)
{
	struct attach_job *j = (struct attach_job *)job;

	(void)env;
	if (j->object)
		object_release_busy(j->object);
	free(j->how);
	free(j->a);
	free(j->b);
	free(j->c);
	free(j);
}

/* attach(object, program, how, a, b, c, number, offset, ret, cookie, pool) -> link | Promise<link> */
static napi_value attach(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	struct object *o = arg_handle(&a, 0, HANDLE_OBJECT);
	int64_t index = arg_int(&a, 1);
	struct attach_job *j = calloc(1, sizeof(*j));
	bool pool;

	if (!j)
		return fail(env, ENOMEM, "attach", NULL);
	j->how = arg_string(&a, 2);
	j->a = arg_string(&a, 3);
	j->b = arg_string(&a, 4);
	j->c = arg_string(&a, 5);
	j->number = arg_int(&a, 6);
	j->offset = arg_int(&a, 7);
	j->ret = arg_bool(&a, 8);
	j->cookie = arg_u64(&a, 9);
	pool = arg_bool(&a, 10);
	if (a.bad || !j->how) {
		attach_release(env, &j->job);
		return NULL;
	}
	if (!o->loaded || o->close_later || o->busy || index < 0 || (size_t)index >= o->program_count) {
		attach_release(env, &j->job);
		return fail(env, EBUSY, "object is closed, busy or not loaded", NULL);
	}
	j->object = o;
	j->program = o->programs[index];
	j->job.what = "attach";
	j->job.run = attach_run;
	j->job.done = attach_done;
	j->job.release = attach_release;
	o->busy++;
	return pool ? job_start(env, &j->job, a.value[0]) : job_run_here(env, &j->job);
}

/* linkFromFd(fd) -> link: takes over a bare link fd */
static napi_value linkFromFd(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	int fd = arg_int(&a, 0);

	return a.bad ? NULL : link_new(env, NULL, fd);
}

/* linkFd(link) -> number, -1 when closed or when this kernel has no link for the hook */
static napi_value linkFd(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	struct link *link = arg_handle(&a, 0, HANDLE_LINK);

	if (a.bad)
		return NULL;
	return js_number(env, link->bpf ? bpf_link__fd(link->bpf) : link->fd);
}

/* linkClose(link): may wait for a grace period; a second call does nothing */
static napi_value linkClose(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	struct link *link = arg_handle(&a, 0, HANDLE_LINK);
	napi_value undefined;

	if (a.bad)
		return NULL;
	link_close_now(link);
	napi_get_undefined(env, &undefined);
	return undefined;
}

/* ---- many at once, on a pool thread ---- */

struct close_job {
	struct job job;
	size_t count;
	struct link taken[]; /* moved out of the handles, so these are closed for JavaScript at once */
};

static void close_run(struct job *job)
{
	struct close_job *j = (struct close_job *)job;

	for (size_t i = 0; i < j->count; i++)
		link_close_now(&j->taken[i]);
}

static napi_value close_done(napi_env env, struct job *job)
{
	return js_number(env, ((struct close_job *)job)->count);
}

static void close_release(napi_env env, struct job *job)
{
	(void)env;
	free(job);
}

/* linksClose(links[]) -> Promise<number> */
static napi_value linksClose(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	struct close_job *j;
	uint32_t count = 0;

	if (a.bad || a.count < 1 || napi_get_array_length(env, a.value[0], &count) != napi_ok)
		return fail(env, EINVAL, "close links", NULL);
	j = calloc(1, sizeof(*j) + count * sizeof(struct link));
	if (!j)
		return fail(env, ENOMEM, "close links", NULL);
	for (uint32_t i = 0; i < count; i++) {
		struct args one = { .env = env, .count = 1 };
		struct link *link;

		napi_get_element(env, a.value[0], i, &one.value[0]);
		link = arg_handle(&one, 0, HANDLE_LINK);
		if (one.bad) {
			while (j->count)
				link_close_now(&j->taken[--j->count]);
			free(j);
			return NULL;
		}
		j->taken[j->count++] = *link;
		link->bpf = NULL;
		link->fd = -1;
	}
	j->job.what = "close links";
	j->job.run = close_run;
	j->job.done = close_done;
	j->job.release = close_release;
	return job_start(env, &j->job, NULL);
}

void link_exports(napi_env env, napi_value exports)
{
	EXPORT(env, exports, attach);
	EXPORT(env, exports, linkFromFd);
	EXPORT(env, exports, linkFd);
	EXPORT(env, exports, linkClose);
	EXPORT(env, exports, linksClose);
}
