/** What begins a line of the guest that is a figure: `["capable: skep",1234]`. */
export const GUEST = '@@twin ';

/** The probes whose twins in libbpf-tools want kprobes, or functions where there are none; and one that does not. */
export const toolsOfGuest = ['capable', 'tcpconnect', 'tcpconnlat', 'opensnoop'] as const;
