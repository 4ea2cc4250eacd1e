import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProbeError } from '../src/index.ts';
import { parsePolicy, ruleFor, signersFor } from '../src/policy/index.ts';

const text = `# who may
signers:
  team: cosign.pub
  ci: |
    -----BEGIN PUBLIC KEY-----
    AAAA
    -----END PUBLIC KEY-----
rules:
  - images: [ghcr.io/me/*, "oomkill:1"]
    signers: [team, ci]
    observe-only: true
  - images: docker.io/a/b
    digests: sha256:${'1'.repeat(64)}
  - images: "evil*"
    refuse: true
  - images: "*"
    refuse-helpers: bpf_probe_write_user
`;

test('the first rule that fits a name decides', () => {
  const policy = parsePolicy(text, 'p.yaml');
  assert.equal(policy.signers.get('team'), 'cosign.pub');
  assert.match(String(policy.signers.get('ci')), /^-----BEGIN PUBLIC KEY-----\nAAAA\n/);
  const line = (name: string) => ruleFor(policy, name)?.line;
  assert.equal(line('ghcr.io/me/a:1'), 9);
  assert.equal(line(`ghcr.io/me/a/b@sha256:${'2'.repeat(64)}`), 9);
  assert.equal(line('oomkill:1'), 9);
  assert.equal(line('docker.io/a/b:7'), 12);
  assert.equal(line('evil:latest'), 14);
  assert.equal(line('ghcrxio/me/a:1'), 16, 'a dot is a dot');
  assert.equal(line('xghcr.io/me/a:1'), 16, 'a pattern is of the whole name');
  assert.equal(ruleFor({ ...policy, rules: policy.rules.slice(0, 3) }, 'other'), undefined);
  assert.equal(ruleFor(policy, 'ghcr.io/me/a:1')?.observeOnly, true);
});

test('once a policy names a signer, one of them must have signed, unless digests are pinned', () => {
  const policy = parsePolicy(text, 'p.yaml');
  const signers = (name: string) => signersFor(policy, ruleFor(policy, name));
  assert.deepEqual(signers('ghcr.io/me/a'), ['team', 'ci']);
  assert.deepEqual(signers('anything'), ['team', 'ci']);
  assert.equal(signers('docker.io/a/b'), undefined);
  const none = parsePolicy('rules: [{images: "*", observe-only: true}]', 'p.yaml');
  assert.equal(signersFor(none, none.rules[0]), undefined);
  assert.equal(signersFor(none, undefined), undefined);
  // Where no rule says for what its signers are, they are for all.
  const unused = parsePolicy(
    'signers: {a: a.pub, b: b.pub}\nrules: [{images: x, observe-only: true}]',
    'p.yaml',
  );
  assert.deepEqual(signersFor(unused, unused.rules[0]), ['a', 'b']);
  assert.deepEqual(signersFor(unused, undefined), ['a', 'b']);
});

test('a policy that is not understood is refused with its line', () => {
  const wrong: [string, RegExp][] = [
    ['', /p\.yaml:1: there must be keys and values/],
    ['rules: []', /:1: rules must be a list/],
    ['rules: {a: b}', /:1: rules must be a list/],
    ['rule: []', /:1: "rule" is no key here; the keys are signers, rules/],
    ['rules:\n  - images: "*"\n    signer: team', /:3: "signer" is no key here/],
    ['rules:\n  - images: "*"\n    signers: team', /:3: the signer team does not stand under signers:/],
    ['rules:\n  - refuse: true', /:2: the rule does not say for which images/],
    ['rules:\n  - images: []', /:2: images must be/],
    ['rules:\n  - images: [[a]]', /:2: images must be/],
    ['rules:\n  - images: "*"\n    digests: [sha256:12]', /:3: digests must be sha256:/],
    ['rules:\n  - images: "*"\n    observe-only: yes', /:3: observe-only must be true or false/],
    ['rules:\n  - images: "*"\n    helpers: ktime', /:3: helpers must be/],
    ['rules:\n  - images: "*"\n    helpers: bpf_unspec', /:3: helpers names bpf_unspec, and no kernel has/],
    [
      'rules:\n  - images: "*"\n    refuse-helpers: [bpf_send_signal, bpf_probe_write_usr]',
      /:3: refuse-helpers names bpf_probe_write_usr, and no kernel has such a helper/,
    ],
    [
      'rules:\n  - images: "*"\n    program-types: [kprobe, kprob]',
      /:3: program-types names kprob, which is no/,
    ],
    ['signers: {a: }\nrules: [{images: a}]', /:1: a signer is a public key/],
    ['rules: [{images: a}]\nrules: [{images: b}]', /:2: it is not YAML there/],
    ['rules: [', /it is not YAML there/],
  ];
  for (const [policy, message] of wrong) {
    assert.throws(
      () => parsePolicy(policy, 'p.yaml'),
      (e) => e instanceof ProbeError && e.code === 'SKEP_POLICY_FILE' && message.test(e.message),
      `${policy} → ${message}`,
    );
  }
});
