import { REACHABLE } from '../../fixtures/from-address';
import {
  type Answer,
  Browser,
  type Client,
  type Fields,
  formWith,
  type Gate,
  gate,
  gateWith,
  locationOf,
  type Page,
  postForm,
  registerClient,
} from '../../fixtures/worker';

/** The gate for callers on other computers, where not every name gets in. */
export const reached = gateWith(REACHABLE);

export const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code';

/** A client on a device, and what it got when it began. */
export interface Device {
  gate: Gate;
  client: Client;
  device_code: string;
  user_code: string;
  verification_uri: string;
  verification_uri_complete: string;
  expires_in: number;
  interval: number;
}

/** Registers a client for devices: no redirect, no secret. */
export function registerDevice(at: Gate = gate, name = 'Television'): Promise<Client> {
  const grant_types = [DEVICE_CODE, 'refresh_token'];
  return registerClient({ client_name: name, redirect_uris: undefined, grant_types }, at);
}

/** A device that begins (RFC 8628 section 3.1). */
export async function startDevice(
  options: { gate?: Gate; client?: Client; form?: Record<string, string> } = {},
): Promise<Device> {
  const at = options.gate ?? gate;
  const client = options.client ?? (await registerDevice(at));
  const form = { client_id: client.client_id, ...options.form };
  const { status, body } = await postForm('/oauth/device_authorization', form, at);
  if (status !== 200) throw new Error(`device authorization: ${status} ${JSON.stringify(body)}`);
  return { ...(body as unknown as Omit<Device, 'gate' | 'client'>), gate: at, client };
}

/** The device asks (RFC 8628 section 3.4). */
export function poll(device: Device, form: Record<string, string> = {}): Promise<Answer> {
  const { client_id } = device.client;
  const question = { grant_type: DEVICE_CODE, client_id, device_code: device.device_code };
  return postForm('/oauth/token', { ...question, ...form }, device.gate);
}

/** Opens an address of the gate's and signs in where that is asked for; the page that comes then. */
export async function openSignedIn(browser: Browser, url: string, name = 'Ada'): Promise<Page> {
  const page = await follow(browser, await browser.visit(url));
  if (!page.forms.some(({ names }) => names.includes('method'))) return page;
  return follow(browser, await browser.submit(formWith(page, 'method'), { method: 'local', name }));
}

/** Types a code into the form of the page; the page that comes then. */
export async function typeCode(browser: Browser, page: Page, user_code: string): Promise<Page> {
  return follow(browser, await browser.submit(formWith(page, 'user_code'), { user_code }));
}

/** A person who types the device's code: the consent page. */
export async function confirmCode(
  device: Device,
  options: { browser?: Browser; name?: string } = {},
): Promise<{ browser: Browser; page: Page }> {
  const browser = options.browser ?? new Browser(device.gate);
  const page = await openSignedIn(browser, device.verification_uri, options.name);
  return { browser, page: await typeCode(browser, page, device.user_code) };
}

/** Answers the consent page; the fields over those of a plain Allow. */
export function answer(
  { browser, page }: { browser: Browser; page: Page },
  fields: Fields = {},
): Promise<Page> {
  const allow = { scope: ['mcp:read', 'mcp:write'], expires: '', decision: 'allow' };
  return browser.submit(formWith(page, 'decision'), { ...allow, ...fields });
}

async function follow(browser: Browser, page: Page): Promise<Page> {
  return page.location === undefined ? page : follow(browser, await browser.visit(locationOf(page)));
}
