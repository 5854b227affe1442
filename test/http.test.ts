import { describe, expect, it } from 'vitest';
import { decodeUtf8, readBody, readForm, repeatedNames } from '../src/http';

const FORM = 'application/x-www-form-urlencoded';

function post(body: BodyInit, type = FORM): Request {
  return new Request('http://localhost/', { method: 'POST', body, headers: { 'content-type': type } });
}

describe('a form', () => {
  it.each([FORM, `${FORM}; charset=utf-8`, FORM.toUpperCase()])('of type %s is read', async (type) => {
    const form = await readForm(post('a=1&b=%C3%A4+%2B&a=2', type));
    expect(form.ok && [...form.value]).toEqual([
      ['a', '1'],
      ['b', 'ä +'],
      ['a', '2'],
    ]);
  });

  it.each(['application/json', 'multipart/form-data; boundary=x', 'text/plain'])(
    'of type %s is refused, whatever is in it',
    async (type) => {
      expect(await readForm(post('a=1', type))).toMatchObject({
        ok: false,
        error: { reason: 'form_wrong_type' },
      });
    },
  );

  it('without a type is refused', async () => {
    const request = new Request('http://localhost/', { method: 'POST', body: new Uint8Array([97]) });
    expect(await readForm(request)).toMatchObject({ ok: false, error: { reason: 'form_wrong_type' } });
  });

  it('of 64 kB is read, and one byte more is refused', async () => {
    const most = `a=${'x'.repeat(64 * 1024 - 2)}`;
    expect((await readForm(post(most))).ok).toBe(true);
    expect(await readForm(post(`${most}x`))).toEqual({ ok: false, error: { reason: 'form_too_large' } });
  });

  it('that is not UTF-8 is refused', async () => {
    const refused = { ok: false, error: { reason: 'form_unreadable' } };
    expect(await readForm(post(new Uint8Array([97, 61, 0xff, 0xfe])))).toEqual(refused);
  });

  it('that is empty has no fields', async () => {
    const form = await readForm(post(''));
    expect(form.ok && [...form.value]).toEqual([]);
  });
});

describe('a body', () => {
  it('is put together from its chunks', async () => {
    const body = await readBody(post(new Blob(['one', 'two', 'three']).stream()), 11);
    expect(body.ok && decodeUtf8(body.value)).toBe('onetwothree');
  });

  it('without an end is given up as soon as it is too long', async () => {
    let sent = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += 1;
        controller.enqueue(new Uint8Array(1000));
      },
    });
    expect(await readBody(post(endless), 10_000)).toEqual({ ok: false, error: { reason: 'body_too_large' } });
    expect(sent).toBeLessThan(100);
  });

  it('that is not there is empty', async () => {
    const body = await readBody(new Request('http://localhost/'), 10);
    expect(body.ok && body.value.length).toBe(0);
  });
});

describe('the checks of a request', () => {
  it('name what is there more than once, but for what may be', () => {
    const parameters = new URLSearchParams('a=1&b=2&a=3&resource=x&resource=y&c=&c=');
    expect(repeatedNames(parameters)).toEqual(['a', 'resource', 'c']);
    expect(repeatedNames(parameters, ['resource'])).toEqual(['a', 'c']);
    expect(repeatedNames(new URLSearchParams())).toEqual([]);
  });

  it('read UTF-8 and nothing else', () => {
    expect(decodeUtf8(new TextEncoder().encode('ä€😀'))).toBe('ä€😀');
    expect(decodeUtf8(new Uint8Array([0xc3, 0x28]))).toBeUndefined();
  });
});
