import { describe, expect, test } from 'vitest';
import {
  isSameResource,
  mergedResource,
  originResource,
  parseResource,
  resourceMetadataUrl,
  resourceNamed,
  resourcesOf,
  serverResource,
} from '../src/resource';

const GATE = {
  origin: 'https://gate.example',
  settings: {
    servers: [
      { name: 'notes', auth: 'identity' },
      { name: 'elsewhere', auth: 'passthrough' },
    ],
  },
};
const NOTES = serverResource(GATE, { name: 'notes' });

test('a deployment has the origin, /mcp and each server for which it issues tokens', () => {
  expect(resourcesOf(GATE)).toEqual([
    { kind: 'merged', url: 'https://gate.example' },
    { kind: 'merged', url: 'https://gate.example/mcp' },
    { kind: 'server', url: 'https://gate.example/mcp/notes', server: 'notes' },
  ]);
});

describe('a resource that a client names', () => {
  test.each([
    ['https://gate.example', originResource(GATE)],
    ['https://gate.example/', originResource(GATE)],
    ['HTTPS://Gate.Example:443', originResource(GATE)],
    ['https://gate.example/mcp', mergedResource(GATE)],
    ['HTTPS://GATE.example:443/mcp', mergedResource(GATE)],
    ['https://GATE.example/mcp/notes', NOTES],
  ])('is found however scheme, host and port are spelled: %s', (name, resource) => {
    expect(resourceNamed(GATE, name)).toEqual({ ok: true, value: resource });
  });

  test.each([
    'https://gate.example/mcp/',
    'https://gate.example/MCP',
    'https://gate.example/mcp/notes/',
    'https://gate.example/mcp/Notes',
    'https://gate.example/mcp/notes?x=1',
    'https://gate.example/mcp#x',
    'https://gate.example/mcp/unknown',
    'https://gate.example/mcp/elsewhere',
    'https://gate.example/%6dcp',
    'https://gate.example:8443/mcp',
    'http://gate.example/mcp',
    'https://x@gate.example/mcp',
    'https://gate.example.evil.example/mcp',
    'https://gate.example@evil.example/mcp',
    '/mcp',
    'notes',
    '',
  ])('is refused when anything else differs: %s', (name) => {
    expect(resourceNamed(GATE, name)).toEqual({ ok: false, error: { reason: 'target_unknown' } });
  });
});

describe('a canonical URL that was kept', () => {
  test.each(resourcesOf(GATE))('is read as the resource that it was: $url', (resource) => {
    expect(parseResource(GATE, resource.url)).toEqual(resource);
  });

  test('still names a server that has been removed from the settings', () => {
    const url = 'https://gate.example/mcp/removed';
    expect(parseResource(GATE, url)).toEqual({ kind: 'server', url, server: 'removed' });
  });

  test.each([
    'https://old.example/mcp',
    'https://gate.example.evil.example',
    'https://gate.example/mcpx',
    '',
  ])('is no resource of this deployment: %s', (url) => {
    expect(parseResource(GATE, url)).toBeUndefined();
  });
});

describe('a token for one resource is good at another', () => {
  test('when both are the merged endpoint, whichever of its URLs each has', () => {
    expect(isSameResource(originResource(GATE), mergedResource(GATE))).toBe(true);
    expect(isSameResource(mergedResource(GATE), originResource(GATE))).toBe(true);
  });

  test('when both are the same server, and never for two of them', () => {
    expect(isSameResource(NOTES, serverResource(GATE, { name: 'notes' }))).toBe(true);
    expect(isSameResource(NOTES, serverResource(GATE, { name: 'note' }))).toBe(false);
  });

  test('never at a server’s own endpoint when it is for the merged one, nor the other way round', () => {
    expect(isSameResource(NOTES, mergedResource(GATE))).toBe(false);
    expect(isSameResource(originResource(GATE), NOTES)).toBe(false);
  });

  test('never when one of them isn’t a resource', () => {
    expect(isSameResource(undefined, NOTES)).toBe(false);
    expect(isSameResource(NOTES, undefined)).toBe(false);
    expect(isSameResource(undefined, undefined)).toBe(false);
  });
});

test.each([
  [originResource(GATE), 'https://gate.example/.well-known/oauth-protected-resource'],
  [mergedResource(GATE), 'https://gate.example/.well-known/oauth-protected-resource/mcp'],
  [NOTES, 'https://gate.example/.well-known/oauth-protected-resource/mcp/notes'],
])('the metadata of $url is at the well-known path before its own', (resource, url) => {
  expect(resourceMetadataUrl(GATE, resource)).toBe(url);
});
