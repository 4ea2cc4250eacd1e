// SPDX-License-Identifier: Apache-2.0
// Loads an object on a thread of the pool.
#include "skep_bpf.h"

#include <malloc.h>
#include <unistd.h>

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
		    !bpf_map__autocreate(m))
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
	job->err = err < 0 ? -err : err;
	/* CO-RE reads all of the kernel's types; without this the heap keeps what that took for ever */
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

void load_exports(napi_env env, napi_value exports)
{
	EXPORT(env, exports, objectLoad);
}
