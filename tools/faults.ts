/**
 * The table of what can happen to a training on the command line, and what each must end in: `npm run faults` runs all,
 * `npm run faults -- NAME` one, `--long` kills fifty times instead of three. docs/reliability.md shows the outcomes.
 * `--browser` runs the other table, of e2e/faults, instead.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { NotHere, place, remove } from './faults_kit';
import { FAULTS } from './faults_table';

const words = process.argv.slice(2);
if (words.includes('--browser')) {
  const table = fileURLToPath(new URL('../e2e/faults/run.ts', import.meta.url));
  const rest = words.filter((word) => word !== '--browser');
  process.exit(
    spawnSync(process.execPath, ['--import', 'tsx', table, ...rest], { stdio: 'inherit' }).status ?? 1,
  );
}
const long = words.includes('--long');
const names = words.filter((word) => word !== '--long');
const unknown = names.filter((name) => !FAULTS.some((fault) => fault.name === name));
if (unknown.length > 0) {
  console.error(
    `There is no ${unknown.join(', ')}. There are: ${FAULTS.map(({ name }) => name).join(', ')}.`,
  );
  process.exit(2);
}

let failed = 0;
console.log('| fault | must end in | outcome | steps lost |\n|---|---|---|---|');
for (const fault of FAULTS) {
  if (names.length > 0 && !names.includes(fault.name)) continue;
  const where = await place();
  try {
    const lost = await fault.run(where, long);
    console.log(`| ${fault.name} | ${fault.ends} | held | ${lost} |`);
  } catch (error) {
    if (error instanceof NotHere)
      console.log(`| ${fault.name} | ${fault.ends} | not run here: ${error.message} | |`);
    else {
      failed++;
      console.log(`| ${fault.name} | ${fault.ends} | FAILED | |`);
      console.error(error instanceof Error ? error.message : error);
    }
  } finally {
    await remove(where);
  }
}
process.exit(failed > 0 ? 1 : 0);
