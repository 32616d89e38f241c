#!/usr/bin/env node
import { runProgram } from './cli/program.ts';
import { commands } from './commands/commands.ts';

await runProgram(process.argv.slice(2), commands);
