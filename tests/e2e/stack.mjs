/** The whole product on free ports and data of its own, for one test file. */
import { execFile, spawn } from 'node:child_process';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const run = promisify(execFile);
export const ROOT = fileURLToPath(new URL('../../', import.meta.url));
export const PYTHON = join(ROOT, '.venv/bin/python');
const LOGS = join(ROOT, '.data/logs-of-failed-walk');
const START_DEADLINE_MS = 240_000; // a cold machine compiles every module first
const STOP_DEADLINE_MS = 60_000;

/** The stack ended before it was ready, or took too long. The message holds what it last said. */
export class NotStarted extends Error {}

/**
 * Starts everything but the main job, which the test walks by itself.
 *
 * @returns {Promise<{at: object, stop: Function}>} `at` holds the addresses and the staff account; `stop` takes everything
 *   away, but for the logs where `keepLogs` is true
 */
export async function startStack() {
  const place = await mkdtemp(join(tmpdir(), 'tailorbird-e2e-'));
  const child = spawn(PYTHON, ['-m', 'tools.demo', '--skip-job', '--first-port', '0', '--data-dir', place], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = [];
  child.stderr.on('data', (chunk) => said.push(String(chunk)));
  const stop = (options) => stopStack(child, place, options);
  try {
    return { at: await readAddresses(child, said), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The addresses come as the one line that is a JSON object. */
function readAddresses(child, said) {
  return new Promise((resolve, reject) => {
    const fail = (why) => reject(new NotStarted(`The stack ${why}:\n${said.join('').slice(-4000)}`));
    const timer = setTimeout(() => fail(`is not ready after ${START_DEADLINE_MS} ms`), START_DEADLINE_MS);
    child.once('error', reject);
    child.once('close', (code) => fail(`ended with ${code}`));
    createInterface({ input: child.stdout }).on('line', (line) => {
      said.push(`${line}\n`);
      if (!line.startsWith('{')) return;
      clearTimeout(timer);
      resolve(JSON.parse(line));
    });
  });
}

async function stopStack(child, place, { keepLogs = false } = {}) {
  if (child.exitCode === null && child.signalCode === null) {
    const closed = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_DEADLINE_MS);
    await closed;
    clearTimeout(timer);
  }
  if (keepLogs) {
    await rm(LOGS, { recursive: true, force: true });
    await cp(join(place, 'logs'), LOGS, { recursive: true });
    console.log(`The logs are in ${LOGS}.`);
  }
  // Not only the folder: a root user's database may lie outside of it.
  await run(PYTHON, ['-m', 'tools.demo', '--clean', '--data-dir', place], { cwd: ROOT });
}
