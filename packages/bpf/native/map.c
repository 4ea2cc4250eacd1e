// SPDX-License-Identifier: Apache-2.0
// Maps by file descriptor. Sizes are checked in TypeScript; a buffer passed here is as long as the kernel
// will read or write. Expected outcomes (no such key, end of map) are results, the rest are errors.
#include "skep_bpf.h"

#include <fcntl.h>
#include <unistd.h>

/* mapLookup(fd, key | null, value, flags, remove) -> boolean: false when there is no such key */
static napi_value mapLookup(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	int fd = arg_i32(&a, 0);
	struct bytes key = arg_bytes_or_null(&a, 1), value = arg_bytes(&a, 2);
	uint64_t flags = arg_int(&a, 3);
	bool remove = arg_bool(&a, 4);
	int err;

	if (a.bad)
		return NULL;
	err = remove ? bpf_map_lookup_and_delete_elem_flags(fd, key.data, value.data, flags)
		     : bpf_map_lookup_elem_flags(fd, key.data, value.data, flags);
	if (err && errno != ENOENT)
		return fail(env, errno, "look up", NULL);
	return js_bool(env, !err);
}

/* mapUpdate(fd, key | null, value, flags) */
static napi_value mapUpdate(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	int fd = arg_i32(&a, 0);
	struct bytes key = arg_bytes_or_null(&a, 1), value = arg_bytes(&a, 2);
	uint64_t flags = arg_int(&a, 3);

	if (a.bad)
		return NULL;
	if (bpf_map_update_elem(fd, key.data, value.data, flags))
		return fail(env, errno, "update", NULL);
	return js_bool(env, true);
}

/* mapDelete(fd, key) -> boolean: false when there was no such key */
static napi_value mapDelete(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	int fd = arg_i32(&a, 0);
	struct bytes key = arg_bytes(&a, 1);

	if (a.bad)
		return NULL;
	if (!bpf_map_delete_elem(fd, key.data))
		return js_bool(env, true);
	return errno == ENOENT ? js_bool(env, false) : fail(env, errno, "delete", NULL);
}

/* mapNextKey(fd, key | null, next) -> boolean: false at the end */
static napi_value mapNextKey(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	int fd = arg_i32(&a, 0);
	struct bytes key = arg_bytes_or_null(&a, 1), next = arg_bytes(&a, 2);

	if (a.bad)
		return NULL;
	if (!bpf_map_get_next_key(fd, key.data, next.data))
		return js_bool(env, true);
	return errno == ENOENT ? js_bool(env, false) : fail(env, errno, "iterate", NULL);
}

/* mapBatch(fd, from | null, next, keys, keyAt, values, valueAt, max) -> number
 * The count read, or for an errno E with N entries read all the same -(E * 2^32 + N) - 1. */
static napi_value mapBatch(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	int fd = arg_i32(&a, 0);
	struct bytes from = arg_bytes_or_null(&a, 1), next = arg_bytes(&a, 2), keys = arg_bytes(&a, 3);
	int64_t key_at = arg_int(&a, 4);
	struct bytes values = arg_bytes(&a, 5);
	int64_t value_at = arg_int(&a, 6);
	uint32_t count = arg_u32(&a, 7);
	int err;

	if (a.bad)
		return NULL;
	if (key_at < 0 || (size_t)key_at > keys.length || value_at < 0 || (size_t)value_at > values.length)
		return fail(env, ERANGE, "batch", NULL);
	err = bpf_map_lookup_batch(fd, from.data, next.data, keys.data + key_at, values.data + value_at, &count,
				   NULL);
	if (!err)
		return js_number(env, count);
	/* the kernel sets the count for the end of the map only; for other errors it may be untouched */
	return js_number(env, -((double)errno * 4294967296.0 + (errno == ENOENT ? count : 0)) - 1);
}

/* A batch on a thread of the pool: a large map that is nearly empty makes the kernel walk all its buckets in one call.
 * The kernel writes into memory of the job; a JavaScript buffer could be gone before it is done. */
struct batch_job {
	struct job job;
	int fd;
	uint8_t *from, *next, *keys, *values; /* from: NULL at the beginning */
	size_t next_length, keys_length, values_length;
	uint32_t count;
	int batch_err;
};

static uint8_t *copy_of(struct bytes b)
{
	uint8_t *copy = malloc(b.length ? b.length : 1);

	if (copy && b.length)
		memcpy(copy, b.data, b.length);
	return copy;
}

static void batch_run(struct job *job)
{
	struct batch_job *j = (struct batch_job *)job;

	if (bpf_map_lookup_batch(j->fd, j->from, j->next, j->keys, j->values, &j->count, NULL))
		j->batch_err = errno;
}

/* Back into the buffers as they are now: they may have been exchanged or moved away meanwhile. */
static napi_value batch_done(napi_env env, struct job *job)
{
	struct batch_job *j = (struct batch_job *)job;
	struct args a = { .env = env, .count = 3 };
	napi_value buffers = NULL;
	uint8_t *from[3] = { j->next, j->keys, j->values };
	size_t length[3] = { j->next_length, j->keys_length, j->values_length };

	napi_get_reference_value(env, job->keep, &buffers);
	for (uint32_t i = 0; i < 3; i++) {
		napi_get_element(env, buffers, i, &a.value[i]);
		struct bytes to = arg_bytes(&a, i);
		if (a.bad)
			return NULL;
		memcpy(to.data, from[i], to.length < length[i] ? to.length : length[i]);
	}
	if (!j->batch_err)
		return js_number(env, j->count);
	return js_number(env, -((double)j->batch_err * 4294967296.0 + (j->batch_err == ENOENT ? j->count : 0)) - 1);
}

static void batch_release(napi_env env, struct job *job)
{
	struct batch_job *j = (struct batch_job *)job;

	(void)env;
	if (j->fd >= 0)
		close(j->fd);
	free(j->from);
	free(j->next);
	free(j->keys);
	free(j->values);
	free(j);
}

/* mapBatchOnPool(fd, from | null, next, keys, values, max) -> Promise<number>, as mapBatch with both at 0 */
static napi_value mapBatchOnPool(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	int fd = arg_i32(&a, 0);
	struct bytes from = arg_bytes_or_null(&a, 1), next = arg_bytes(&a, 2), keys = arg_bytes(&a, 3);
	struct bytes values = arg_bytes(&a, 4);
	uint32_t count = arg_u32(&a, 5);
	struct batch_job *j;
	napi_value buffers = NULL;

	if (a.bad)
		return NULL;
	j = calloc(1, sizeof(*j));
	if (!j)
		return fail(env, ENOMEM, "batch", NULL);
	/* a descriptor of its own: the map may be closed before the kernel has answered */
	j->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	j->from = from.data ? copy_of(from) : NULL;
	j->next = copy_of(next);
	j->keys = calloc(1, keys.length ? keys.length : 1);
	j->values = calloc(1, values.length ? values.length : 1);
	if (j->fd < 0 || (from.data && !j->from) || !j->next || !j->keys || !j->values) {
		int err = j->fd < 0 ? errno : ENOMEM;
		batch_release(env, &j->job);
		return fail(env, err, "batch", NULL);
	}
	j->next_length = next.length;
	j->keys_length = keys.length;
	j->values_length = values.length;
	j->count = count;
	j->job.what = "batch";
	j->job.run = batch_run;
	j->job.done = batch_done;
	j->job.release = batch_release;
	napi_create_array_with_length(env, 3, &buffers);
	for (uint32_t i = 0; i < 3; i++)
		napi_set_element(env, buffers, i, a.value[2 + i]);
	return job_start(env, &j->job, buffers);
}

/* mapCreate(type, name, keySize, valueSize, maxEntries, flags) -> fd */
static napi_value mapCreate(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	int type = arg_i32(&a, 0);
	char *name = arg_string_or_null(&a, 1);
	uint32_t key = arg_u32(&a, 2), value = arg_u32(&a, 3), entries = arg_u32(&a, 4), flags = arg_u32(&a, 5);
	int fd, err;

	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = flags);
	if (a.bad) {
		free(name);
		return NULL;
	}
	fd = bpf_map_create(type, name, key, value, entries, &opts);
	err = errno;
	free(name);
	return fd >= 0 ? js_number(env, fd) : fail(env, err, "create map", NULL);
}

/* mapInfo(fd) -> {id, type, keySize, valueSize, maxEntries, flags, name} */
static napi_value mapInfo(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	int fd = arg_i32(&a, 0);
	struct bpf_map_info m = { 0 };
	uint32_t length = sizeof(m);
	napi_value out;

	if (a.bad)
		return NULL;
	if (bpf_obj_get_info_by_fd(fd, &m, &length))
		return fail(env, errno, "map info", NULL);
	napi_create_object(env, &out);
	js_set(env, out, "id", js_number(env, m.id));
	js_set(env, out, "type", js_number(env, m.type));
	js_set(env, out, "keySize", js_number(env, m.key_size));
	js_set(env, out, "valueSize", js_number(env, m.value_size));
	js_set(env, out, "maxEntries", js_number(env, m.max_entries));
	js_set(env, out, "flags", js_number(env, m.map_flags));
	js_set(env, out, "name", js_string(env, m.name));
	return out;
}

/* objPin(fd, path) for programs, maps and links alike */
static napi_value objPin(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	int fd = arg_i32(&a, 0), err = 0;
	char *path = arg_string(&a, 1);

	if (!a.bad && bpf_obj_pin(fd, path))
		err = errno;
	free(path);
	return a.bad ? NULL : err ? fail(env, err, "pin", NULL) : js_bool(env, true);
}

/* objGet(path) -> fd of what is pinned there */
static napi_value objGet(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	char *path = arg_string(&a, 0);
	int fd = -1, err = 0;

	if (!a.bad) {
		fd = bpf_obj_get(path);
		err = errno;
	}
	free(path);
	return a.bad ? NULL : fd >= 0 ? js_number(env, fd) : fail(env, err, "open pinned", NULL);
}

/* fdClose(fd) */
static napi_value fdClose(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	int fd = arg_i32(&a, 0);

	if (!a.bad && fd >= 0)
		close(fd);
	return a.bad ? NULL : js_bool(env, true);
}

void map_exports(napi_env env, napi_value exports)
{
	EXPORT(env, exports, mapLookup);
	EXPORT(env, exports, mapUpdate);
	EXPORT(env, exports, mapDelete);
	EXPORT(env, exports, mapNextKey);
	EXPORT(env, exports, mapBatch);
	EXPORT(env, exports, mapBatchOnPool);
	EXPORT(env, exports, mapCreate);
	EXPORT(env, exports, mapInfo);
	EXPORT(env, exports, objPin);
	EXPORT(env, exports, objGet);
	EXPORT(env, exports, fdClose);
}
