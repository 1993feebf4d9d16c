import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { type AddressInfo, connect } from "node:net";
import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { Answer, Asked } from "./answer.ts";
import type { Sending } from "./faults.ts";

const bodyLimit = 1024 * 1024;

/** Reads a request to its end. A proxy's absolute form keeps the origin that it names. */
export async function readRequest(scheme: string, request: IncomingMessage): Promise<Asked> {
  let body = "";
  for await (const chunk of request.setEncoding("utf8")) {
    body += chunk;
    if (body.length > bodyLimit) throw new Error("request body too large");
  }
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers)) headers.set(name, String(value));
  return {
    method: request.method ?? "",
    url: new URL(request.url ?? "/", `${scheme}://${headers.get("host")}`),
    headers,
    body,
  };
}

/** Sends an answer as well or as badly as it is meant to be. */
export async function send(response: ServerResponse, sending: Sending): Promise<void> {
  switch (sending.manner) {
    case "never":
      return;
    case "cut":
      response.socket?.destroy();
      return;
    case "whole": {
      const body = writeHead(response, sending.answer);
      response.end(body);
      return;
    }
    case "half": {
      const body = writeHead(response, sending.answer);
      response.write(body.subarray(0, body.length / 2), () => response.socket?.destroy());
      return;
    }
    case "drip": {
      const body = writeHead(response, sending.answer);
      for (const byte of body) {
        if (response.destroyed) return;
        response.write(Buffer.of(byte));
        await sleep(sending.millisecondsPerByte);
      }
      response.end();
    }
  }
}

function writeHead(response: ServerResponse, answer: Answer): Buffer {
  const body = Buffer.from(answer.body);
  response.writeHead(answer.status, { ...answer.headers, "content-length": body.length });
  return body;
}

/** Joins a CONNECT's socket to a port of this machine, until either side ends. */
export function tunnel(socket: Duplex, head: Buffer, port: number): void {
  const inner = connect(port, "127.0.0.1", () => {
    socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
    inner.write(head);
    inner.pipe(socket).pipe(inner);
  });
  inner.on("error", () => socket.destroy());
  socket.on("error", () => inner.destroy());
}

/** Listens on 127.0.0.1 and returns the port. */
export async function listen(server: Server, port: number): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen(port, "127.0.0.1", resolve);
  await promise;
  return (server.address() as AddressInfo).port;
}

/** Stops listening and cuts what is still open. */
export async function close(server: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  server.closeAllConnections();
  await promise;
}
