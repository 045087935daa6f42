// A rule in JavaScript: an order as JSON goes in, the order with its price comes out. What it throws is the error of the call.
// `npm run guests -- functions/rules` makes a component of it, rules.wasm: the engine (QuickJS) and this file.
export function check(text) {
  const { items, cents } = JSON.parse(text);
  if (!(items > 0)) throw "an order has items";
  return JSON.stringify({ items, cents, total: items * cents });
}
