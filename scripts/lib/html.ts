import { parse, type DefaultTreeAdapterTypes as Tree } from 'parse5';

/** A field of a form on a page. `value` of a checkbox: what it sends when it is checked. */
export interface Control {
  name: string;
  /** `text`, `hidden`, `checkbox`, `radio`, `date`, `submit`, `select`, `textarea`, … */
  type: string;
  value: string;
  checked: boolean;
  disabled: boolean;
  /** The label of a button. */
  text: string;
}

export interface Form {
  action: URL;
  method: 'GET' | 'POST';
  controls: Control[];
}

export interface Document {
  title: string;
  /** The visible text, with each run of white space as one space. */
  text: string;
  forms: Form[];
  links: URL[];
}

/** What to fill in: text, or the values to choose in checkboxes and lists. */
export type Fields = Record<string, string | readonly string[]>;

/** Parses a page as a browser does. `url`: of the page, for resolving relative addresses. */
export function parseDocument(html: string, url: URL): Document {
  const all = [...elements(parse(html))];
  const title = all.find((element) => element.tagName === 'title');
  const body = all.find((element) => element.tagName === 'body');
  return {
    title: title ? textOf(title) : '',
    text: body ? textOf(body) : '',
    forms: all.filter((element) => element.tagName === 'form').map((form) => readForm(form, all, url)),
    links: all.flatMap((element) => {
      const href = element.tagName === 'a' ? attribute(element, 'href') : undefined;
      return href !== undefined && URL.canParse(href, url) ? [new URL(href, url)] : [];
    }),
  };
}

/**
 * The pairs that a form sends: its own values, changed by `fields`. Throws when a field, a choice, or a button doesn't
 * exist, since a person couldn't send it either.
 */
export function fillForm(form: Form, fields: Fields): [name: string, value: string][] {
  for (const [name, wanted] of Object.entries(fields)) {
    const controls = form.controls.filter((control) => control.name === name && !control.disabled);
    if (controls.length === 0) throw new Error(`the form has no field "${name}"`);
    const offered = controls.filter(isChoice).map((control) => control.value);
    const missing = [wanted].flat().find((value) => offered.length > 0 && !offered.includes(value));
    if (missing !== undefined) {
      throw new Error(`"${name}" offers ${JSON.stringify(offered)}, not "${missing}"`);
    }
  }
  return form.controls.flatMap((control): [string, string][] => {
    const wanted = fields[control.name];
    if (!control.name || control.disabled) return [];
    if (!isChoice(control)) {
      return [[control.name, typeof wanted === 'string' ? wanted : control.value]];
    }
    const chosen = wanted === undefined ? control.checked : [wanted].flat().includes(control.value);
    return chosen ? [[control.name, control.value]] : [];
  });
}

/** Whether a form has a field (or a button) of this name and, if given, this value. */
export function hasField(form: Form, name: string, value?: string): boolean {
  return form.controls.some(
    (control) => control.name === name && (value === undefined || control.value === value),
  );
}

function isChoice(control: Control): boolean {
  return ['checkbox', 'radio', 'submit', 'option'].includes(control.type);
}

function readForm(form: Tree.Element, all: Tree.Element[], url: URL): Form {
  const id = attribute(form, 'id');
  const inside = new Set(elements(form));
  const members = all.filter((element) => {
    const owner = attribute(element, 'form');
    return owner === undefined ? inside.has(element) : owner === id;
  });
  return {
    action: new URL(attribute(form, 'action') || url, url),
    method: attribute(form, 'method')?.toUpperCase() === 'POST' ? 'POST' : 'GET',
    controls: members.flatMap(readControl),
  };
}

function readControl(element: Tree.Element): Control[] {
  const control = (type: string, value: string, checked = false): Control => ({
    name: attribute(element, 'name') ?? '',
    type,
    value,
    checked,
    disabled: attribute(element, 'disabled') !== undefined,
    text: textOf(element),
  });
  const value = attribute(element, 'value');
  const checked = attribute(element, 'checked') !== undefined;
  switch (element.tagName) {
    case 'input': {
      const type = attribute(element, 'type') ?? 'text';
      return [control(type, value ?? (type === 'checkbox' || type === 'radio' ? 'on' : ''), checked)];
    }
    case 'button':
      return [control(attribute(element, 'type') ?? 'submit', value ?? '')];
    case 'textarea':
      return [control('textarea', textOf(element))];
    case 'select': {
      const options = [...elements(element)].filter((child) => child.tagName === 'option');
      const chosen = options.find((option) => attribute(option, 'selected') !== undefined) ?? options[0];
      return options.map((option) =>
        control('option', attribute(option, 'value') ?? textOf(option), option === chosen),
      );
    }
    default:
      return [];
  }
}

function* elements(node: Tree.Node): Generator<Tree.Element> {
  if (!('childNodes' in node)) return;
  for (const child of node.childNodes) {
    if ('tagName' in child) yield child;
    yield* elements(child);
  }
}

function attribute(element: Tree.Element, name: string): string | undefined {
  return element.attrs.find((attr) => attr.name === name)?.value;
}

function textOf(node: Tree.Node): string {
  const pieces = (at: Tree.Node): string[] => {
    if ('value' in at) return [at.value];
    if (!('childNodes' in at) || at.nodeName === 'style' || at.nodeName === 'script') return [];
    return at.childNodes.flatMap(pieces);
  };
  return pieces(node).join(' ').replace(/\s+/g, ' ').trim();
}
