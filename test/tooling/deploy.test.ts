import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { secretState, signInProblem } from '../../scripts/lib/deployment';
import { startProgram } from '../fixtures/program';

const PROVIDER = { name: 'acme', issuer: 'https://login.example.com', client_id: 'gatehouse' };
const SIGN_IN = `SIGN_IN:${JSON.stringify({ oidc: [PROVIDER] })}`;

describe('a deployment into which nobody could sign in is refused', () => {
  it.each([
    ['no sign-in settings', {}, 'SIGN_IN isn’t set'],
    ['no provider', { SIGN_IN: { oidc: [] } }, 'has no provider'],
    ['no provider, as JSON text', { SIGN_IN: '{"oidc":[]}' }, 'has no provider'],
    ['text that is not JSON', { SIGN_IN: 'yes' }, 'isn’t valid JSON'],
    ['methods without it', { SIGN_IN: { methods: ['local'], oidc: [PROVIDER] } }, 'doesn’t include "oidc"'],
    [
      'a provider on this computer',
      { SIGN_IN: { oidc: [PROVIDER, { ...PROVIDER, issuer: 'http://localhost:1' }] } },
      'oidc[1]',
    ],
  ])('%s', (_, vars, words) => {
    expect(signInProblem(vars)).toContain(words);
  });

  it('but one into which keys or visitors get is not', () => {
    expect(signInProblem({ SIGN_IN: { methods: ['key'] } })).toBeUndefined();
    expect(signInProblem({ SIGN_IN: { methods: ['skip', 'local'] } })).toBeUndefined();
    expect(signInProblem({ SIGN_IN: { methods: ['key'], oidc: [PROVIDER] } })).toBeUndefined();
    expect(signInProblem({ SIGN_IN: { methods: ['key', 'oidc'] } })).toContain('has no provider');
  });

  it('but one with a provider is not, be it a table or text', () => {
    expect(signInProblem({ SIGN_IN: { oidc: [PROVIDER] } })).toBeUndefined();
    expect(signInProblem({ SIGN_IN: JSON.stringify({ oidc: [PROVIDER] }) })).toBeUndefined();
  });
});

describe('keys that are there are never written over', () => {
  const names = (...list: string[]) => JSON.stringify(list.map((name) => ({ name, type: 'secret_text' })));

  it('a list that could not be read counts as unknown, not as missing', () => {
    const failed = { status: 1, stdout: '', stderr: 'fetch failed' };
    expect(secretState('GATEHOUSE_KEYS', failed)).toBe('unknown');
    expect(secretState('GATEHOUSE_KEYS', { status: 0, stdout: 'hello', stderr: '' })).toBe('unknown');
  });

  it('a list tells set from missing', () => {
    const list = (stdout: string) => secretState('GATEHOUSE_KEYS', { status: 0, stdout, stderr: '' });
    expect(list(names('OTHER', 'GATEHOUSE_KEYS'))).toBe('set');
    expect(list(names('OTHER'))).toBe('missing');
  });
});

describe('npm run deploy', () => {
  let api: Server | undefined;
  afterEach(() => api?.close());

  it('says what is missing and ends with 1', async () => {
    const { code, output } = await deploy([]);
    expect(code).toBe(1);
    expect(output).toContain('Not deployed: nobody could sign in.');
  });

  it('makes the keys of a new Worker, and prints none', async () => {
    const uploads = await fakeApi(undefined);
    const { code, output } = await deploy(['--var', SIGN_IN]);
    expect(code, output).toBe(0);
    const keys = secretIn(uploads[0] ?? '');
    expect(Object.keys(JSON.parse(keys))).toEqual([expect.stringMatching(/^\d{4}-\d\d$/), 'ids']);
    expect(output).not.toContain(JSON.parse(keys).ids);
  });

  it('leaves the keys of a Worker that has them alone', async () => {
    const uploads = await fakeApi(['GATEHOUSE_KEYS']);
    const { code, output } = await deploy(['--var', SIGN_IN]);
    expect(code, output).toBe(0);
    expect(uploads).toHaveLength(1);
    expect(secretIn(uploads[0] ?? '')).toBe('');
  });

  /** As much of Cloudflare's API as a deployment meets. `secrets`: those that are set; undefined: no Worker. */
  async function fakeApi(secrets: string[] | undefined): Promise<string[]> {
    const uploads: string[] = [];
    const server = createServer(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      const url = request.url ?? '';
      const answer = (result: unknown, errors: unknown[] = []) => {
        response.writeHead(errors.length ? 404 : 200, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ success: errors.length === 0, errors, messages: [], result }));
      };
      // When its cron runs is told apart from what it is.
      if (url.includes('/scripts/gatehouse/schedules')) return answer({ schedules: JSON.parse(body) });
      if (request.method === 'PUT' && url.includes('/scripts/gatehouse')) {
        uploads.push(body);
        return answer({ id: 'gatehouse', startup_time_ms: 1 });
      }
      const script = /\/(scripts|services)\/gatehouse/.test(url);
      if (script && !secrets && uploads.length === 0)
        return answer(null, [{ code: 10007, message: 'not found' }]);
      if (url.endsWith('/secrets')) return answer(secrets?.map((name) => ({ name, type: 'secret_text' })));
      if (url.includes('/storage/kv/')) return answer(request.method === 'GET' ? [] : { id: 'kv' });
      if (url.includes('/services/'))
        return answer({ default_environment: { script: { last_deployed_from: 'wrangler' } } });
      if (url.includes('/deployments')) return answer({ deployments: [] });
      return answer({
        subdomain: url.includes('/workers/workers/') ? { enabled: true } : 'acme',
        enabled: true,
        bindings: [],
      });
    });
    api = server;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return uploads;
  }

  async function deploy(args: string[]): Promise<{ code: number | null; output: string }> {
    const port = (api?.address() as AddressInfo | undefined)?.port ?? 9;
    const { ended, output } = startProgram(process.execPath, ['scripts/deploy.ts', ...args], {
      env: {
        CLOUDFLARE_API_BASE_URL: `http://127.0.0.1:${port}`,
        CLOUDFLARE_API_TOKEN: 'test',
        CLOUDFLARE_ACCOUNT_ID: 'test',
        WRANGLER_HIDE_BANNER: 'true',
        WRANGLER_WRITE_LOGS: 'false',
      },
    });
    return { code: await ended, output: output() };
  }

  /** The value of `GATEHOUSE_KEYS` among the bindings of an upload; empty when it isn't there. */
  function secretIn(upload: string): string {
    const metadata = /name="metadata"[\s\S]*?\r\n\r\n(\{[\s\S]*?\})\r\n--/.exec(upload)?.[1] ?? '{}';
    const bindings: { name: string; text?: string }[] = JSON.parse(metadata).bindings ?? [];
    return bindings.find((binding) => binding.name === 'GATEHOUSE_KEYS')?.text ?? '';
  }
});
