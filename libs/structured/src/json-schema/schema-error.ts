import { DroverError } from '#contracts';

/** @param path of the field at fault, such as `input.response_format.json_schema.schema.properties.age` */
export function schemaError(path: string, problem: string): DroverError {
  return new DroverError('invalid_value', `${path} ${problem}.`, { param: path });
}

export function describeKeyword(path: string, keyword: string): string {
  return /^[A-Za-z$_][\w$]*$/.test(keyword) ? `${path}.${keyword}` : `${path}[${JSON.stringify(keyword)}]`;
}
