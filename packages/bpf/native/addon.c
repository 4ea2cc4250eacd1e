// SPDX-License-Identifier: Apache-2.0
// Entry point, and what every part uses: arguments, errors, libbpf's log, pool work.
#include "skep_bpf.h"

#include <stdarg.h>
#include <stdio.h>

/* ---- arguments ---- */

struct args args_get(napi_env env, napi_callback_info info)
{
	struct args a = { .env = env, .count = MAX_ARGS };

	if (napi_get_cb_info(env, info, &a.count, a.value, NULL, NULL) != napi_ok)
		a.bad = true;
	if (a.count > MAX_ARGS)
		a.count = MAX_ARGS;
	return a;
}

static void wrong(struct args *a, size_t i, const char *want)
{
	char text[96];

	if (a->bad)
		return;
	snprintf(text, sizeof(text), "argument %zu must be %s", i, want);
	napi_throw_type_error(a->env, "ERR_INVALID_ARG_TYPE", text);
	a->bad = true;
}

static bool absent(struct args *a, size_t i)
{
	napi_valuetype type = napi_undefined;

	if (i >= a->count)
		return true;
	napi_typeof(a->env, a->value[i], &type);
	return type == napi_undefined || type == napi_null;
}

/* Nothing is cut down to fit: descriptor 2^32 would be descriptor 0. */
static int64_t whole(struct args *a, size_t i, double least, double most)
{
	double n = 0;

	if (i < a->count && napi_get_value_double(a->env, a->value[i], &n) == napi_ok && n >= least && n <= most &&
	    n == (double)(int64_t)n)
		return (int64_t)n;
	wrong(a, i, "a whole number in range");
	return 0;
}

int64_t arg_int(struct args *a, size_t i)
{
	return whole(a, i, -9007199254740991.0, 9007199254740991.0);
}

int32_t arg_i32(struct args *a, size_t i)
{
	return whole(a, i, INT32_MIN, INT32_MAX);
}

uint32_t arg_u32(struct args *a, size_t i)
{
	return whole(a, i, 0, UINT32_MAX);
}

bool arg_bool(struct args *a, size_t i)
{
	bool b = false;

	if (i >= a->count || napi_get_value_bool(a->env, a->value[i], &b) != napi_ok)
		wrong(a, i, "a boolean");
	return b;
}

uint64_t arg_u64(struct args *a, size_t i)
{
	uint64_t n = 0;
	bool lossless;

	if (i >= a->count || napi_get_value_bigint_uint64(a->env, a->value[i], &n, &lossless) != napi_ok)
		wrong(a, i, "a bigint");
	return n;
}

char *arg_string_or_null(struct args *a, size_t i)
{
	return absent(a, i) ? NULL : arg_string(a, i);
}

char *arg_string(struct args *a, size_t i)
{
	size_t length = 0;
	char *text;

	if (i >= a->count || napi_get_value_string_utf8(a->env, a->value[i], NULL, 0, &length) != napi_ok) {
		wrong(a, i, "a string");
		return NULL;
	}
	text = malloc(length + 1);
	if (!text) {
		wrong(a, i, "smaller: out of memory");
		return NULL;
	}
	napi_get_value_string_utf8(a->env, a->value[i], text, length + 1, &length);
	return text;
}

struct bytes arg_bytes_or_null(struct args *a, size_t i)
{
	return absent(a, i) ? (struct bytes){ 0 } : arg_bytes(a, i);
}

struct bytes arg_bytes(struct args *a, size_t i)
{
	struct bytes b = { 0 };
	napi_typedarray_type type;
	void *data;

	if (i >= a->count ||
	    napi_get_typedarray_info(a->env, a->value[i], &type, &b.length, &data, NULL, NULL) != napi_ok ||
	    type != napi_uint8_array) {
		wrong(a, i, "a Uint8Array");
		return (struct bytes){ 0 };
	}
	static uint8_t empty;
	b.data = data ? data : &empty; /* an empty array may have no address */
	return b;
}

void *arg_handle(struct args *a, size_t i, enum handle_kind kind)
{
	void *handle = NULL;

	if (i >= a->count || napi_get_value_external(a->env, a->value[i], &handle) != napi_ok || !handle ||
	    *(uint32_t *)handle != kind) {
		wrong(a, i, "a handle of this addon");
		return NULL;
	}
	return handle;
}

/* ---- libbpf's log ---- */

static __thread struct log *current_log;

static int on_print(enum libbpf_print_level level, const char *format, va_list args)
{
	struct log *log = current_log;
	va_list again;
	int length;

	if (!log || (level == LIBBPF_DEBUG && !log->debug))
		return 0;
	va_copy(again, args);
	length = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (length < 0)
		return 0;
	if (log->length + length + 1 > log->capacity) {
		size_t capacity = (log->length + length + 1) * 2;
		char *text = realloc(log->text, capacity);
		if (!text)
			return 0; /* the log is an aid; the error itself does not depend on it */
		log->text = text;
		log->capacity = capacity;
	}
	vsnprintf(log->text + log->length, length + 1, format, args);
	log->length += length;
	return length;
}

void log_begin(struct log *log, bool debug)
{
	*log = (struct log){ .debug = debug, .outer = current_log };
	current_log = log;
}

void log_end(struct log *log)
{
	current_log = log->outer;
}

void log_free(struct log *log)
{
	free(log->text);
	log->text = NULL;
	log->length = log->capacity = 0;
}

/* ---- errors ---- */

napi_value make_error(napi_env env, int err, const char *what, const struct log *log)
{
	napi_value error = NULL;

	napi_create_error(env, js_string(env, "SKEP_NATIVE"), js_string(env, what), &error);
	js_set(env, error, "errno", js_number(env, err));
	if (log && log->length) {
		/* not enumerable: as the cause of another error it would be printed again, all 16 MB of it */
		napi_property_descriptor property = { .utf8name = "log", .value = js_log(env, log) };
		napi_define_properties(env, error, 1, &property);
	}
	return error;
}

napi_value fail(napi_env env, int err, const char *what, const struct log *log)
{
	napi_throw(env, make_error(env, err, what, log));
	return NULL;
}

/* ---- jobs ---- */

static void job_execute(napi_env env, void *data)
{
	struct job *job = data;

	(void)env;
	log_begin(&job->log, job->log.debug);
	job->run(job);
	log_end(&job->log);
}

static void job_complete(napi_env env, napi_status status, void *data)
{
	struct job *job = data;
	napi_value value;

	if (status != napi_ok) {
		napi_reject_deferred(env, job->deferred, make_error(env, ECANCELED, job->what, NULL));
	} else if (job->err) {
		napi_reject_deferred(env, job->deferred, make_error(env, job->err, job->what, &job->log));
	} else if ((value = job->done(env, job))) {
		napi_resolve_deferred(env, job->deferred, value);
	} else {
		napi_get_and_clear_last_exception(env, &value);
		napi_reject_deferred(env, job->deferred, value);
	}
	if (job->keep)
		napi_delete_reference(env, job->keep);
	napi_delete_async_work(env, job->work);
	log_free(&job->log);
	job->release(env, job);
}

napi_value job_start(napi_env env, struct job *job, napi_value keep)
{
	napi_value promise = NULL;

	if ((!keep || napi_create_reference(env, keep, 1, &job->keep) == napi_ok) &&
	    napi_create_async_work(env, NULL, js_string(env, job->what), job_execute, job_complete, job, &job->work) ==
		    napi_ok &&
	    napi_create_promise(env, &job->deferred, &promise) == napi_ok &&
	    napi_queue_async_work(env, job->work) == napi_ok)
		return promise;
	/* As good as never: memory has run out, or the environment is going down. */
	if (job->work)
		napi_delete_async_work(env, job->work);
	if (job->keep)
		napi_delete_reference(env, job->keep);
	fail(env, ECANCELED, job->what, NULL);
	job->release(env, job);
	return NULL;
}

napi_value job_run_here(napi_env env, struct job *job)
{
	napi_value value = NULL;

	job_execute(env, job);
	if (job->err)
		fail(env, job->err, job->what, &job->log);
	else
		value = job->done(env, job);
	log_free(&job->log);
	job->release(env, job);
	return value;
}

/* ---- makers ---- */

napi_value js_number(napi_env env, double n)
{
	napi_value v = NULL;
	napi_create_double(env, n, &v);
	return v;
}

napi_value js_string(napi_env env, const char *s)
{
	napi_value v = NULL;
	napi_create_string_utf8(env, s ? s : "", NAPI_AUTO_LENGTH, &v);
	return v;
}

/* A string of JavaScript holds half a gigabyte, the verifier's log may have more; what was wrong is at the end. */
napi_value js_log(napi_env env, const struct log *log)
{
	size_t most = 1 << 28, skip = log->length > most ? log->length - most : 0;
	napi_value v = NULL;
	napi_create_string_utf8(env, log->text ? log->text + skip : "", log->length - skip, &v);
	return v;
}

napi_value js_bool(napi_env env, bool b)
{
	napi_value v = NULL;
	napi_get_boolean(env, b, &v);
	return v;
}

napi_value js_bigint(napi_env env, uint64_t n)
{
	napi_value v = NULL;
	napi_create_bigint_uint64(env, n, &v);
	return v;
}

napi_value js_bytes(napi_env env, const void *data, size_t length)
{
	napi_value buffer, array = NULL;
	void *memory;

	if (napi_create_arraybuffer(env, length, &memory, &buffer) != napi_ok)
		return NULL;
	if (length)
		memcpy(memory, data, length);
	napi_create_typedarray(env, napi_uint8_array, length, buffer, 0, &array);
	return array;
}

void js_set(napi_env env, napi_value object, const char *key, napi_value value)
{
	napi_set_named_property(env, object, key, value);
}

void export_function(napi_env env, napi_value exports, const char *name, napi_callback fn)
{
	napi_value f = NULL;

	napi_create_function(env, name, NAPI_AUTO_LENGTH, fn, NULL, &f);
	js_set(env, exports, name, f);
}

NAPI_MODULE_INIT()
{
	libbpf_set_print(on_print);
	js_set(env, exports, "libbpfVersion", js_string(env, libbpf_version_string()));
	object_exports(env, exports);
	configure_exports(env, exports);
	load_exports(env, exports);
	link_exports(env, exports);
	map_exports(env, exports);
	program_exports(env, exports);
	memory_exports(env, exports);
	poll_exports(env, exports);
	system_exports(env, exports);
	vmlinux_exports(env, exports);
	kernel_types_exports(env, exports);
	hooks_exports(env, exports);
	inventory_exports(env, exports);
	resident_exports(env, exports);
	confine_exports(env, exports);
	return exports;
}
