import { describe, expect, it } from 'vitest';
import { highestRole, type Identity, roleAt } from '../../../src/account/principal/identity';
import { holds, mayKnow, usableServers } from '../../../src/account/principal/usable-servers';
import { parseSettings } from '../../../src/config/settings';

const ada: Identity = {
  provider: 'local',
  issuer: 'local',
  subject: 'Ada',
  name: 'Ada',
  email: 'ada@acme.com',
  email_verified: true,
  groups: ['staff', 'ops'],
};

function settingsWith(servers: object[], more: object = {}) {
  const SERVERS = servers.map((server, i) => ({
    name: `s${i}`,
    url: 'https://s.example/mcp',
    auth: 'none',
    ...server,
  }));
  const { settings, problems } = parseSettings({ SERVERS, ...more });
  expect(problems).toEqual([]);
  return settings;
}

describe('a claim rule', () => {
  it.each<[object, boolean]>([
    [{ claim: 'email', eq: 'ada@acme.com' }, true],
    [{ claim: 'email', eq: 'eve@acme.com' }, false],
    [{ claim: 'email', contains: '@acme' }, true],
    [{ claim: 'email', regex: '@acme\\.com$' }, true],
    [{ claim: 'email', regex: '@evil' }, false],
    [{ claim: 'email_verified', eq: 'true' }, true],
    [{ claim: 'sub', eq: 'Ada' }, true],
    [{ claim: 'iss', ne: 'local' }, false],
    [{ claim: 'groups', eq: 'ops' }, true],
    [{ claim: 'groups', ne: 'ops' }, false],
    [{ claim: 'groups', ne: 'guests' }, true],
    [{ claim: 'groups', contains: 'ops' }, true],
    [{ claim: 'groups', contains: 'op' }, false],
    [{ claim: 'groups', exists: true }, true],
    [{ claim: 'nickname', exists: true }, false],
    [{ claim: 'nickname', exists: false }, true],
    [{ claim: 'nickname', eq: 'undefined' }, false],
    [{ claim: 'constructor', exists: true }, false],
    [{ claim: 'name.length', exists: true }, false],
    [{ claim: 'email', contains: '@acme', regex: '^eve' }, false],
  ])('%j holds: %s', (rule, expected) => {
    const [server] = settingsWith([{ require: [rule] }]).servers;
    const [parsed] = server?.require ?? [];
    expect(parsed && holds(parsed, ada)).toBe(expected);
  });
});

describe('the servers there are for a person', () => {
  it('are those whose groups and claims fit, in the order of the settings', () => {
    const settings = settingsWith([
      {},
      { groups: ['guests'] },
      { groups: ['guests', 'ops'] },
      { require: [{ claim: 'email', contains: '@evil.example' }] },
      { require: [{ claim: 'email', contains: '@evil.example', tools: 'delete_*' }] },
      { auth: 'passthrough', authorization_servers: ['https://as.example'] },
    ]);
    expect(usableServers(settings, ada).map(({ name }) => name)).toEqual(['s0', 's2', 's4']);
    expect(settings.servers.map((server) => mayKnow(server, ada))).toEqual([
      true,
      false,
      true,
      false,
      true,
      true,
    ]);
  });

  it('are none for who has no role there, even when everybody may know of them', () => {
    const settings = settingsWith([
      {},
      { roles: [{ methods: ['oidc'], role: 'viewer', groups: ['staff'] }] },
    ]);
    const stranger = { ...ada, provider: 'acme', groups: [] };
    expect(usableServers(settings, stranger)).toEqual([]);
    const staff = { ...stranger, groups: ['staff'] };
    expect(usableServers(settings, staff).map(({ name }) => name)).toEqual(['s1']);
  });
});

describe('the role at a server', () => {
  const rules = { ROLES: [{ role: 'member', provider: 'local', groups: ['staff'] }] };

  it("is the server's own where it names the person, lower or higher, else the global one", () => {
    const settings = settingsWith(
      [
        { roles: [{ provider: 'local', role: 'viewer', groups: ['staff'] }] },
        {
          roles: [
            { provider: 'local', role: 'admin', groups: ['staff'] },
            { provider: 'local', role: 'viewer', users: ['Ada'] },
          ],
        },
        { roles: [{ provider: 'local', role: 'admin', groups: ['guests'] }] },
        {},
      ],
      rules,
    );
    const roles = settings.servers.map((server) => roleAt(ada, server, settings));
    expect(roles).toEqual(['viewer', 'admin', 'member', 'member']);
    expect(highestRole(ada, settings)).toBe('admin');
  });

  it('is none for who has none anywhere', () => {
    const settings = settingsWith([{ roles: [{ methods: ['oidc'], role: 'admin', groups: ['guests'] }] }]);
    const stranger = { ...ada, provider: 'acme' };
    expect(highestRole(stranger, settings)).toBeUndefined();
    expect(highestRole({ ...stranger, groups: ['guests'] }, settings)).toBe('admin');
  });
});
