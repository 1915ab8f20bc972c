/**
 * One HTTP POST as Shopify's webhook sender makes it: no redirects, two time limits.
 */
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';

const CONNECT_LIMIT_MS = 1_000;
const TOTAL_LIMIT_MS = 5_000;

export class Sender {
  #agents;

  /** @param {{sockets?: number}} [limits] how many connections a host gets */
  constructor({ sockets = 8 } = {}) {
    const options = { keepAlive: true, maxSockets: sockets, maxFreeSockets: sockets };
    this.#agents = { 'http:': new HttpAgent(options), 'https:': new HttpsAgent(options) };
  }

  /**
   * Post `body` and return the status.
   *
   * @returns {Promise<{status: number | null, error: string | null}>} `status` is null when no answer came in time
   */
  post(address, body, headers) {
    const url = new URL(address);
    const request = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const options = { method: 'POST', agent: this.#agents[url.protocol], headers: { ...headers, 'Content-Length': body.length } };
    return new Promise((resolve) => {
      const call = request(url, options);
      const end = (status, error) => {
        clearTimeout(total);
        clearTimeout(connect);
        resolve({ status, error });
      };
      const total = setTimeout(() => call.destroy(new Error('no answer within 5 s')), TOTAL_LIMIT_MS);
      let connect = null;
      call.on('socket', (socket) => {
        if (!socket.connecting) return;
        connect = setTimeout(() => call.destroy(new Error('no connection within 1 s')), CONNECT_LIMIT_MS);
        socket.once('connect', () => clearTimeout(connect));
      });
      call.on('response', (response) => {
        response.resume();
        response.on('end', () => end(response.statusCode, null));
        response.on('error', (error) => end(null, error.message));
      });
      call.on('error', (error) => end(null, error.message || error.code));
      call.end(body);
    });
  }

  close() {
    for (const agent of Object.values(this.#agents)) agent.destroy();
  }
}
