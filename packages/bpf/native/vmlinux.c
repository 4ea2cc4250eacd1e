// SPDX-License-Identifier: Apache-2.0
// vmlinux.h: the kernel's types as C, printed by libbpf from BTF. Takes about a second, so on a pool thread.
#include "skep_bpf.h"

#include <stdarg.h>
#include <stdio.h>

struct dump_job {
	struct job job;
	char *path;
	char *text;
	size_t length;
};

static void on_dump(void *out, const char *format, va_list args)
{
	vfprintf(out, format, args);
}

static int dump_types(const struct btf *btf, FILE *out)
{
	struct btf_dump *dump = btf_dump__new(btf, on_dump, out, NULL);
	int err = 0;

	if (!dump)
		return errno;
	for (uint32_t id = 1, end = btf__type_cnt(btf); id < end && !err; id++)
		err = -btf_dump__dump_type(dump, id);
	btf_dump__free(dump);
	return err;
}

static void dump_run(struct job *job)
{
	struct dump_job *j = (struct dump_job *)job;
	struct btf *btf = j->path ? btf__parse(j->path, NULL) : btf__load_vmlinux_btf();
	FILE *out;

	if (!btf) {
		job->err = errno;
		return;
	}
	out = open_memstream(&j->text, &j->length);
	if (!out) {
		job->err = errno;
	} else {
		fputs("#ifndef __VMLINUX_H__\n"
		      "#define __VMLINUX_H__\n\n"
		      "#ifndef BPF_NO_PRESERVE_ACCESS_INDEX\n"
		      "#pragma clang attribute push (__attribute__((preserve_access_index)), apply_to = record)\n"
		      "#endif\n\n",
		      out);
		job->err = dump_types(btf, out);
		fputs("#ifndef BPF_NO_PRESERVE_ACCESS_INDEX\n"
		      "#pragma clang attribute pop\n"
		      "#endif\n\n"
		      "#endif /* __VMLINUX_H__ */\n",
		      out);
		if ((ferror(out) | fclose(out)) && !job->err)
			job->err = ENOMEM;
	}
	btf__free(btf);
}

static napi_value dump_done(napi_env env, struct job *job)
{
	struct dump_job *j = (struct dump_job *)job;
	napi_value text = NULL;

	/* identifiers are ASCII */
	napi_create_string_latin1(env, j->text, j->length, &text);
	return text;
}

static void dump_release(napi_env env, struct job *job)
{
	struct dump_job *j = (struct dump_job *)job;

	(void)env;
	free(j->path);
	free(j->text);
	free(j);
}

/* vmlinuxDump(path | null) -> Promise<string>; path: raw BTF or an ELF file with .BTF */
static napi_value vmlinuxDump(napi_env env, napi_callback_info info)
{
	struct args a = args_get(env, info);
	struct dump_job *j = calloc(1, sizeof(*j));

	if (!j)
		return fail(env, ENOMEM, "dump types", NULL);
	j->path = arg_string_or_null(&a, 0);
	if (a.bad) {
		dump_release(env, &j->job);
		return NULL;
	}
	j->job.what = "dump types";
	j->job.run = dump_run;
	j->job.done = dump_done;
	j->job.release = dump_release;
	return job_start(env, &j->job, NULL);
}

void vmlinux_exports(napi_env env, napi_value exports)
{
	EXPORT(env, exports, vmlinuxDump);
}
