// SPDX-License-Identifier: Apache-2.0
// One BPF object: opened from bytes, configured, loaded on a pool thread, closed.
#include "skep_bpf.h"

#include <malloc.h>
#include <unistd.h>

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
	bpf_object__for_each_map(m, o->bpf) o->maps[j++] = m;
	if (napi_create_external(env, o, object_finalize, NULL, &handle) == napi_ok)
		return handle;
	object_close_now(o);
	free(o);
	return NULL;
}

/* The object of argument 0, open and not being loaded; else NULL and an exception. */
static struct object *arg_object(struct args *a)
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

static struct bpf_program *arg_program(struct args *a, struct object *o, size_t i)
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

static struct bpf_map *arg_map(struct args *a, struct object *o, size_t i)
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

static napi_value answer(napi_env env, int err, const char *what, struct log *log)
{
	napi_value undefined;

	if (err)
		fail(env, err < 0 ? -err : err, what, log);
	log_free(log);
	napi_get_undefined(env, &undefined);
	return undefined;
}

/* mapConfigure(object, map, 'type'|'keySize'|'valueSize'|'maxEntries'|'flags'|'autocreate', number) */
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

/* ---- load ---- */

struct load_job {
	struct job job;
	struct object *object;
};

/* A ring whose definition names the type of its records: libbpf passes the type on, the kernel allocates and clears
 * the ring, refuses the type, and libbpf begins again without it. Made here, 16 MiB are cleared once (3 to 5 ms).
 * What does not work here is left to libbpf, which then says why. */
static void make_typed_rings(struct object *o)
{
	for (size_t i = 0; i < o->map_count; i++) {
		struct bpf_map *m = o->maps[i];
		LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = bpf_map__map_flags(m),
			    .numa_node = bpf_map__numa_node(m));
		int fd;

		if (bpf_map__type(m) != BPF_MAP_TYPE_RINGBUF || !bpf_map__btf_value_type_id(m) || bpf_map__fd(m) >= 0 ||
		    bpf_map__pin_path(m) || !bpf_map__autocreate(m))
			continue;
		fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, bpf_map__name(m), 0, 0, bpf_map__max_entries(m), &opts);
		if (fd < 0)
			continue;
		bpf_map__reuse_fd(m, fd); /* duplicates it */
		close(fd);
	}
}

static void load_run(struct job *job)
{
	struct load_job *load = (struct load_job *)job;
	int err;

	make_typed_rings(load->object);
	err = bpf_object__load(load->object->bpf);
	kernel_types_drop();
	job->err = err < 0 ? -err : err;
	/* CO-RE reads all of the kernel's types; without this the heap keeps those 6 MB for ever */
	malloc_trim(0);
}

static napi_value load_done(napi_env env, struct job *job)
{
	struct object *o = ((struct load_job *)job)->object;
	napi_value out, programs, maps;

	o->loaded = true;
	napi_create_object(env, &out);
	napi_create_array_with_length(env, o->program_count, &programs);
	napi_create_array_with_length(env, o->map_count, &maps);
	for (size_t i = 0; i < o->program_count; i++)
		napi_set_element(env, programs, i, js_number(env, bpf_program__fd(o->programs[i])));
	for (size_t i = 0; i < o->map_count; i++)
		napi_set_element(env, maps, i, js_number(env, bpf_map__fd(o->maps[i])));
	js_set(env, out, "programs", programs);
	js_set(env, out, "maps", maps);
	js_set(env, out, "log", js_log(env, &job->log));
	return out;
}

static void load_release(napi_env env, struct job *job)
{
	(void)env;
	object_job_ended(((struct load_job *)job)->object);
	free(job);
}

/* objectLoad(handle, debug) -> Promise<{programs: fd[], maps: fd[], log}> */
static napi_value objectLoad(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	struct object *o = arg_object(&a);
	bool debug = arg_bool(&a, 1);
	struct load_job *load;

	if (a.bad)
		return NULL;
	if (o->loaded)
		return fail(env, EBUSY, "object is loaded", NULL);
	load = calloc(1, sizeof(*load));
	if (!load)
		return fail(env, ENOMEM, "load", NULL);
	load->object = o;
	load->job.what = "load";
	load->job.log.debug = debug;
	load->job.run = load_run;
	load->job.done = load_done;
	load->job.release = load_release;
	o->busy++;
	return job_start(env, &load->job, a.value[0]);
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
	EXPORT(env, exports, objectLoad);
	EXPORT(env, exports, objectClose);
	EXPORT(env, exports, mapConfigure);
	EXPORT(env, exports, mapReuse);
	EXPORT(env, exports, mapInitialWrite);
	EXPORT(env, exports, programConfigure);
	EXPORT(env, exports, programTarget);
}
