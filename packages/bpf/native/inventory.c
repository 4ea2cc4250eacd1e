// SPDX-License-Identifier: Apache-2.0
// What is loaded on this machine, whoever loaded it: programs, maps and links by their ids.
#include "skep_bpf.h"

#include <sys/syscall.h>
#include <unistd.h>

enum { PROGRAMS, MAPS, LINKS };

/* nextId(what, id) -> the next id of that kind, 0 after the last */
static napi_value nextId(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	int what = arg_i32(&a, 0), err;
	uint32_t id = arg_u32(&a, 1), next = 0;

	if (a.bad)
		return NULL;
	switch (what) {
	case PROGRAMS: err = bpf_prog_get_next_id(id, &next); break;
	case MAPS: err = bpf_map_get_next_id(id, &next); break;
	default: err = bpf_link_get_next_id(id, &next); break;
	}
	if (err && errno != ENOENT)
		return fail(env, errno, "next id", NULL);
	return js_number(env, err ? 0 : next);
}

/* fdById(what, id) -> fd */
static napi_value fdById(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	int what = arg_i32(&a, 0), fd;
	uint32_t id = arg_u32(&a, 1);

	if (a.bad)
		return NULL;
	switch (what) {
	case PROGRAMS: fd = bpf_prog_get_fd_by_id(id); break;
	case MAPS: fd = bpf_map_get_fd_by_id(id); break;
	default: fd = bpf_link_get_fd_by_id(id); break;
	}
	return fd < 0 ? fail(env, errno, "open by id", NULL) : js_number(env, fd);
}

/* programMaps(fd) -> ids of the maps that a program uses */
static napi_value programMaps(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	int fd = arg_i32(&a, 0);
	uint32_t ids[256], length = sizeof(struct bpf_prog_info);
	struct bpf_prog_info p = { .nr_map_ids = 256, .map_ids = (uint64_t)(uintptr_t)ids };
	napi_value out;

	if (a.bad)
		return NULL;
	if (bpf_obj_get_info_by_fd(fd, &p, &length))
		return fail(env, errno, "program info", NULL);
	napi_create_array(env, &out);
	for (uint32_t i = 0; i < p.nr_map_ids && i < 256; i++)
		napi_set_element(env, out, i, js_number(env, ids[i]));
	return out;
}

/* linkInfo(fd) -> {id, type, programId} */
static napi_value linkInfo(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	int fd = arg_i32(&a, 0);
	struct bpf_link_info l = { 0 };
	uint32_t length = sizeof(l);
	napi_value out;

	if (a.bad)
		return NULL;
	if (bpf_obj_get_info_by_fd(fd, &l, &length))
		return fail(env, errno, "link info", NULL);
	napi_create_object(env, &out);
	js_set(env, out, "id", js_number(env, l.id));
	js_set(env, out, "type", js_number(env, l.type));
	js_set(env, out, "programId", js_number(env, l.prog_id));
	return out;
}

/* tokenCreate(bpffs fd) -> fd; libbpf 1.1 does not know the command */
static napi_value tokenCreate(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	struct {
		uint32_t flags, bpffs_fd;
	} attr = { .bpffs_fd = arg_i32(&a, 0) };
	const int BPF_TOKEN_CREATE = 36;
	int fd;

	if (a.bad)
		return NULL;
	fd = syscall(__NR_bpf, BPF_TOKEN_CREATE, &attr, sizeof(attr));
	return fd < 0 ? fail(env, errno, "create token", NULL) : js_number(env, fd);
}

void inventory_exports(napi_env env, napi_value exports)
{
	EXPORT(env, exports, nextId);
	EXPORT(env, exports, fdById);
	EXPORT(env, exports, programMaps);
	EXPORT(env, exports, linkInfo);
	EXPORT(env, exports, tokenCreate);
}
