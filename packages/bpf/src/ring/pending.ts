/**
 * Descriptors whose readiness must be asked for beside poll(2), and how.
 *
 * A perf event says "readable" once for each wake-up, to whoever asks first (perf_poll exchanges the flag for
 * 0), and epoll asks when a descriptor is added to it: records that came before that would go unnoticed until
 * the next one. So {@link Poller} looks once itself after it has begun to wait.
 */
export const pending = new Map<number, () => boolean>();
