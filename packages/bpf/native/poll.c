// SPDX-License-Identifier: Apache-2.0
// Waiting for a file descriptor on Node's own event loop: no thread, nothing waits while stopped.
#include "skep_bpf.h"

#include <fcntl.h>
#include <unistd.h>
#include <uv.h>

struct poll {
	uint32_t kind;
	uv_poll_t watch;
	napi_env env;
	napi_ref callback;
	napi_async_context context;
	int fd; /* our own duplicate, so that closing the original cannot confuse epoll */
	bool closed, collected;
};

static void on_closed(uv_handle_t *handle)
{
	struct poll *p = handle->data;

	close(p->fd);
	p->fd = -1;
	if (p->collected)
		free(p);
}

static void poll_close_now(struct poll *p);

static void on_env_exit(void *data)
{
	poll_close_now(data);
}

static void poll_close_now(struct poll *p)
{
	if (p->closed)
		return;
	p->closed = true;
	napi_remove_env_cleanup_hook(p->env, on_env_exit, p);
	uv_poll_stop(&p->watch);
	uv_close((uv_handle_t *)&p->watch, on_closed);
	if (p->context)
		napi_async_destroy(p->env, p->context);
	if (p->callback)
		napi_delete_reference(p->env, p->callback);
}

static void poll_finalize(napi_env env, void *data, void *hint)
{
	struct poll *p = data;

	(void)env;
	(void)hint;
	p->collected = true;
	if (p->fd < 0)
		free(p);
	else
		poll_close_now(p); /* on_closed frees it, also when close() came just before */
}

static void on_readable(uv_poll_t *watch, int status, int events)
{
	struct poll *p = watch->data;
	napi_env env = p->env;
	napi_handle_scope scope;
	napi_value fn = NULL, receiver, error;

	(void)status; /* an error state is readable too: the callback's drain finds out */
	(void)events;
	napi_open_handle_scope(env, &scope);
	napi_get_reference_value(env, p->callback, &fn);
	napi_get_global(env, &receiver);
	if (!fn)
		uv_poll_stop(watch);
	else if (napi_make_callback(env, p->context, receiver, fn, 0, NULL, NULL) == napi_pending_exception) {
		napi_get_and_clear_last_exception(env, &error);
		napi_fatal_exception(env, error); /* as for any callback: 'uncaughtException' */
	}
	napi_close_handle_scope(env, scope);
}

/* pollNew(fd, callback) -> handle, stopped. The caller keeps the callback alive: it may well refer to the handle, and
 * held from here neither would ever be collected. */
static napi_value pollNew(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	int fd = arg_i32(&a, 0), err;
	struct uv_loop_s *loop;
	struct poll *p;
	napi_value handle, resource = NULL;
	napi_valuetype type = napi_undefined;

	if (a.count > 1)
		napi_typeof(env, a.value[1], &type);
	if (!a.bad && type != napi_function) {
		a.bad = true;
		napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "argument 1 must be a function");
	}
	if (a.bad)
		return NULL;
	p = calloc(1, sizeof(*p));
	if (!p)
		return fail(env, ENOMEM, "poll", NULL);
	p->kind = HANDLE_POLL;
	p->env = env;
	p->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (p->fd < 0) {
		err = errno;
		free(p);
		return fail(env, err, "poll", NULL);
	}
	napi_get_uv_event_loop(env, &loop);
	err = uv_poll_init(loop, &p->watch, p->fd);
	if (err) {
		close(p->fd);
		free(p);
		return fail(env, -err, "poll", NULL);
	}
	p->watch.data = p;
	napi_add_env_cleanup_hook(env, on_env_exit, p);
	if (napi_create_object(env, &resource) == napi_ok &&
	    napi_async_init(env, resource, js_string(env, "skep:poll"), &p->context) == napi_ok &&
	    napi_create_reference(env, a.value[1], 0, &p->callback) == napi_ok &&
	    napi_create_external(env, p, poll_finalize, NULL, &handle) == napi_ok)
		return handle;
	p->collected = true;
	poll_close_now(p);
	return NULL;
}

/* pollSet(handle, on) */
static napi_value pollSet(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	struct poll *p = arg_handle(&a, 0, HANDLE_POLL);
	bool on = arg_bool(&a, 1);
	int err;

	if (a.bad)
		return NULL;
	if (p->closed)
		return fail(env, EBADF, "poll is closed", NULL);
	err = on ? uv_poll_start(&p->watch, UV_READABLE, on_readable) : uv_poll_stop(&p->watch);
	return err ? fail(env, -err, "poll", NULL) : js_bool(env, on);
}

/* pollClose(handle): a second call does nothing */
static napi_value pollClose(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	struct poll *p = arg_handle(&a, 0, HANDLE_POLL);

	if (a.bad)
		return NULL;
	poll_close_now(p);
	return js_bool(env, true);
}

void poll_exports(napi_env env, napi_value exports)
{
	EXPORT(env, exports, pollNew);
	EXPORT(env, exports, pollSet);
	EXPORT(env, exports, pollClose);
}
