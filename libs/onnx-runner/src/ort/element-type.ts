/** The element types of language models' inputs and outputs: `ONNXTensorElementDataType` by value, with bytes. */
const ELEMENT_TYPES = {
  float32: { code: 1, bytes: 4 },
  uint8: { code: 2, bytes: 1 },
  int8: { code: 3, bytes: 1 },
  int32: { code: 6, bytes: 4 },
  int64: { code: 7, bytes: 8 },
  float16: { code: 10, bytes: 2 },
} as const;

export type ElementType = keyof typeof ELEMENT_TYPES;

export const elementBytes = (type: ElementType): number => ELEMENT_TYPES[type].bytes;

export const elementTypeCode = (type: ElementType): number => ELEMENT_TYPES[type].code;

/** Undefined for a type that is not in the table. */
export function elementTypeOf(code: number): ElementType | undefined {
  return Object.keys(ELEMENT_TYPES)
    .filter(isElementType)
    .find((type) => elementTypeCode(type) === code);
}

function isElementType(name: string): name is ElementType {
  return Object.hasOwn(ELEMENT_TYPES, name);
}
