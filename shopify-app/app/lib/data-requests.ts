/** Customers' requests for their data: asked for from the browser, where App Bridge signs each call. */

import type { DataRequest } from "../api/types";

const PATH = "/api/data-requests";

export async function findDataRequests(): Promise<DataRequest[]> {
  const response = await fetch(PATH);
  if (!response.ok) throw new Error(`The requests could not be read: ${response.status}.`);
  return ((await response.json()) as { requests: DataRequest[] }).requests;
}

/** Hand the file for one customer to the browser as a download. A link could not: it carries no session token. */
export async function downloadDataFile(id: string): Promise<void> {
  const response = await fetch(`${PATH}/${id}/file`);
  if (!response.ok) throw new Error(`The file could not be read: ${response.status}.`);
  const address = URL.createObjectURL(await response.blob());
  const link = document.createElement("a");
  link.href = address;
  link.download = `customer-data-${id}.json`;
  link.click();
  URL.revokeObjectURL(address);
}
