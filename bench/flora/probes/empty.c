// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* The hooks that counting requests needs, with nothing behind them: what the kernel takes to come here and back. */
#include "skep.h"

SKEP_TP_BTF(sock_send_length, empty_sent, struct sock *sk, int result, int flags)
{
	return 0;
}

SKEP_TP_BTF(sock_recv_length, empty_received, struct sock *sk, int result, int flags)
{
	return 0;
}

SKEP_TP_BTF(inet_sock_set_state, empty_state, struct sock *sk, int from, int to)
{
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
