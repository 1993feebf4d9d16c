/** A package registry on this machine that has nothing but the packages of `bun run package`. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { platformManifest } from "../../scripts/package/npm.ts";

export interface Registry {
  url: string;
  /** Paths of the tarballs that were fetched, in order. */
  fetched: readonly string[];
  stop(): Promise<void>;
}

interface Manifest {
  name: string;
  version: string;
}

/**
 * Serves the tarballs of `folder`. The packages of all `products` are listed, also where there
 * is no tarball of them: npm picks by what is listed.
 *
 * @param main the package.json of the main package
 */
export function startRegistry(
  folder: string,
  main: Manifest,
  products: readonly string[],
): Registry {
  const fetched: string[] = [];
  const manifests = [main, ...products.map(platformManifest)];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch({ url }): Response {
      const path = decodeURIComponent(new URL(url).pathname).slice(1);
      const manifest = manifests.find(({ name }) => name === path);
      if (manifest) return Response.json(listing(manifest, new URL(url).origin));
      if (!existsSync(join(folder, path))) return new Response("not found", { status: 404 });
      fetched.push(path);
      return new Response(Bun.file(join(folder, path)));
    },
  });
  return { url: server.url.href, fetched, stop: () => server.stop(true) };
}

/** What a registry tells of a package with this one version. */
function listing(manifest: Manifest, url: string) {
  const { name, version } = manifest;
  const tarball = `${url}/${name.replace("@", "").replace("/", "-")}-${version}.tgz`;
  return {
    name,
    "dist-tags": { latest: version },
    versions: { [version]: { ...manifest, dist: { tarball } } },
  };
}
