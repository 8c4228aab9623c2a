/**
 * UTF-8 bytes behind each token of a byte-level BPE vocabulary. Such a vocabulary spells a byte as one printable
 * character (the table of GPT-2's `bytes_to_unicode`), so that a token may hold any part of a character.
 */
export const BYTE_OF_CHARACTER: ReadonlyMap<string, number> = makeByteTable();

const NOTHING = new Uint8Array(0);

/** Bytes by token id; filled on first use, since a sequence meets few of 128,000 tokens. */
export class TokenBytes {
  readonly #bytes: Uint8Array[] = [];
  readonly #tokenOf: (id: number) => string | undefined;
  readonly #literals: ReadonlyMap<number, string>;

  /** `tokenOf` spells a token in byte characters; `literals` are added tokens, spelled in plain text. */
  constructor(tokenOf: (id: number) => string | undefined, literals: ReadonlyMap<number, string>) {
    this.#tokenOf = tokenOf;
    this.#literals = literals;
  }

  /** Empty for ids without a text: models pad their vocabulary. */
  of(id: number): Uint8Array {
    return (this.#bytes[id] ??= this.#read(id));
  }

  #read(id: number): Uint8Array {
    const literal = this.#literals.get(id);
    if (literal !== undefined) return new TextEncoder().encode(literal);
    const token = this.#tokenOf(id);
    return token === undefined ? NOTHING : Uint8Array.from(token, (char) => BYTE_OF_CHARACTER.get(char) ?? 0);
  }
}

/** Bytes that print as themselves keep their character; the others take the characters from U+0100 on, in order. */
function makeByteTable(): Map<string, number> {
  const printable = (byte: number) =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
  let next = 0x100;
  const entries = Array.from({ length: 256 }, (_, byte): [string, number] => [
    String.fromCodePoint(printable(byte) ? byte : next++),
    byte,
  ]);
  return new Map(entries);
}
