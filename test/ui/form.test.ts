import { Hono } from 'hono';
import { expect, it } from 'vitest';
import type { Deployment } from '../../src/config/deployment';
import { ownFormsOnly } from '../../src/ui/form';

/** A router that takes forms of its own pages; the gate is reached at another host than the one that its pages have. */
const app = new Hono()
  .onError((_error, c) => c.text('refused', 403))
  .use(async (c, next) => {
    c.set('deployment', { origin: 'https://gate.example' } as Deployment);
    await next();
  })
  .use(ownFormsOnly)
  .all('/', (c) => c.text('taken'));

const FORM = 'application/x-www-form-urlencoded';

function post(headers: Record<string, string>) {
  return app.request('https://other.example/', { method: 'POST', body: 'a=b', headers });
}

it.each([
  [undefined, 200],
  ['https://gate.example', 200],
  ['https://gate.example.evil', 403],
  ['http://gate.example', 403],
  ['https://gate.example:8443', 403],
  ['https://other.example', 403],
  ['null', 403],
  ['', 403],
])('takes a form sent from %s: %i', async (origin, expected) => {
  const headers: Record<string, string> = origin === undefined ? {} : { origin };
  for (const type of [FORM, 'multipart/form-data; boundary=x', 'text/plain']) {
    expect((await post({ ...headers, 'content-type': type })).status).toBe(expected);
  }
});

it('refuses a form of another page of the same site, whatever the browser calls it', async () => {
  for (const site of ['same-origin', 'same-site', 'cross-site', 'none']) {
    const headers = { origin: 'https://other.example', 'sec-fetch-site': site, 'content-type': FORM };
    expect((await post(headers)).status).toBe(403);
  }
});

it('lets a link of another origin open a page', async () => {
  const response = await app.request('https://other.example/', {
    headers: { origin: 'https://evil.example' },
  });
  expect(response.status).toBe(200);
});
