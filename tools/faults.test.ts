// The faults that are quick to make, in `npm test`; the whole table is `npm run faults`.
import { expect, test } from 'vitest';
import { NotHere, place, remove } from './faults_kit';
import { FAULTS } from './faults_table';

test.each(FAULTS.filter(({ short }) => short))('$name: $ends', async (fault) => {
  const where = await place();
  try {
    expect(await fault.run(where, false)).toBeLessThanOrEqual(1);
  } catch (error) {
    if (!(error instanceof NotHere)) throw error;
    console.warn(`${fault.name} is not run on this platform: ${error.message}.`);
  } finally {
    await remove(where);
  }
});
