import { DroverError, offeredTools, type JobInput } from '#contracts';
import type { TokenConstraint } from '#engine';
import type { ConstraintCompiler, ConstraintSpec } from '#structured';

/** Makes the constraint of one text; null where every text will do. */
export type ConstraintMaker = () => TokenConstraint | null;

/**
 * What a job's texts are held to: its `response_format`, or the calls that its `tool_choice` demands.
 * @throws DroverError where the form is not supported, or its shortest text does not fit into `maxTokens`
 */
export function compileForm(
  input: JobInput,
  maxTokens: number,
  compiler: Pick<ConstraintCompiler, 'compile'>,
): ConstraintMaker {
  const factory = compiler.compile(specOf(input));
  if (factory === null) return () => null;
  const shortest = factory.create();
  const fewestTokens = shortest.minRemainingTokens();
  shortest.close();
  if (fewestTokens > maxTokens) {
    throw new DroverError(
      'invalid_value',
      `The shortest text of the asked form has ${fewestTokens} tokens, and the job may generate ${maxTokens}. ` +
        'Raise `max_tokens`.',
    );
  }
  return () => factory.create();
}

function specOf(input: JobInput): ConstraintSpec {
  const tools = offeredTools(input);
  if (tools.length === 0) return { kind: 'format', format: input.response_format ?? { type: 'text' } };
  return {
    kind: 'tools',
    tools,
    toolChoice: input.tool_choice ?? 'auto',
    allowsSeveral: input.parallel_tool_calls !== false,
  };
}
