// SPDX-License-Identifier: Apache-2.0
// One BPF object: opened from bytes, described, closed when nothing uses it any more.
#include "skep_bpf.h"

static void object_close_now(struct object *o)
{
	if (o->bpf)
		bpf_object__close(o->bpf);
	free(o->image);
	free(o->programs);
	free(o->maps);
	o->bpf = NULL;
	o->image = NULL;
	o->programs = NULL;
	o->maps = NULL;
	o->program_count = o->map_count = 0;
}

static void object_close_if_unused(struct object *o)
{
	if (o->busy || o->links)
		return;
	if (o->closing || o->collected)
		object_close_now(o);
	if (o->collected)
		free(o);
}

void object_job_ended(struct object *o)
{
	o->busy--;
	object_close_if_unused(o);
}

void object_link_gone(struct object *o)
{
	o->links--;
	object_close_if_unused(o);
}

static void object_finalize(napi_env env, void *data, void *hint)
{
	struct object *o = data;

	(void)env;
	(void)hint;
	o->collected = true;
	object_close_if_unused(o);
}

/* objectOpen(bytes, name, path of BTF to relocate against | null) -> handle */
static napi_value objectOpen(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	struct bytes image = arg_bytes(&a, 0);
	char *name = arg_string_or_null(&a, 1);
	char *types = arg_string_or_null(&a, 2);
	struct object *o;
	struct bpf_program *p;
	struct bpf_map *m;
	struct log log;
	napi_value handle;
	int err;

	if (a.bad) {
		free(name);
		free(types);
		return NULL;
	}
	o = calloc(1, sizeof(*o));
	if (o)
		o->image = malloc(image.length + 1);
	if (!o || !o->image) {
		free(o);
		free(name);
		free(types);
		return fail(env, ENOMEM, "open", NULL);
	}
	o->kind = HANDLE_OBJECT;
	memcpy(o->image, image.data, image.length);
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = name, .btf_custom_path = types);
	log_begin(&log, false);
	o->bpf = bpf_object__open_mem(o->image, image.length, &opts);
	err = o->bpf ? 0 : errno;
	log_end(&log);
	free(name);
	free(types);
	if (!o->bpf) {
		fail(env, err, "open", &log);
		log_free(&log);
		free(o->image);
		free(o);
		return NULL;
	}
	log_free(&log);
	bpf_object__for_each_program(p, o->bpf) o->program_count++;
	bpf_object__for_each_map(m, o->bpf) o->map_count++;
	o->programs = calloc(o->program_count + 1, sizeof(*o->programs));
	o->maps = calloc(o->map_count + 1, sizeof(*o->maps));
	if (!o->programs || !o->maps) {
		object_close_now(o);
		free(o);
		return fail(env, ENOMEM, "open", NULL);
	}
	size_t i = 0, j = 0;
	bpf_object__for_each_program(p, o->bpf) o->programs[i++] = p;
	bpf_object__for_each_map(m, o->bpf) {
		/* LIBBPF_PIN_BY_NAME would leave the map in /sys/fs/bpf behind the process, or take one that somebody
		 * else left there. What is to be pinned, the caller pins. */
		bpf_map__set_pin_path(m, NULL);
		o->maps[j++] = m;
	}
	if (napi_create_external(env, o, object_finalize, NULL, &handle) == napi_ok)
		return handle;
	object_close_now(o);
	free(o);
	return NULL;
}

/* The object of argument 0, open and not being loaded; else NULL and an exception. */
struct object *arg_object(struct args *a)
{
	struct object *o = arg_handle(a, 0, HANDLE_OBJECT);

	if (a->bad)
		return NULL;
	if (!o->bpf || o->closing) {
		a->bad = true;
		fail(a->env, EBADF, "object is closed", NULL);
		return NULL;
	}
	if (o->busy) {
		a->bad = true;
		fail(a->env, EBUSY, "object is being loaded or attached", NULL);
		return NULL;
	}
	return o;
}

struct bpf_program *arg_program(struct args *a, struct object *o, size_t i)
{
	int64_t n = arg_int(a, i);

	if (a->bad)
		return NULL;
	if (n < 0 || (size_t)n >= o->program_count) {
		a->bad = true;
		fail(a->env, ENOENT, "no such program", NULL);
		return NULL;
	}
	return o->programs[n];
}

struct bpf_map *arg_map(struct args *a, struct object *o, size_t i)
{
	int64_t n = arg_int(a, i);

	if (a->bad)
		return NULL;
	if (n < 0 || (size_t)n >= o->map_count) {
		a->bad = true;
		fail(a->env, ENOENT, "no such map", NULL);
		return NULL;
	}
	return o->maps[n];
}

napi_value answer(napi_env env, int err, const char *what, struct log *log)
{
	napi_value undefined;

	if (err)
		fail(env, err < 0 ? -err : err, what, log);
	log_free(log);
	napi_get_undefined(env, &undefined);
	return undefined;
}

/* objectDescribe(handle) -> {programs: [...], maps: [...]} */
static napi_value objectDescribe(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	struct object *o = arg_object(&a);
	napi_value out, programs, maps, item;

	if (a.bad)
		return NULL;
	napi_create_object(env, &out);
	napi_create_array_with_length(env, o->program_count, &programs);
	for (size_t i = 0; i < o->program_count; i++) {
		struct bpf_program *p = o->programs[i];
		napi_create_object(env, &item);
		js_set(env, item, "name", js_string(env, bpf_program__name(p)));
		js_set(env, item, "section", js_string(env, bpf_program__section_name(p)));
		js_set(env, item, "type", js_number(env, bpf_program__type(p)));
		js_set(env, item, "expectedAttachType", js_number(env, bpf_program__expected_attach_type(p)));
		js_set(env, item, "autoload", js_bool(env, bpf_program__autoload(p)));
		napi_set_element(env, programs, i, item);
	}
	napi_create_array_with_length(env, o->map_count, &maps);
	for (size_t i = 0; i < o->map_count; i++) {
		struct bpf_map *m = o->maps[i];
		napi_create_object(env, &item);
		js_set(env, item, "name", js_string(env, bpf_map__name(m)));
		js_set(env, item, "type", js_number(env, bpf_map__type(m)));
		js_set(env, item, "keySize", js_number(env, bpf_map__key_size(m)));
		js_set(env, item, "valueSize", js_number(env, bpf_map__value_size(m)));
		js_set(env, item, "maxEntries", js_number(env, bpf_map__max_entries(m)));
		js_set(env, item, "flags", js_number(env, bpf_map__map_flags(m)));
		js_set(env, item, "keyTypeId", js_number(env, bpf_map__btf_key_type_id(m)));
		js_set(env, item, "valueTypeId", js_number(env, bpf_map__btf_value_type_id(m)));
		js_set(env, item, "internal", js_bool(env, bpf_map__is_internal(m)));
		napi_set_element(env, maps, i, item);
	}
	js_set(env, out, "programs", programs);
	js_set(env, out, "maps", maps);
	return out;
}

/* objectClose(handle): at once, or when the work under way and its links have ended; a second call does nothing */
static napi_value objectClose(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	struct object *o = arg_handle(&a, 0, HANDLE_OBJECT);
	struct log log = { 0 };

	if (a.bad)
		return NULL;
	o->closing = true;
	object_close_if_unused(o);
	return answer(env, 0, "", &log);
}

void object_exports(napi_env env, napi_value exports)
{
	EXPORT(env, exports, objectOpen);
	EXPORT(env, exports, objectDescribe);
	EXPORT(env, exports, objectClose);
}
