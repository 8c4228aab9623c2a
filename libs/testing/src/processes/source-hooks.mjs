// Lets Node run the TypeScript sources as they are: an import of `./x.js` from a .ts file means `./x.ts`.
import { registerHooks } from 'node:module';

registerHooks({
  resolve(specifier, context, next) {
    const ofSource =
      specifier.startsWith('.') && specifier.endsWith('.js') && context.parentURL?.endsWith('.ts') === true;
    return next(ofSource ? `${specifier.slice(0, -3)}.ts` : specifier, context);
  },
});
