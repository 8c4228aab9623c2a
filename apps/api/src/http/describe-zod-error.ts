import { DroverError } from '#contracts';
import type { z } from 'zod';

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

/**
 * First problem of a request as an error that names the field, its bound and the next step.
 * `input` is the raw value that was parsed: it tells a missing field from a wrong one.
 */
export function describeZodError(error: z.ZodError, input: unknown): DroverError {
  const issue = error.issues[0];
  if (issue === undefined) throw new Error('A failed parse without an issue. This is a bug.');
  return describeIssue(issue, issue.path, input);
}

function describeIssue(issue: Issue, path: Path, input: unknown): DroverError {
  const at = valueAt(input, path);
  switch (issue.code) {
    case 'unrecognized_keys':
      return describeUnknownKey(path, issue.keys[0] ?? '');
    case 'invalid_type':
      if (at === undefined && path.length > 0) {
        return problem('missing_field', path, `is required: give ${article(issue.expected)}`);
      }
      return problem('invalid_value', path, `must be ${article(issue.expected)}, not ${describeKind(at)}`);
    case 'too_small':
      return problem('invalid_value', path, boundText('at least', 'more than', issue, issue.minimum));
    case 'too_big':
      return problem('invalid_value', path, boundText('at most', 'less than', issue, issue.maximum));
    case 'invalid_value':
      return problem('invalid_value', path, `must be one of ${issue.values.map(quote).join(', ')}`);
    case 'invalid_format':
      return problem('invalid_value', path, formatText(issue));
    case 'invalid_union':
      return describeUnion(issue, path, input);
    case 'invalid_key':
    case 'invalid_element': {
      const inner = issue.issues[0];
      return problem(
        'invalid_value',
        path,
        `has a key or element that is not valid: ${inner?.message ?? ''}`,
      );
    }
    case 'not_multiple_of':
      return problem('invalid_value', path, `must be a multiple of ${issue.divisor}`);
    case 'custom':
      return problem('invalid_value', path, `is not valid: ${issue.message}`);
    default:
      return issue satisfies never;
  }
}

/** A union fails by its discriminator, or else by every branch: then the one whose type the value has tells the reason. */
function describeUnion(issue: z.core.$ZodIssueInvalidUnion, path: Path, input: unknown): DroverError {
  if ('options' in issue && Array.isArray(issue.options)) {
    const choices = `one of ${issue.options.map(quote).join(', ')}`;
    return valueAt(input, path) === undefined
      ? problem('missing_field', path, `is required: give ${choices}`)
      : problem('invalid_value', path, `must be ${choices}`);
  }
  const branches = issue.errors.map((issues) => issues[0]).filter((first) => first !== undefined);
  const closest = branches.find((first) => first.code !== 'invalid_type' || first.path.length > 0);
  if (closest !== undefined) return describeIssue(closest, [...path, ...closest.path], input);
  const kinds = branches.map((first) => (first.code === 'invalid_type' ? article(first.expected) : ''));
  const kind = describeKind(valueAt(input, path));
  return problem('invalid_value', path, `must be ${kinds.join(' or ')}, not ${kind}`);
}

function describeUnknownKey(path: Path, key: string): DroverError {
  return problem('unknown_field', [...path, key], 'is not a known field: check its spelling or leave it out');
}

function problem(
  code: 'missing_field' | 'invalid_value' | 'unknown_field',
  path: Path,
  text: string,
): DroverError {
  const param = formatPath(path);
  const subject = param === '' ? 'The request' : `\`${param}\``;
  return new DroverError(code, `${subject} ${text}.`, param === '' ? {} : { param });
}

/** `['input', 'messages', 0, 'role']` → `input.messages[0].role`; cut at 200 characters. */
export function formatPath(path: Path): string {
  const text = path.reduce<string>((sofar, part) => {
    if (typeof part === 'number') return `${sofar}[${part}]`;
    return sofar === '' ? String(part) : `${sofar}.${String(part)}`;
  }, '');
  return text.slice(0, 200);
}

function boundText(
  inclusiveWord: string,
  exclusiveWord: string,
  issue: { origin: string; inclusive?: boolean | undefined },
  bound: number | bigint,
): string {
  const words = issue.inclusive === false ? exclusiveWord : inclusiveWord;
  const unit = { string: ' characters', array: ' items' }[issue.origin] ?? '';
  return unit === '' ? `must be ${words} ${bound}` : `must have ${words} ${bound}${unit}`;
}

function formatText(issue: z.core.$ZodIssueInvalidStringFormat): string {
  if (issue.format === 'url') return 'must be an absolute http or https URL';
  if (issue.format === 'datetime') {
    return 'must be an ISO 8601 time with a zone, such as 2026-12-01T10:00:00.000Z';
  }
  return `is not valid: ${issue.message}`;
}

function valueAt(input: unknown, path: Path): unknown {
  let value = input;
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = Reflect.get(value, key);
  }
  return value;
}

function describeKind(value: unknown): string {
  if (value === null) return 'null';
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'number' && !Number.isInteger(value)) return 'a fraction';
  return article(typeof value);
}

function article(type: string): string {
  const name = type === 'int' ? 'integer' : type === 'record' ? 'object' : type;
  return /^[aeio]/.test(name) ? `an ${name}` : `a ${name}`;
}

function quote(value: unknown): string {
  return JSON.stringify(value);
}
