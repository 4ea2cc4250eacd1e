// k6: requests at a constant rate, whatever the server does (an open model: a slow server cannot hide), or from a few
// users that wait for each answer (CLOSED=1), which asks how much it can. What k6 counts goes to SUMMARY.
import http from 'k6/http';
import { Counter } from 'k6/metrics';

const answered = new Counter('flora_answered');
const refused = new Counter('flora_refused');

const { URL, SUMMARY, CLOSED } = __ENV;
const users = Number(__ENV.USERS);
const duration = `${__ENV.SECONDS}s`;

const open = {
  executor: 'constant-arrival-rate',
  rate: Number(__ENV.RATE),
  timeUnit: '1s',
  duration,
  preAllocatedVUs: users,
  maxVUs: users * 4,
};
const closed = { executor: 'constant-vus', vus: users, duration };

export const options = {
  scenarios: { flora: CLOSED ? closed : open },
  discardResponseBodies: true,
  summaryTrendStats: ['med', 'p(95)', 'p(99)', 'max'],
};

export default function () {
  const { status } = http.get(URL);
  if (status === 200) answered.add(1);
  else refused.add(1);
}

export function handleSummary({ metrics, state }) {
  const count = (name) => (metrics[name] ? metrics[name].values.count : 0);
  const { values } = metrics.http_req_duration;
  return {
    [SUMMARY]: JSON.stringify({
      sent: count('http_reqs'),
      answered: count('flora_answered'),
      refused: count('flora_refused'),
      dropped: count('dropped_iterations'),
      p50: values.med,
      p95: values['p(95)'],
      p99: values['p(99)'],
      most: values.max,
      seconds: state.testRunDurationMs / 1000,
    }),
  };
}
