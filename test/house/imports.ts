import { posix } from 'node:path';
import { type Node, type ParseResult, Visitor } from 'oxc-parser';

/** Who may use `import.meta`: by it a file can be run or read that is not imported. */
const ownPlace = /^src\/(cli\/version|codec\/lzo\/(pool|wasm)|transfer\/direct\/program)\.ts$/;

/**
 * What a module does that lint's patterns of imports would not see, or would take for something else: see `.oxlintrc.json`.
 * `file` is relative to the project; `libraries` are the packages that may be named at all.
 */
export function oddImports(file: string, { program }: ParseResult, libraries: readonly string[]): readonly string[] {
  const odd: string[] = [];
  const look = (source: Node | null): void => {
    if (source === null) {
      return;
    }
    const literal = source.type === 'Literal' && typeof source.value === 'string' ? source.value : undefined;
    const fault = literal === undefined ? 'import() of what no pattern can read' : oddSpecifier(file, literal, libraries);
    odd.push(...(fault === undefined ? [] : [fault]));
  };
  new Visitor({
    ImportDeclaration: ({ source }) => look(source),
    ExportAllDeclaration: ({ source }) => look(source),
    ExportNamedDeclaration: ({ source }) => look(source),
    ImportExpression: ({ source }) => look(source),
    TSImportType: ({ source }) => look(source),
    MetaProperty: ({ meta }) => {
      if (meta.name === 'import' && !ownPlace.test(file)) {
        odd.push('import.meta: a file is imported by its path');
      }
    },
    TSExternalModuleReference: ({ expression }) => look(expression),
  }).visit(program);
  return odd;
}

/** The comments of a module that switch off what is checked. */
export function silencers({ comments }: ParseResult): readonly string[] {
  return comments.flatMap(({ value }) =>
    /\b(ox|es)lint\b|@ts-(ignore|nocheck|expect-error)\b/.test(value) ? [value.trim()] : [],
  );
}

function oddSpecifier(file: string, specifier: string, libraries: readonly string[]): string | undefined {
  if (!specifier.startsWith('.')) {
    const [, name] = /^((?:@[^/]+\/)?[^/]+)/.exec(specifier) ?? [];
    const isKnown = specifier.startsWith('node:') || (name !== undefined && libraries.includes(name));
    return isKnown ? undefined : `${specifier}: neither of Node, with "node:" before it, nor a dependency, nor relative`;
  }
  const folder = posix.dirname(file);
  const target = posix.join(folder, specifier);
  if (!target.startsWith('src/') || !/^[\w./-]+$/.test(specifier)) {
    return `${specifier}: not a path within src`;
  }
  const relative = posix.relative(folder, target);
  const shortest = relative.startsWith('.') ? relative : `./${relative}`;
  return specifier === shortest ? undefined : `${specifier}: write ${shortest}`;
}
