// SPDX-License-Identifier: Apache-2.0
// Links: a program tied to its hook. Closing one may wait for a grace period of the kernel (tens of
// milliseconds for a tracepoint), so many can be closed on a pool thread.
#include "skep_bpf.h"

#include <unistd.h>

struct link {
	uint32_t kind;
	struct bpf_link *bpf;  /* libbpf's, or NULL */
	struct object *object; /* whose program libbpf's link is of */
	int fd;                /* a bare link fd, or -1 */
};

/* On any thread. */
static void link_detach(const struct link *link)
{
	if (link->bpf)
		bpf_link__destroy(link->bpf);
	if (link->fd >= 0)
		close(link->fd);
}

/* What the handle held; it is closed then. */
static struct link link_take(struct link *link)
{
	struct link taken = *link;

	link->bpf = NULL;
	link->object = NULL;
	link->fd = -1;
	return taken;
}

static void link_close_now(struct link *link)
{
	struct link taken = link_take(link);

	link_detach(&taken);
	if (taken.object)
		object_link_gone(taken.object);
}

static void link_finalize(napi_env env, void *data, void *hint)
{
	(void)env;
	(void)hint;
	link_close_now(data);
	free(data);
}

/* Takes over what `link` holds, also when it fails. */
static napi_value link_new(napi_env env, struct link link)
{
	struct link *kept = malloc(sizeof(*kept));
	napi_value handle;

	if (link.object)
		link.object->links++;
	link.kind = HANDLE_LINK;
	if (kept) {
		*kept = link;
		if (napi_create_external(env, kept, link_finalize, NULL, &handle) == napi_ok)
			return handle;
	}
	free(kept);
	link_close_now(&link);
	return fail(env, ENOMEM, "link", NULL);
}

/* ---- attach ---- */

struct attach_job {
	struct job job;
	struct object *object;
	struct bpf_program *program;
	char *how, *a, *b, *c;
	int number; /* a process, a descriptor or an interface */
	int64_t offset;
	bool ret;
	uint64_t cookie;
	struct bpf_link *link;
};

/* How many of a, b and c a kind cannot do without: libbpf does not look. */
static int strings_of(const char *how)
{
	static const struct {
		const char *how;
		int strings;
	} kinds[] = {
		{ "auto", 0 },   { "tracepoint", 2 },     { "kprobe", 1 }, { "kprobe.multi", 1 }, { "ksyscall", 1 },
		{ "uprobe", 1 }, { "usdt", 3 },           { "trace", 0 },  { "raw_tracepoint", 1 }, { "xdp", 0 },
		{ "netns", 0 },  { "perf_event", 0 },     { "cgroup", 0 }, { "iter.map", 0 },     { "iter.task", 0 },
		{ "iter.cgroup", 0 },
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!strcmp(how, kinds[i].how))
			return kinds[i].strings;
	return -1;
}

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
	if (!strncmp(j->how, "iter.", 5)) {
		union bpf_iter_link_info which = { 0 };
		LIBBPF_OPTS(bpf_iter_attach_opts, o, .link_info = &which, .link_info_len = sizeof(which));

		if (!strcmp(j->how, "iter.map"))
			which.map.map_fd = j->number;
		else if (!strcmp(j->how, "iter.task"))
			which.task.pid = j->number;
		else {
			which.cgroup.cgroup_fd = j->number;
			which.cgroup.order = BPF_CGROUP_ITER_DESCENDANTS_PRE;
		}
		return bpf_program__attach_iter(p, &o);
	}
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
	struct attach_job *j = (struct attach_job *)job;

	return link_new(env, (struct link){ .bpf = j->link, .object = j->object, .fd = -1 });
}

static void attach_release(napi_env env, struct job *job)
{
	struct attach_job *j = (struct attach_job *)job;

	(void)env;
	if (j->object)
		object_job_ended(j->object);
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
	j->a = arg_string_or_null(&a, 3);
	j->b = arg_string_or_null(&a, 4);
	j->c = arg_string_or_null(&a, 5);
	j->number = arg_i32(&a, 6);
	j->offset = arg_int(&a, 7);
	j->ret = arg_bool(&a, 8);
	j->cookie = arg_u64(&a, 9);
	pool = arg_bool(&a, 10);
	if (a.bad) {
		attach_release(env, &j->job);
		return NULL;
	}
	int strings = strings_of(j->how);
	int err = 0;
	if (o->closing)
		err = ECANCELED;
	else if (o->busy || !o->loaded)
		err = EALREADY;
	else if (index < 0 || (size_t)index >= o->program_count)
		err = ENOENT;
	else if (strings < 0 || (strings > 0 && !j->a) || (strings > 1 && !j->b) || (strings > 2 && !j->c))
		err = EINVAL;
	if (err) {
		attach_release(env, &j->job);
		return fail(env, err, "attach", NULL);
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
	int fd = arg_i32(&a, 0);

	return a.bad ? NULL : link_new(env, (struct link){ .fd = fd });
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

/* From include/uapi/linux/bpf.h of 6.7, which the headers we compile with may not have: struct bpf_link_info. */
struct link_info {
	uint32_t type, id, prog_id, pad;
	union {
		struct {
			uint64_t addrs;
			uint32_t count, flags;
			uint64_t missed;
		} kprobe_multi;
		struct {
			uint32_t type, pad;
			uint64_t func_name;
			uint32_t name_len, offset;
			uint64_t addr, missed;
		} perf_event;
		uint8_t room[64];
	};
};
enum { LINK_PERF_EVENT = 7, LINK_KPROBE_MULTI = 8 }; /* enum bpf_link_type */
enum { PERF_KPROBE = 3, PERF_KRETPROBE = 4 };        /* enum bpf_perf_event_type */

/* linkMissed(fd) -> hits that a kprobe, kretprobe or kprobe.multi did not hand to its program; 0 where the kernel
 * says nothing */
static napi_value linkMissed(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	int fd = arg_i32(&a, 0);
	struct link_info i = { 0 };
	uint32_t length = sizeof(i);
	uint64_t missed = 0;

	if (a.bad)
		return NULL;
	if (!bpf_obj_get_info_by_fd(fd, &i, &length)) {
		if (i.type == LINK_KPROBE_MULTI)
			missed = i.kprobe_multi.missed;
		else if (i.type == LINK_PERF_EVENT &&
			 (i.perf_event.type == PERF_KPROBE || i.perf_event.type == PERF_KRETPROBE))
			missed = i.perf_event.missed;
	}
	return js_number(env, missed);
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
		link_detach(&j->taken[i]);
}

static napi_value close_done(napi_env env, struct job *job)
{
	return js_number(env, ((struct close_job *)job)->count);
}

static void close_release(napi_env env, struct job *job)
{
	struct close_job *j = (struct close_job *)job;

	(void)env;
	for (size_t i = 0; i < j->count; i++)
		if (j->taken[i].object)
			object_link_gone(j->taken[i].object);
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
		j->taken[j->count++] = link_take(link);
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
	EXPORT(env, exports, linkMissed);
	EXPORT(env, exports, linkClose);
	EXPORT(env, exports, linksClose);
}
