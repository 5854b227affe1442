import { RE2JS } from 're2js';

/** Characters of a template and of a URI that are looked at, and steps of the pattern that a template becomes. */
const LONGEST = 4096;
const LONGEST_PROGRAM = 1000;

/** What an expression of each operator stands for in a URI, as the SDK's `UriTemplate` reads them. */
const BY_OPERATOR: Record<string, string> = {
  '': '[^/,]+',
  '+': '.+',
  '#': '.+',
  '.': '\\.[^/,]+',
  '/': '/[^/,]+',
  ';': '[^/]+',
};

/**
 * Whether a URI is one of a template's (RFC 6570). A server chooses the template, and with `RegExp` one such as
 * `{+a}{+b}{+c}…` would cost a power of the URI's length: it is matched in linear time, or not at all.
 */
export function matchesUriTemplate(template: string, uri: string): boolean {
  if (template === uri) return true;
  if (template.length > LONGEST || uri.length > LONGEST) return false;
  // Literals stand at even places, expressions between them.
  const parts = template.split(/\{([^{}]*)\}/);
  const pattern = parts
    .map((part, index) => (index % 2 === 0 ? RE2JS.quote(part) : patternOf(part)))
    .join('');
  try {
    const compiled = RE2JS.compile(pattern, RE2JS.DOTALL);
    return compiled.programSize() <= LONGEST_PROGRAM && compiled.testExact(uri);
  } catch {
    return false;
  }
}

function patternOf(expression: string): string {
  const [, operator = '', names = ''] = /^([+#./;?&]?)(.*)$/s.exec(expression) ?? [];
  if (operator !== '?' && operator !== '&') {
    const one = BY_OPERATOR[operator] ?? '';
    return names.endsWith('*') && (operator === '' || operator === '/') ? `${one}(?:,[^/,]+)*` : one;
  }
  const pairs = names.split(',').map((name) => `${RE2JS.quote(name.replace('*', '').trim())}=[^&]+`);
  return `\\${operator}${pairs.join('&')}`;
}
