/** What a model's README says that its users must know. */
export interface ModelCard {
  readonly licence: string | null;
  readonly limits: string | null;
}

const LONGEST_LIMITS_CHARS = 1_000;

/**
 * Reads a Hugging Face model card: `license` of its front matter and the first paragraph under the
 * first heading about limits.
 */
export function parseModelCard(markdown: string): ModelCard {
  const frontMatter = /^---\r?\n([\s\S]*?)\r?\n---/.exec(markdown)?.[1] ?? '';
  const licence = /^licen[sc]e:\s*["']?([^"'\r\n]+)/m.exec(frontMatter)?.[1]?.trim();
  const section = /^#+[^\n]*\blimit[^\n]*\n+((?:(?!#)[^\n]+\n?)+)/im.exec(markdown)?.[1];
  return {
    licence: licence ?? null,
    limits: section?.replaceAll(/\s+/g, ' ').trim().slice(0, LONGEST_LIMITS_CHARS) ?? null,
  };
}
