// Throws a die and counts its faces. Built by `npm run guests` into dice.wasm.
const throws = process.argv.length > 1 ? <i32>parseInt(process.argv[1]) : 6;
const random = new Uint8Array(throws);
crypto.getRandomValues(random);

const counts = new StaticArray<i32>(6);
for (let index = 0; index < throws; index++) counts[random[index] % 6]++;

const player = process.env.has("PLAYER") ? process.env.get("PLAYER") : "somebody";
console.log(`${player} threw ${throws} times at ${new Date(Date.now()).toISOString()}`);
for (let face = 0; face < 6; face++) console.log(`${face + 1}: ${"*".repeat(counts[face])}`);
