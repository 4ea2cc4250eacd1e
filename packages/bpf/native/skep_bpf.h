/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of this addon share. The addon is thin on purpose: it moves arguments to libbpf and the
 * kernel and errors back. Names, policies, retries and sentences for people are TypeScript's affair.
 */
#ifndef SKEP_BPF_H
#define SKEP_BPF_H

#define NAPI_VERSION 8
#include <node_api.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* ---- arguments of one call; a wrong one throws and sets `bad`, so a function checks once after reading all ---- */
#define MAX_ARGS 12
struct args {
	napi_env env;
	size_t count;
	napi_value value[MAX_ARGS];
	bool bad;
};
struct bytes {
	uint8_t *data; /* NULL for null or undefined */
	size_t length;
};

struct args args_get(napi_env env, napi_callback_info info);
int64_t arg_int(struct args *a, size_t i); /* whole and safe; the two below within their type too */
int32_t arg_i32(struct args *a, size_t i);
uint32_t arg_u32(struct args *a, size_t i);
bool arg_bool(struct args *a, size_t i);
uint64_t arg_u64(struct args *a, size_t i);               /* a bigint */
char *arg_string(struct args *a, size_t i);               /* malloc'd */
char *arg_string_or_null(struct args *a, size_t i);       /* NULL for null or undefined */
struct bytes arg_bytes(struct args *a, size_t i);         /* valid until the call returns: never keep it */
struct bytes arg_bytes_or_null(struct args *a, size_t i); /* data is NULL for null or undefined */

/* ---- handles: externals that begin with this header ---- */
enum handle_kind { HANDLE_OBJECT = 0x736b6501, HANDLE_LINK, HANDLE_MEMORY, HANDLE_POLL };
void *arg_handle(struct args *a, size_t i, enum handle_kind kind);

/* ---- what libbpf prints while a call of ours runs on this thread ---- */
struct log {
	char *text;
	size_t length, capacity;
	bool debug; /* keep LIBBPF_DEBUG lines too */
	struct log *outer;
};
void log_begin(struct log *log, bool debug);
void log_end(struct log *log); /* stops collecting; the text stays until log_free */
void log_free(struct log *log);

/* ---- errors: an Error with `errno` (positive) and `log` ---- */
napi_value make_error(napi_env env, int err, const char *what, const struct log *log);
napi_value fail(napi_env env, int err, const char *what, const struct log *log); /* throws, returns NULL */

/* ---- work on a thread of libuv's pool, answered by a promise ---- */
struct job {
	napi_async_work work;
	napi_deferred deferred;
	napi_ref keep; /* the handle that must outlive the work, or NULL */
	int err;       /* positive errno once run */
	struct log log;
	const char *what;
	void (*run)(struct job *job);                        /* on the pool thread: no napi here */
	napi_value (*done)(napi_env env, struct job *job);   /* on the main thread: the promise's value, or NULL */
	void (*release)(napi_env env, struct job *job);      /* always, last; frees the job */
};
napi_value job_start(napi_env env, struct job *job, napi_value keep);
napi_value job_run_here(napi_env env, struct job *job);

/* ---- small makers ---- */
napi_value js_number(napi_env env, double n);
napi_value js_string(napi_env env, const char *s);
napi_value js_log(napi_env env, const struct log *log);
napi_value js_bool(napi_env env, bool b);
napi_value js_bigint(napi_env env, uint64_t n);
napi_value js_bytes(napi_env env, const void *data, size_t length);
void js_set(napi_env env, napi_value object, const char *key, napi_value value);

/* ---- the parts ---- */
#define EXPORT(env, exports, fn) export_function(env, exports, #fn, fn)
void export_function(napi_env env, napi_value exports, const char *name, napi_callback fn);
void object_exports(napi_env env, napi_value exports);
void configure_exports(napi_env env, napi_value exports);
void load_exports(napi_env env, napi_value exports);
void link_exports(napi_env env, napi_value exports);
void map_exports(napi_env env, napi_value exports);
void program_exports(napi_env env, napi_value exports);
void memory_exports(napi_env env, napi_value exports);
void poll_exports(napi_env env, napi_value exports);
void system_exports(napi_env env, napi_value exports);
void vmlinux_exports(napi_env env, napi_value exports);
void kernel_types_exports(napi_env env, napi_value exports);
void inventory_exports(napi_env env, napi_value exports);
void hooks_exports(napi_env env, napi_value exports);
void resident_exports(napi_env env, napi_value exports);
void confine_exports(napi_env env, napi_value exports);

/* ---- objects, as what configures and loads them and as links see them ---- */
struct object {
	uint32_t kind;
	struct bpf_object *bpf;
	uint8_t *image; /* libbpf may point into it while the object is open */
	struct bpf_program **programs;
	struct bpf_map **maps;
	size_t program_count, map_count;
	bool loaded;
	/* What still uses it. libbpf's links of USDT probes point into their object, so it stays until they are gone. */
	int busy; /* jobs under way */
	int links;
	bool closing;   /* close() was called */
	bool collected; /* nobody has the handle any more */
};
void object_job_ended(struct object *object);
void object_link_gone(struct object *object);
struct object *arg_object(struct args *a); /* argument 0, open and not being loaded */
struct bpf_program *arg_program(struct args *a, struct object *o, size_t i);
struct bpf_map *arg_map(struct args *a, struct object *o, size_t i);
/* Undefined, or what went wrong; frees the log. */
napi_value answer(napi_env env, int err, const char *what, struct log *log);

#endif
