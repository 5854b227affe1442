/** The language of all words (BCP 47), for `<html lang>` and for dates. */
export const locale = 'en';

const longDate = new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeZone: 'UTC' });

/** A date such as `2027-11-17` as people write it, in UTC; any other text as it is. */
export function day(date: string): string {
  const time = Date.parse(`${date}T00:00:00Z`);
  return Number.isNaN(time) ? date : longDate.format(time);
}
