// Node's main thread and worker threads: objects, buffers, compression, hashes, messages.
'use strict';
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');
const crypto = require('crypto');
const fs = require('fs');
const zlib = require('zlib');

const library = process.env.EXPECT_MAPPED;
if (library && !fs.readFileSync('/proc/self/maps', 'utf8').includes(library)) {
  throw new Error(`${library} is not in the memory map`);
}

function churn(seed) {
  let state = seed;
  const next = (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state % limit;
  };
  const table = new Map();
  const hash = crypto.createHash('sha256');
  for (let i = 0; i < 30000; i++) {
    const key = 'k' + next(8000);
    table.set(key, { i, text: 'x'.repeat(next(200)), list: Array.from({ length: next(9) }) });
    if (i % 500 === 0) {
      const packed = zlib.deflateSync(JSON.stringify([...table.values()].slice(-300)));
      hash.update(zlib.inflateSync(packed)).update(Buffer.alloc(next(70000), i & 255));
    }
    if (i % 3 === 0) table.delete('k' + next(8000));
  }
  const sorted = [...table.keys()].sort().join('');
  return [seed, table.size, hash.update(sorted).digest('hex')];
}

async function main() {
  console.log(JSON.stringify(churn(1)));
  for (let round = 0; round < 2; round++) {
    const workers = [2, 3, 4, 5].map((seed) => new Promise((resolve, reject) => {
      const worker = new Worker(__filename, { workerData: seed + 10 * round });
      let answer;
      worker.on('message', (message) => { answer = message; });
      worker.on('error', reject);
      worker.on('exit', (code) => (code ? reject(new Error(`exit ${code}`)) : resolve(answer)));
    }));
    for (const answer of await Promise.all(workers)) console.log(JSON.stringify(answer));
  }
  const packed = await Promise.all([1, 5, 9].map((level) => new Promise((resolve, reject) => {
    const text = Buffer.from('the quick brown fox '.repeat(100000));
    zlib.gzip(text, { level }, (error, out) => (error ? reject(error) : resolve(out.length)));
  })));
  console.log(JSON.stringify(packed));
}

if (isMainThread) {
  main().catch((error) => { console.error(error); process.exit(1); });
} else {
  parentPort.postMessage(churn(workerData));
}
