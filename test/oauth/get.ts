/** Requests the address in its argument as the program does, in a process with an environment of its own, and prints what comes. */
import { createHttp } from "../../src/oauth/http.ts";

const http = createHttp({ fetch, env: process.env, userAgent: "test/1", debug: () => {} });
try {
  const response = await http(process.argv[2] ?? "", {
    headers: { authorization: "Bearer access-1" },
    timeoutMs: 3000,
  });
  console.log(response.status);
} catch (error) {
  console.log(String(error));
}
