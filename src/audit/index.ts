/** The audit trail: what happened at the gate, by whom, and how it ended. */
export { type AuditEvent, actor, OUTCOMES } from './event';
export { EXPORTS, type ExportType, exportStream } from './export';
export { type AuditFilter, FILTERS, readFilter } from './filter';
export { AuditLogObject } from './object';
export { allRecorded, record } from './record';
export { type AuditItem, type AuditPage, forgetInTrail, readTrail, readWholeTrail } from './trail';
