import type { Files } from '../files/files.ts';
import { asPattern, patternExpression, plainPattern } from './pattern.ts';

const special = /(?<!\\)[*?[]/;

/** The paths that match a pattern, sorted; none where nothing does. */
export function glob(files: Files, pattern: string): readonly string[] {
  const steps = pattern.split('/');
  const found = below(
    files,
    pattern.startsWith('/') ? '/' : '',
    steps.filter((step, index) => step !== '' || index === steps.length - 1),
  );
  return found.toSorted((one, other) => (one < other ? -1 : one > other ? 1 : 0));
}

function below(files: Files, prefix: string, [step, ...rest]: readonly string[]): string[] {
  if (step === undefined) {
    return [prefix];
  }
  const join = (name: string): string => (prefix === '' || prefix.endsWith('/') ? prefix + name : `${prefix}/${name}`);
  if (step === '') {
    return files.look(prefix)?.kind === 'directory' ? [`${prefix}/`] : [];
  }
  if (!special.test(step)) {
    const path = join(plainPattern(step));
    return files.look(path, false) === undefined ? [] : below(files, path, rest);
  }
  const expression = patternExpression(step);
  const wantsHidden = step.startsWith('.') || step.startsWith(asPattern('.'));
  const names = namesIn(files, prefix === '' ? '.' : prefix);
  return names
    .filter((name) => (wantsHidden || !name.startsWith('.')) && expression.test(name))
    .flatMap((name) => {
      const path = join(name);
      return rest.length > 0 && files.look(path)?.kind !== 'directory' ? [] : below(files, path, rest);
    });
}

function namesIn(files: Files, directory: string): readonly string[] {
  const inode = files.look(directory);
  return inode?.kind === 'directory' && files.allows(directory, 4) ? ['.', '..', ...files.list(directory)] : [];
}
