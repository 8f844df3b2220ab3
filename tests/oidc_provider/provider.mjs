// A real OpenID Connect provider (npm `oidc-provider`) for the end-to-end test of sign-in.
//
// Reads one line of JSON on stdin: {redirect_uris, visas}. Prints one line: {issuer}. Code flow with
// PKCE, device flow, userinfo with `ga4gh_passport_v1`, and RFC 8693 exchange for a Passport. Its own
// forms ask for any login; it ends when stdin does.

import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { Provider, errors } from 'oidc-provider';

const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const PASSPORT = 'urn:ga4gh:params:oauth:token-type:passport';
const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code';
const PASSPORT_SECONDS = 300;
const KID = 'provider-key';

const lines = createInterface({ input: process.stdin });
lines.once('line', (line) => start(JSON.parse(line)));
lines.once('close', () => process.exit(0));

function start({ redirect_uris, visas }) {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const server = createServer();
  server.listen(0, '127.0.0.1', () => {
    const issuer = `http://127.0.0.1:${server.address().port}`;
    server.on('request', made(issuer, privateKey, redirect_uris, visas).callback());
    console.log(JSON.stringify({ issuer }));
  });
}

function made(issuer, privateKey, redirect_uris, visas) {
  const id_token_signed_response_alg = 'ES256';
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: 'node',
        client_secret: 'node-secret of-the+test',
        redirect_uris,
        grant_types: ['authorization_code', EXCHANGE],
        id_token_signed_response_alg,
      },
      {
        client_id: 'cli',
        client_secret: 'cli-secret',
        redirect_uris: [],
        response_types: [],
        grant_types: [DEVICE, EXCHANGE],
        id_token_signed_response_alg,
      },
    ],
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), kid: KID, alg: 'ES256', use: 'sig' }] },
    scopes: ['openid', 'profile', 'ga4gh_passport_v1'],
    claims: { openid: ['sub'], profile: ['name'], ga4gh_passport_v1: ['ga4gh_passport_v1'] },
    findAccount: (_ctx, id) => ({
      accountId: id,
      claims: () => ({ sub: id, name: `Dr ${id}`, ga4gh_passport_v1: visas }),
    }),
    pkce: { required: () => true },
    features: { deviceFlow: { enabled: true } },
    cookies: { keys: [randomUUID()] },
  });
  provider.registerGrantType(
    EXCHANGE,
    (ctx) => exchange(ctx, { issuer, privateKey, visas }),
    ['subject_token', 'subject_token_type', 'requested_token_type', 'resource'],
  );
  return provider;
}

async function exchange(ctx, { issuer, privateKey, visas }) {
  const { params, client, provider } = ctx.oidc;
  const token = await provider.AccessToken.find(params.subject_token);
  if (!token?.isValid || token.clientId !== client.clientId) {
    throw new errors.InvalidGrant('no such token of this client');
  }
  if (params.requested_token_type !== PASSPORT || !params.resource) {
    throw new errors.InvalidRequest('only a passport for one resource');
  }
  const now = Math.floor(Date.now() / 1000);
  ctx.body = {
    access_token: passport(privateKey, {
      iss: issuer,
      sub: token.accountId,
      aud: params.resource,
      iat: now,
      exp: now + PASSPORT_SECONDS,
      ga4gh_passport_v1: visas,
    }),
    issued_token_type: PASSPORT,
    token_type: 'Bearer',
    expires_in: PASSPORT_SECONDS,
  };
}

function passport(key, claims) {
  const header = { alg: 'ES256', typ: 'vnd.ga4gh.passport+jwt', kid: KID };
  const signed = [header, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  const signature = sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' });
  return `${signed}.${signature.toString('base64url')}`;
}
