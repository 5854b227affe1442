import { describe, expect, it } from 'vitest';
import { CookieJar } from '../../scripts/lib/cookies';
import { fillForm, parseDocument } from '../../scripts/lib/html';

const PAGE = `<title>Allow &amp; go</title><style>p{}</style><main><p>Hi   there</p>
<form method="post" action="/authorize?flow=1"><input type=hidden name=csrf value="a&quot;b">
<input type=checkbox name=scope value=read checked><input type=checkbox name=scope value=write>
<input name=expires type=date value=2027-01-01><button name=decision value=deny>No</button></form>
<button form=other name=go value=1>Go</button><form id=other><select name=s><option value=1>One<option selected>Two</select></form>`;
const page = parseDocument(PAGE, new URL('https://gate.example/x'));
const [consent, other] = page.forms;
if (!consent || !other) throw new Error('the page has two forms');

describe('a form is sent as a browser would', () => {
  it('with hidden fields, checked boxes, and texts, but no button that was not pressed', () => {
    expect(fillForm(consent, {})).toEqual([
      ['csrf', 'a"b'],
      ['scope', 'read'],
      ['expires', '2027-01-01'],
    ]);
    expect(consent).toMatchObject({
      method: 'POST',
      action: new URL('https://gate.example/authorize?flow=1'),
    });
  });

  it('with the choices that were made instead of the proposed ones', () => {
    const pairs = fillForm(consent, { scope: ['write'], decision: 'deny', expires: '2027-02-03' });
    expect(pairs.slice(1)).toEqual([
      ['scope', 'write'],
      ['expires', '2027-02-03'],
      ['decision', 'deny'],
    ]);
    expect(fillForm(consent, { scope: [] }).map(([name]) => name)).not.toContain('scope');
  });

  it('with a button outside that names the form, and the option that is chosen', () => {
    expect(fillForm(other, { go: '1' })).toEqual([
      ['go', '1'],
      ['s', 'Two'],
    ]);
  });

  it('but not with what the page does not offer', () => {
    expect(() => fillForm(consent, { decision: 'allow' })).toThrow('"decision" offers ["deny"], not "allow"');
    expect(() => fillForm(consent, { scope: ['read', 'admin'] })).toThrow('not "admin"');
    expect(() => fillForm(consent, { server: 'x' })).toThrow('no field "server"');
  });

  it('and the page reads as a person reads it', () => {
    expect(page.title).toBe('Allow & go');
    expect(page.text).toBe('Hi there No Go One Two');
  });
});

describe('cookies', () => {
  const url = new URL('http://localhost:8787/a/b');

  it('go back to their host and path only, whatever the port', () => {
    const jar = new CookieJar();
    jar.store(url, ['x=1; Path=/', 'y=2', 'z=3; Path=/c']);
    expect(jar.header(url)).toBe('x=1; y=2');
    expect(jar.header(new URL('http://localhost:1/ab'))).toBe('x=1');
    expect(jar.header(new URL('http://127.0.0.1:8787/a/b'))).toBeUndefined();
  });

  it('are replaced, expire, and are removed', () => {
    const jar = new CookieJar();
    jar.store(url, ['x=1; Path=/; Max-Age=10', 'y=1; Path=/'], 0);
    jar.store(url, ['y=2; Path=/; HttpOnly; SameSite=Lax'], 0);
    expect(jar.header(url, 9_000)).toBe('x=1; y=2');
    expect(jar.header(url, 11_000)).toBe('y=2');
    jar.store(url, ['y=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT'], 12_000);
    expect(jar.header(url, 12_000)).toBeUndefined();
  });

  it('that are secure do not travel in clear to another computer', () => {
    const jar = new CookieJar();
    jar.store(new URL('https://gate.example/'), ['__Host-s=1; Path=/; Secure']);
    expect(jar.header(new URL('https://gate.example/x'))).toBe('__Host-s=1');
    expect(jar.header(new URL('http://gate.example/x'))).toBeUndefined();
  });
});
