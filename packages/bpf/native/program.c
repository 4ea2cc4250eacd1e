// SPDX-License-Identifier: Apache-2.0
// Loaded programs by file descriptor: what the kernel knows of them, test runs, bare loads and links.
#include "skep_bpf.h"

/* programInfo(fd) -> {id, type, tag, name, runTimeNs, runCount, verifiedInstructions, ...} */
static napi_value programInfo(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	int fd = arg_i32(&a, 0);
	struct bpf_prog_info p = { 0 };
	uint32_t length = sizeof(p);
	napi_value out;

	if (a.bad)
		return NULL;
	if (bpf_obj_get_info_by_fd(fd, &p, &length))
		return fail(env, errno, "program info", NULL);
	napi_create_object(env, &out);
	js_set(env, out, "id", js_number(env, p.id));
	js_set(env, out, "type", js_number(env, p.type));
	js_set(env, out, "name", js_string(env, p.name));
	js_set(env, out, "tag", js_bytes(env, p.tag, sizeof(p.tag)));
	js_set(env, out, "runTimeNs", js_bigint(env, p.run_time_ns));
	js_set(env, out, "runCount", js_bigint(env, p.run_cnt));
	js_set(env, out, "recursionMisses", js_bigint(env, p.recursion_misses));
	js_set(env, out, "verifiedInstructions", js_number(env, p.verified_insns));
	js_set(env, out, "translatedBytes", js_number(env, p.xlated_prog_len));
	js_set(env, out, "loadTimeNs", js_bigint(env, p.load_time));
	js_set(env, out, "nativeBytes", js_number(env, p.jited_prog_len));
	return out;
}

/* programTestRun(fd, data | null, context | null, repeat, flags, dataOut | null)
 * -> {returned, durationNs, dataLength} */
static napi_value programTestRun(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	int fd = arg_i32(&a, 0);
	struct bytes data = arg_bytes_or_null(&a, 1), ctx = arg_bytes_or_null(&a, 2);
	int repeat = arg_i32(&a, 3);
	uint32_t flags = arg_u32(&a, 4);
	struct bytes out = arg_bytes_or_null(&a, 5);
	napi_value result;

	if (a.bad)
		return NULL;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = data.data, .data_size_in = data.length,
		    .data_out = out.data, .data_size_out = out.length, .ctx_in = ctx.data,
		    .ctx_size_in = ctx.length, .repeat = repeat, .flags = flags);
	if (bpf_prog_test_run_opts(fd, &opts))
		return fail(env, errno, "test run", NULL);
	napi_create_object(env, &result);
	js_set(env, result, "returned", js_number(env, opts.retval));
	js_set(env, result, "durationNs", js_number(env, opts.duration));
	js_set(env, result, "dataLength", js_number(env, opts.data_size_out));
	return result;
}

/* programLoad(type, expectedAttachType, instructions, license, attachBtfId, flags?) -> fd; the error carries the log */
static napi_value programLoad(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	int type = arg_i32(&a, 0), expected = arg_i32(&a, 1);
	struct bytes code = arg_bytes(&a, 2);
	char *license = arg_string(&a, 3);
	uint32_t btf_id = arg_u32(&a, 4), flags = a.count > 5 ? arg_u32(&a, 5) : 0;
	char *text = calloc(1, 65536);
	int fd, err;

	if (a.bad || !text) {
		free(license);
		free(text);
		return a.bad ? NULL : fail(env, ENOMEM, "load program", NULL);
	}
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = expected, .attach_btf_id = btf_id,
		    .prog_flags = flags, .log_level = 1, .log_buf = text, .log_size = 65536);
	fd = bpf_prog_load(type, "skep_probe", license, (const struct bpf_insn *)code.data,
			   code.length / sizeof(struct bpf_insn), &opts);
	err = errno;
	free(license);
	struct log log = { .text = text, .length = strlen(text) };
	if (fd < 0)
		fail(env, err, "load program", &log);
	free(text);
	return fd < 0 ? NULL : js_number(env, fd);
}

/* rawTracepointOpen(name | null, programFd) -> link fd; without a name for tp_btf, fentry and lsm */
static napi_value rawTracepointOpen(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	char *name = arg_string_or_null(&a, 0);
	int program = arg_i32(&a, 1), fd, err;

	if (a.bad) {
		free(name);
		return NULL;
	}
	fd = bpf_raw_tracepoint_open(name, program);
	err = errno;
	free(name);
	return fd < 0 ? fail(env, err, "open raw tracepoint", NULL) : js_number(env, fd);
}

/* linkCreate(programFd, target, attachType, flags) -> link fd; the target is an fd or an interface index */
static napi_value linkCreate(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	int program = arg_i32(&a, 0), target = arg_i32(&a, 1), type = arg_i32(&a, 2);
	uint32_t flags = arg_u32(&a, 3);
	int fd;

	if (a.bad)
		return NULL;
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = flags);
	fd = bpf_link_create(program, target, type, &opts);
	return fd < 0 ? fail(env, errno, "create link", NULL) : js_number(env, fd);
}

/* kprobeMultiOpen(programFd, function) -> link fd */
static napi_value kprobeMultiOpen(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	int program = arg_i32(&a, 0), fd, err;
	char *function = arg_string(&a, 1);
	const char *functions[] = { function };

	if (a.bad) {
		free(function);
		return NULL;
	}
	LIBBPF_OPTS(bpf_link_create_opts, opts, .kprobe_multi.syms = functions, .kprobe_multi.cnt = 1);
	fd = bpf_link_create(program, 0, BPF_TRACE_KPROBE_MULTI, &opts);
	err = errno;
	free(function);
	return fd < 0 ? fail(env, err, "create link", NULL) : js_number(env, fd);
}

/* iteratorCreate(linkFd) -> fd to read from */
static napi_value iteratorCreate(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	int link = arg_i32(&a, 0), fd;

	if (a.bad)
		return NULL;
	fd = bpf_iter_create(link);
	return fd < 0 ? fail(env, errno, "create iterator", NULL) : js_number(env, fd);
}

void program_exports(napi_env env, napi_value exports)
{
	EXPORT(env, exports, programInfo);
	EXPORT(env, exports, programTestRun);
	EXPORT(env, exports, programLoad);
	EXPORT(env, exports, rawTracepointOpen);
	EXPORT(env, exports, linkCreate);
	EXPORT(env, exports, kprobeMultiOpen);
	EXPORT(env, exports, iteratorCreate);
}
