import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";

/** A TCP server that answers as no HTTP server would. */
export interface RawServer {
  port: number;
  url: string;
  /** Connections that clients have closed. */
  closed: number;
  stop(): Promise<void>;
}

/** @param answer called once for each connection, when its first bytes are there */
export async function startRawServer(answer: (socket: Socket) => void): Promise<RawServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => {
      raw.closed += 1;
    });
    socket.once("data", () => answer(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const raw: RawServer = {
    port,
    url: `http://127.0.0.1:${port}`,
    closed: 0,
    async stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
  return raw;
}
