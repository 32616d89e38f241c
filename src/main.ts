#!/usr/bin/env node
import { setFlagsFromString } from 'node:v8';
import { runProgram } from './cli/program.ts';
import { commands } from './commands/commands.ts';

// Between two collections of its old garbage V8 lets the heap grow up to four times where a program allocates fast, as one that
// talks with many nodes does. Measured with 50 of them: 190 MB instead of 300, for 3 % more CPU.
setFlagsFromString('--heap-growing-percent=60');

await runProgram(process.argv.slice(2), commands);
