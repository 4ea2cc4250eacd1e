// SPDX-License-Identifier: Apache-2.0
// Maps by file descriptor. Sizes are checked in TypeScript; a buffer passed here is as long as the kernel
// will read or write. Expected outcomes (no such key, end of map) are results, the rest are errors.
#include "skep_bpf.h"

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
	EXPORT(env, exports, mapCreate);
	EXPORT(env, exports, mapInfo);
	EXPORT(env, exports, objPin);
	EXPORT(env, exports, objGet);
	EXPORT(env, exports, fdClose);
}
