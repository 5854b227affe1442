import type { AuditItem } from './trail';

/** The forms in which the trail is exported, by media type. */
export const EXPORTS = { 'application/x-ndjson': toNdjson, 'text/csv': toCsv } as const;
export type ExportType = keyof typeof EXPORTS;

/** Items as a stream of text, a part of the trail at a time: as much is read as the receiver takes. */
export function exportStream(
  parts: AsyncGenerator<AuditItem[]>,
  type: ExportType,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let first = true;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      let text = first && type === 'text/csv' ? HEADING : '';
      first = false;
      // A stream isn't pulled again after a pull that adds nothing, so parts without items are skipped here.
      let part: IteratorResult<AuditItem[], unknown>;
      do {
        part = await parts.next();
        if (!part.done) text += part.value.map(EXPORTS[type]).join('');
      } while (!part.done && text === '');
      if (text !== '') controller.enqueue(encoder.encode(text));
      if (part.done) controller.close();
    },
    async cancel() {
      await parts.return(undefined);
    },
  });
}

function toNdjson(item: AuditItem): string {
  return `${JSON.stringify(item)}\n`;
}

const COLUMNS: Record<string, (item: AuditItem) => string | number | undefined> = {
  time: (item) => item.time,
  event: (item) => item.event,
  outcome: (item) => item.outcome,
  reason: (item) => item.reason,
  detail: (item) => item.detail,
  user_id: (item) => item.user?.id,
  user_name: (item) => item.user?.name,
  user_email: (item) => item.user?.email,
  client_id: (item) => item.client?.id,
  client_name: (item) => item.client?.name,
  grant: (item) => item.grant,
  server: (item) => item.server,
  tool: (item) => item.tool,
  duration_ms: (item) => item.duration_ms,
  request_id: (item) => item.request_id,
  ip: (item) => item.ip,
};

const HEADING = `${Object.keys(COLUMNS).join(',')}\r\n`;

/** A line of CSV (RFC 4180). */
function toCsv(item: AuditItem): string {
  const cells = Object.values(COLUMNS).map((cell) => quote(cell(item)));
  return `${cells.join(',')}\r\n`;
}

/** What a spreadsheet would take for a formula gets an apostrophe in front. */
function quote(value: string | number | undefined): string {
  if (typeof value !== 'string') return String(value ?? '');
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
