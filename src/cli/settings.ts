import { existsSync } from 'node:fs';
import { parse } from 'yaml';
import type { Options } from 'yargs';
import { messageOf, UsageError } from '../model/errors.ts';
import { readGuarded } from './guarded-file.ts';

/**
 * Flags > environment (`SSTASH_*`) > config file (`sstash.yml`) > defaults. The lower three become the defaults of a
 * command's options here, so that yargs needs to know only flags (its own `env` and `config` reject, in strict mode,
 * whatever belongs to another command).
 */
export type Settings = Readonly<Record<string, unknown>>;

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads the config file: the one named (which must be there), else `sstash.yml` in the working directory, if any. It says which
 * commands are run with what rights on the nodes, so nobody but root and the one who runs this may have written it.
 */
export function readConfigFile(named: string | undefined): Settings {
  const path = named ?? 'sstash.yml';
  if (named === undefined && !existsSync(path)) {
    return {};
  }
  const { text, mode } = readGuarded(path, { what: 'the config file', otherwise: 'or name another: --config FILE' });
  let value: unknown;
  try {
    value = parse(text);
  } catch (cause) {
    throw new UsageError(`cannot read the config file ${path}: ${messageOf(cause).split('\n')[0]}`, { cause });
  }
  if (value === null || value === undefined) {
    return {};
  }
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw new UsageError(`the config file ${path} must hold option: value lines`);
  }
  if ('aws-secret-access-key' in value && (mode & 0o077) !== 0) {
    throw new UsageError(`the config file ${path} holds aws-secret-access-key, and others may read it`, {
      hint: 'chmod 600 it, or keep the key in a profile',
    });
  }
  return Object.fromEntries(Object.entries(value));
}

/** A command's options with their defaults taken from environment and config file where these say something. */
export function withSettings<T extends Readonly<Record<string, Options>>>(
  options: T,
  environment: Environment,
  file: Settings,
): T {
  const filled = Object.entries(options).map(([name, option]): [string, Options] => {
    const value = fromEnvironment(name, option, environment) ?? file[name];
    return [
      name,
      value === undefined ? option : { ...option, default: value, defaultDescription: 'from the environment or config file' },
    ];
  });
  return Object.assign({}, options, Object.fromEntries(filled));
}

/** Names in the config file that no command has as an option: a typing mistake must not be ignored in silence. */
export function refuseUnknownSettings(file: Settings, known: ReadonlySet<string>): void {
  const unknown = Object.keys(file).find((name) => !known.has(name));
  if (unknown !== undefined) {
    throw new UsageError(`the config file has an unknown option: ${unknown}`, { hint: '`sstash COMMAND --help` names them all' });
  }
}

function fromEnvironment(name: string, option: Options, environment: Environment): unknown {
  const names = [name, ...[option.alias ?? []].flat()].filter((each) => each.length > 1);
  const variable = names
    .map((each) => `SSTASH_${each.toUpperCase().replaceAll('-', '_')}`)
    .find((each) => environment[each] !== undefined);
  const text = variable === undefined ? undefined : environment[variable];
  if (variable === undefined || text === undefined || text === '') {
    return undefined;
  }
  if (option.type === 'boolean') {
    return booleanOf(variable, text);
  }
  return option.type === 'number' ? numberOf(variable, text) : text;
}

function booleanOf(variable: string, text: string): boolean {
  if (!/^(?:true|false|1|0|yes|no)$/i.test(text)) {
    throw new UsageError(`${variable} must be true or false, not ${text}`);
  }
  return /^(?:true|1|yes)$/i.test(text);
}

function numberOf(variable: string, text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value)) {
    throw new UsageError(`${variable} must be a number, not ${text}`);
  }
  return value;
}
