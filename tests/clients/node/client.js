// Drives one server with etcd3, the client for Node.
//
// The server is named as for etcdctl: ETCDCTL_ENDPOINTS, and ETCDCTL_CACERT, ETCDCTL_CERT, ETCDCTL_KEY for mutual TLS. Prints
// "ok FEATURE" for each feature and ends with 0, or says what went wrong and ends with 1.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

import { Etcd3, EtcdLockFailedError } from 'etcd3';

// No feature takes longer than a few seconds; only a hang runs into it.
const runMilliseconds = 60_000;

/** A client of its own connection, by name and password if they are given. */
function connect(auth) {
  const env = process.env;
  const credentials = env.ETCDCTL_CERT && {
    rootCertificate: readFileSync(env.ETCDCTL_CACERT),
    certChain: readFileSync(env.ETCDCTL_CERT),
    privateKey: readFileSync(env.ETCDCTL_KEY),
  };
  return new Etcd3({ hosts: env.ETCDCTL_ENDPOINTS, credentials, auth });
}

async function put(client) {
  const first = await client.put('js/put').value('1');
  const previous = await client.put('js/put').value('2').getPrevious();
  assert.equal(previous.value.toString(), '1');
  assert.equal(Number(previous.header.revision), Number(first.header.revision) + 1);
  await client.put('js/put').touch();
  assert.equal(await client.get('js/put').string(), '2');
  await assert.rejects(client.put('').value('x').exec(), /etcdserver: key is not provided/);
}

async function get(client) {
  for (const digit of [1, 2, 3]) await client.put(`js/get/${digit}`).value(9 - digit);
  const all = client.getAll().prefix('js/get/');
  assert.deepEqual(await all.sort('Value', 'Ascend').keys(), ['js/get/3', 'js/get/2', 'js/get/1']);
  assert.equal(await client.getAll().prefix('js/get/').count(), 3);
  const page = await client.getAll().prefix('js/get/').limit(2).exec();
  assert.deepEqual([page.kvs.length, page.more, Number(page.count)], [2, true, 3]);
  const deleted = await client.delete().prefix('js/get/');
  assert.equal(Number(deleted.deleted), 3);
  const past = await client.getAll().prefix('js/get/').revision(page.header.revision).numbers();
  assert.deepEqual(past, { 'js/get/1': 8, 'js/get/2': 7, 'js/get/3': 6 });
  assert.equal(await client.get('js/get/1').exists(), false);
}

async function txn(client) {
  const create = () =>
    client.if('js/txn', 'Create', '==', 0).then(client.put('js/txn').value('1')).else(client.get('js/txn')).commit();
  assert.equal((await create()).succeeded, true);
  const refused = await create();
  assert.equal(refused.succeeded, false);
  assert.equal(refused.responses[0].response_range.kvs[0].value.toString(), '1');
  // Two transactions that each add to a number: one of them is tried again.
  await client.put('js/stm').value(0);
  const add = (amount) =>
    client.stm().transact(async (tx) => tx.put('js/stm').value(Number(await tx.get('js/stm')) + amount));
  await Promise.all([add(1), add(2)]);
  assert.equal(await client.get('js/stm').number(), 3);
}

async function watch(client) {
  const first = await client.put('js/watch/a').value('1');
  const watcher = await client.watch().prefix('js/watch/').startRevision(first.header.revision).withPreviousKV().create();
  const heard = [];
  const all = new Promise((resolve) => {
    watcher.on('put', (kv) => heard.push(`put ${kv.value}`));
    watcher.on('delete', (kv, previous) => resolve(heard.push(`delete after ${previous.value}`)));
  });
  await client.put('js/watch/a').value('2');
  await client.delete().key('js/watch/a');
  await all;
  assert.deepEqual(heard, ['put 1', 'put 2', 'delete after 2']);
  await watcher.cancel();
}

async function lease(client) {
  const held = client.lease(30);
  await held.put('js/lease').value('1');
  const { TTL } = await held.keepaliveOnce();
  assert.equal(Number(TTL), 30);
  const told = await client.leaseClient.leaseTimeToLive({ ID: await held.grant(), keys: true });
  assert.deepEqual(told.keys.map(String), ['js/lease']);
  await held.revoke();
  assert.equal(await client.get('js/lease').string(), null);
}

async function lock(client) {
  const held = await client.lock('js/lock').ttl(30).acquire();
  await assert.rejects(client.lock('js/lock').ttl(30).acquire(), EtcdLockFailedError);
  await held.release();
  assert.equal(await client.lock('js/lock').do(() => 'mine'), 'mine');
}

async function election(client) {
  const vote = client.election('js/election', 30);
  const first = await vote.campaign('first').wait();
  const observer = await vote.observe();
  assert.equal(observer.leader(), 'first');
  const changed = once(observer, 'change');
  await first.proclaim('first again');
  await changed;
  assert.equal(await vote.leader(), 'first again');
  const second = vote.campaign('second');
  const won = second.wait();
  await first.resign();
  await won;
  assert.equal(await vote.leader(), 'second');
  await observer.cancel();
  await second.resign();
}

async function auth(client) {
  for (const [name, password, role] of [['root', 'r00t', 'root'], ['dave', 's3cret', 'writer']]) {
    await client.role(role).create();
    await client.user(name).create(password);
    await client.user(name).addRole(role);
  }
  await client.role('writer').grant({ permission: 'Readwrite', range: client.range({ prefix: 'js/auth/' }) });
  await client.auth.authEnable();
  const dave = connect({ username: 'dave', password: 's3cret' });
  const root = connect({ username: 'root', password: 'r00t' });
  const wrong = connect({ username: 'dave', password: 'wrong' });
  await dave.put('js/auth/a').value('1');
  assert.equal(await dave.get('js/auth/a').string(), '1');
  await assert.rejects(dave.put('js/other').value('1').exec(), /etcdserver: permission denied/);
  await assert.rejects(wrong.get('js/auth/a').string(), /invalid user ID or password/);
  await root.role('writer').revoke({ permission: 'Readwrite', range: root.range({ prefix: 'js/auth/' }) });
  await assert.rejects(dave.get('js/auth/a').string(), /etcdserver: permission denied/);
  await root.auth.authDisable();
  assert.equal(await client.get('js/auth/a').string(), '1');
  for (const each of [dave, root, wrong]) each.close();
}

const client = connect();
const hang = sleep(runMilliseconds, null, { ref: false }).then(() => assert.fail('a feature hangs'));
// Auth is last: it closes the server to everybody else.
for (const feature of [put, get, txn, watch, lease, lock, election, auth]) {
  await Promise.race([feature(client), hang]);
  console.log('ok', feature.name);
}
client.close();
