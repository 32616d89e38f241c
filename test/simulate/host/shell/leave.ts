/** How commands are left before their end. They are thrown, and caught where what is left stands. */
class Leave extends Error {
  override readonly name = 'Leave';
}

/** `exit`, or what ends a shell. */
export class ShellExit extends Leave {
  readonly status: number;

  constructor(status: number) {
    super('exit');
    this.status = status;
  }
}

/** The shell became a program, which has ended with this status: no trap runs any more. */
export class Replaced extends ShellExit {}

/** `return`. */
export class FunctionReturn extends Leave {
  readonly status: number;

  constructor(status: number) {
    super('return');
    this.status = status;
  }
}

/** `break` and `continue`, out of so many loops. */
export class LoopJump extends Leave {
  readonly goesOn: boolean;
  readonly levels: number;

  constructor(goesOn: boolean, levels: number) {
    super(goesOn ? 'continue' : 'break');
    this.goesOn = goesOn;
    this.levels = levels;
  }
}
