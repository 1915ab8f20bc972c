import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jwtVerify } from 'jose';
import { mintSessionToken, proxySignature, queryHmac, sameSignature, webhookHmac } from '../sign.mjs';

const PROXY_PAIRS = [
  ['extra', '1'], ['extra', '2'], ['shop', 'shop-name.myshopify.com'], ['logged_in_customer_id', '1'],
  ['path_prefix', '/apps/awesome_reviews'], ['timestamp', '1317327555'],
];

test('a proxy signature equals the one of the documentation', () => {
  assert.equal(proxySignature(PROXY_PAIRS, 'hush'), '4c68c8624d737112c91818c11017d24d334b524cb5c2b8ba08daa056f7395ddb');
});

test('a proxy signature covers an empty customer id', () => {
  const pairs = PROXY_PAIRS.map(([key, value]) => [key, key === 'logged_in_customer_id' ? '' : value]);

  assert.equal(proxySignature(pairs, 'hush'), 'e072b6d7e6622d85912a5214b860d3100dc1e73d9bc29f43796ac8c9ff8093cb');
});

test('a proxy signature leaves out a signature that is there already', () => {
  assert.equal(proxySignature([...PROXY_PAIRS, ['signature', 'forged']], 'hush'), proxySignature(PROXY_PAIRS, 'hush'));
});

test('an OAuth hmac equals the known one', () => {
  const pairs = [
    ['timestamp', '1337178173'], ['state', '0.6784241404160823'], ['shop', 'shop-name.myshopify.com'],
    ['code', '0907a61c0c8d55e99db179b68161bc00'], ['hmac', 'left out'],
  ];

  assert.equal(queryHmac(pairs, 'hush'), '1ec235fff76f623ec9108eb9122515bdfb720e26f37f43c780920b5047a4039a');
});

test('a webhook hmac equals the known one', () => {
  assert.equal(webhookHmac('{"id":788032119674292922}', 'hush'), 'fhhqwxYconmiOqTJ0cD1XzOlT7ONdp6Ryc18pkvlq5Q=');
});

test('a session token holds every claim and lives 60 seconds', async () => {
  const now = Date.now();
  const token = mintSessionToken({ shop: 'willow-gifts.myshopify.com', clientId: 'key', secret: 'hush', now, userId: '42' });

  const { payload } = await jwtVerify(token, Buffer.from('hush'), { algorithms: ['HS256'], audience: 'key' });

  assert.equal(payload.iss, 'https://willow-gifts.myshopify.com/admin');
  assert.equal(payload.dest, 'https://willow-gifts.myshopify.com');
  assert.equal(payload.sub, '42');
  assert.equal(payload.exp - payload.nbf, 60);
  assert.equal(payload.iat, Math.floor(now / 1000));
  assert.ok(payload.jti && payload.sid && payload.sig);
});

test('signatures of any kind and length can be compared', () => {
  assert.equal(sameSignature('abc', 'abc'), true);
  assert.equal(sameSignature('abc', 'abd'), false);
  assert.equal(sameSignature('', 'abc'), false);
  assert.equal(sameSignature('ünïcode', 'abc'), false);
});
