#!/usr/bin/env node
/**
 * Would this order-lines file fill a shop? Prints the counts, or one message and exits 2.
 */
import { BadOrders, buildShop, readOrders } from '../seed/orders-file.mjs';

async function main([file]) {
  if (!file) throw new BadOrders('usage: check-orders.mjs orders.csv[.gz]');
  const { counts } = buildShop(await readOrders(file), { shiftMs: 0, vendor: '' });
  console.log(JSON.stringify(counts));
}

main(process.argv.slice(2)).catch((error) => {
  if (!(error instanceof BadOrders)) throw error;
  console.error(error.message);
  process.exitCode = 2;
});
