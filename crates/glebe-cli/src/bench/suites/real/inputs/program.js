// Objects, buffers, JSON and maps. Arguments: size and seed.
const assert = require('assert');
const crypto = require('crypto');

const size = Number(process.argv[2]);
let state = Number(process.argv[3]) >>> 0;
const random = (limit) => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 4294967296) * limit);
};

const words = Array.from({ length: size }, () => 'w' + random(size) + 'x'.repeat(random(40)));
const records = words.map((word, id) => ({ id, word, tags: [word.slice(0, 3), id % 7] }));
assert.deepStrictEqual(JSON.parse(JSON.stringify(records[7])), records[7]);
assert.strictEqual(JSON.parse(JSON.stringify(records)).length, size);

const counts = new Map();
for (const word of words) counts.set(word, (counts.get(word) || 0) + 1);
records.sort((a, b) => (a.word < b.word ? -1 : a.word > b.word ? 1 : a.id - b.id));

// Buffers lie outside the engine's own heap, in memory that malloc gives.
const buffers = new Array(200).fill(null);
let bytes = 0;
for (let i = 0; i < size; i++) {
  const buffer = Buffer.alloc(4096 + random(20000), i & 255);
  assert.strictEqual(buffer[buffer.length - 1], i & 255);
  buffers[random(buffers.length)] = buffer;
  bytes += buffer.length;
}
assert(bytes > size * 4096);

const text = words.join(' ');
const copies = Array.from({ length: 40 }, () => Buffer.from(text));
const digests = new Set(copies.map((copy) => crypto.createHash('md5').update(copy).digest('hex')));
assert.strictEqual(digests.size, 1);
console.log('done', [...counts.values()].reduce((sum, count) => sum + count, 0));
