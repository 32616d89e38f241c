import { IntegrityError } from '../model/errors.ts';

/** What the work gives, or what is made of the damage that it came upon. Any other failure is thrown on. */
export async function unlessDamaged<T, D>(work: () => Promise<T>, onDamage: (damage: IntegrityError) => D): Promise<T | D> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof IntegrityError) {
      return onDamage(error);
    }
    throw error;
  }
}
