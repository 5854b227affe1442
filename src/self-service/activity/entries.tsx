import type { AuditItem } from '../../audit';
import { shown, words } from '../../ui';

const text = words.admin.audit;

/** Entries of the trail as a list. `who`: whether it says who did it. */
export function Entries({ items, who }: { items: AuditItem[]; who: boolean }) {
  return (
    <ul class="rows">
      {items.map((item) => (
        <Entry item={item} who={who} />
      ))}
    </ul>
  );
}

function Entry({ item, who }: { item: AuditItem; who: boolean }) {
  const { outcome, user, client, reason, detail, duration_ms } = item;
  const what = [item.server, item.tool].filter((one) => one !== undefined).join(': ');
  const by = who && user ? text.by(user.name ?? user.email ?? user.id) : undefined;
  const app = client && text.with(client.name ?? client.id);
  const took = duration_ms === undefined ? undefined : text.took(duration_ms);
  return (
    <li class="row entry">
      <b>{item.event.replaceAll('_', ' ')}</b>{' '}
      <span class={outcome === 'ok' ? 'badge good' : 'badge no'}>{outcome}</span>
      <Line parts={[what, reason, detail]} />
      <Line parts={[by, app]} />
      <Line parts={[`${item.time.slice(0, 19).replace('T', ' ')} UTC`, took, who ? item.ip : undefined]} />
    </li>
  );
}

/** What there is of some texts, in one line. */
function Line({ parts }: { parts: (string | undefined)[] }) {
  const there = parts.filter((part) => part !== undefined && part !== '') as string[];
  if (there.length === 0) return null;
  return (
    <small>
      <bdi>{there.map((part) => shown(part, 80)).join(' · ')}</bdi>
    </small>
  );
}
