// SPDX-License-Identifier: Apache-2.0
// What of an object's maps and programs is set between opening and loading it.
#include "skep_bpf.h"

/* mapConfigure(object, map, 'type'|'keySize'|'valueSize'|'maxEntries'|'flags'|'autocreate'|'window'|'extraLow'|'extraHigh', number);
 * window: map_extra in units of 4 GiB, unless the object says it itself; extraLow and extraHigh: its halves */
static napi_value mapConfigure(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	struct object *o = arg_object(&a);
	struct bpf_map *m = o ? arg_map(&a, o, 1) : NULL;
	char *what = m ? arg_string(&a, 2) : NULL;
	uint32_t n = m ? arg_u32(&a, 3) : 0;
	struct log log;
	int err = -EINVAL;

	if (a.bad) {
		free(what);
		return NULL;
	}
	log_begin(&log, false);
	if (bpf_map__is_internal(m))
		err = -EPERM; /* libbpf has its bytes mapped, as many as the compiler made */
	else if (!strcmp(what, "type"))
		err = bpf_map__set_type(m, n);
	else if (!strcmp(what, "keySize"))
		err = bpf_map__set_key_size(m, n);
	else if (!strcmp(what, "valueSize"))
		err = bpf_map__set_value_size(m, n);
	else if (!strcmp(what, "maxEntries"))
		err = bpf_map__set_max_entries(m, n);
	else if (!strcmp(what, "flags"))
		err = bpf_map__set_map_flags(m, n);
	else if (!strcmp(what, "autocreate"))
		err = bpf_map__set_autocreate(m, n != 0);
	else if (!strcmp(what, "extraLow"))
		err = bpf_map__set_map_extra(m, (bpf_map__map_extra(m) >> 32 << 32) | n);
	else if (!strcmp(what, "extraHigh"))
		err = bpf_map__set_map_extra(m, (uint64_t)n << 32 | (uint32_t)bpf_map__map_extra(m));
	else if (!strcmp(what, "window"))
		err = bpf_map__map_extra(m) ? 0 : bpf_map__set_map_extra(m, (uint64_t)n << 32);
	log_end(&log);
	free(what);
	return answer(env, err, "configure map", &log);
}

/* mapReuse(object, map, fd): libbpf duplicates the fd */
static napi_value mapReuse(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	struct object *o = arg_object(&a);
	struct bpf_map *m = o ? arg_map(&a, o, 1) : NULL;
	int fd = m ? arg_i32(&a, 2) : -1;
	struct log log;
	int err;

	if (a.bad)
		return NULL;
	log_begin(&log, false);
	err = bpf_map__reuse_fd(m, fd);
	log_end(&log);
	return answer(env, err, "reuse map", &log);
}

/* mapInitialWrite(object, map, offset, bytes): before load only, as libbpf then seals .rodata */
static napi_value mapInitialWrite(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	struct object *o = arg_object(&a);
	struct bpf_map *m = o ? arg_map(&a, o, 1) : NULL;
	int64_t offset = m ? arg_int(&a, 2) : 0;
	struct bytes in = arg_bytes(&a, 3);
	size_t size = 0;
	uint8_t *data;
	struct log log = { 0 };

	if (a.bad)
		return NULL;
	if (o->loaded)
		return fail(env, EBUSY, "object is loaded", NULL);
	data = (uint8_t *)bpf_map__initial_value(m, &size);
	if (!data || offset < 0 || (size_t)offset > size || in.length > size - (size_t)offset)
		return fail(env, ERANGE, "outside the section", NULL);
	memcpy(data + offset, in.data, in.length);
	return answer(env, 0, "", &log);
}

/* programConfigure(object, program, 'autoload'|'type'|'expectedAttachType'|'flags'|'logLevel', number) */
static napi_value programConfigure(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	struct object *o = arg_object(&a);
	struct bpf_program *p = o ? arg_program(&a, o, 1) : NULL;
	char *what = p ? arg_string(&a, 2) : NULL;
	uint32_t n = p ? arg_u32(&a, 3) : 0;
	struct log log;
	int err = -EINVAL;

	if (a.bad) {
		free(what);
		return NULL;
	}
	log_begin(&log, false);
	if (!strcmp(what, "autoload"))
		err = bpf_program__set_autoload(p, n != 0);
	else if (!strcmp(what, "type"))
		err = bpf_program__set_type(p, n);
	else if (!strcmp(what, "expectedAttachType"))
		err = bpf_program__set_expected_attach_type(p, n);
	else if (!strcmp(what, "flags"))
		err = bpf_program__set_flags(p, n);
	else if (!strcmp(what, "logLevel"))
		err = bpf_program__set_log_level(p, n);
	log_end(&log);
	free(what);
	return answer(env, err, "configure program", &log);
}

/* programTarget(object, program, function): which kernel function an fentry, fexit, tp_btf or lsm program is for */
static napi_value programTarget(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	struct object *o = arg_object(&a);
	struct bpf_program *p = o ? arg_program(&a, o, 1) : NULL;
	char *name = p ? arg_string(&a, 2) : NULL;
	struct log log;
	int err;

	if (a.bad) {
		free(name);
		return NULL;
	}
	log_begin(&log, false);
	err = bpf_program__set_attach_target(p, 0, name);
	log_end(&log);
	free(name);
	return answer(env, err, "set target", &log);
}

void configure_exports(napi_env env, napi_value exports)
{
	EXPORT(env, exports, mapConfigure);
	EXPORT(env, exports, mapReuse);
	EXPORT(env, exports, mapInitialWrite);
	EXPORT(env, exports, programConfigure);
	EXPORT(env, exports, programTarget);
}
