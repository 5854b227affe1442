import { RE2JS } from 're2js';

/** The longest template and URI in characters, and the most steps of the compiled pattern. */
const LONGEST = 4096;
const LONGEST_PROGRAM = 1000;

/** What an expression with each operator matches in a URI, as in the SDK's `UriTemplate`. */
const BY_OPERATOR: Record<string, string> = {
  '': '[^/,]+',
  '+': '.+',
  '#': '.+',
  '.': '\\.[^/,]+',
  '/': '/[^/,]+',
  ';': '[^/]+',
};

/**
 * Whether a URI matches a template (RFC 6570). The server chooses the template, and with `RegExp` one such as
 * `{+a}{+b}{+c}…` would take exponential time. So RE2 matches it in linear time; false for a template that is too long.
 */
export function matchesUriTemplate(template: string, uri: string): boolean {
  if (template === uri) return true;
  if (template.length > LONGEST || uri.length > LONGEST) return false;
  // Literals are at even positions, expressions at odd ones.
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
