/** Customers' requests for their data: asked for from the browser, where App Bridge signs each call. */

import type { DataRequest } from "../api/types";
import { saveFile } from "./download";

const PATH = "/api/data-requests";

export async function findDataRequests(): Promise<DataRequest[]> {
  const response = await fetch(PATH);
  if (!response.ok) throw new Error(`The requests could not be read: ${response.status}.`);
  return ((await response.json()) as { requests: DataRequest[] }).requests;
}

/** Hand the file for one customer to the browser as a download. */
export async function downloadDataFile(id: string): Promise<void> {
  await saveFile(`${PATH}/${id}/file`, `customer-data-${id}.json`);
}
