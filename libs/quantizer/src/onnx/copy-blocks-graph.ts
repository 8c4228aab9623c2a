import type { LlamaConfig } from '#model-store';
import type { OnnxGraph } from './onnx-model.js';
import { pagedCacheValues } from './paged-llama-graph.js';

/**
 * Copies block `from[i]` over block `to[i]` in all caches of a paged model. Run with one memory as `past_key_values` and
 * `present` it writes the copied blocks only. All are read before one is written; as `copied` they can be looked at.
 */
export function buildCopyBlocksGraph(config: LlamaConfig): OnnxGraph {
  const past = pagedCacheValues(config, 'past_key_values');
  const present = pagedCacheValues(config, 'present');
  const copied = pagedCacheValues(config, 'copied').map((value) => ({
    ...value,
    shape: ['copies', ...value.shape.slice(1)],
  }));
  return {
    name: 'copy-blocks',
    inputs: [
      { name: 'from', type: 'int64', shape: ['copies'] },
      { name: 'to', type: 'int64', shape: ['copies', 1] },
      ...past,
    ],
    outputs: [...copied, ...present],
    nodes: past.flatMap(({ name }, index) => {
      const blocks = copied[index]!.name;
      const output = present[index]!.name;
      return [
        { op: 'Gather', name: `Gather:${name}`, inputs: [name, 'from'], outputs: [blocks] },
        { op: 'ScatterND', name: `ScatterND:${name}`, inputs: [name, 'to', blocks], outputs: [output] },
      ];
    }),
  };
}
