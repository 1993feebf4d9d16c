/** What the whole machine uses, as long as somebody watches. Linux only. */
import { readdirSync, readFileSync } from "node:fs";
import { processesWith, readProc } from "./processes.ts";
import { insist } from "./row.ts";

export interface Reading {
  /** Bytes that are neither free nor to be had at once. */
  memory: number;
  descriptors: number;
  /** Of the services that were named; 0 without any. */
  serviceMemory: number;
  serviceDescriptors: number;
}

export interface Readings {
  /** The lowest figures of the first tenth of the time, and of the last: others use the machine too. */
  first: Reading;
  last: Reading;
}

/** Between two looks, in milliseconds. */
const PAUSE = 250;

/** Watches the machine during `body`, and those processes that have `mark` in their environment. */
export async function watchingMachine(
  mark: string | null,
  body: () => Promise<void>,
): Promise<Readings> {
  const services = mark === null ? [] : processesWith(mark);
  const readings = [read(services)];
  const timer = setInterval(() => readings.push(read(services)), PAUSE);
  try {
    await body();
  } finally {
    clearInterval(timer);
  }
  readings.push(read(services));
  const tenth = Math.ceil(readings.length / 10);
  return { first: lowest(readings.slice(0, tenth)), last: lowest(readings.slice(-tenth)) };
}

function read(services: readonly number[]): Reading {
  const meminfo = readFileSync("/proc/meminfo", "utf8");
  const kilobytes = (name: string) =>
    Number(new RegExp(`^${name}: +(\\d+)`, "m").exec(meminfo)?.[1]);
  const sum = (of: (pid: number) => number) => services.map(of).reduce((a, b) => a + b, 0);
  return {
    memory: (kilobytes("MemTotal") - kilobytes("MemAvailable")) * 1024,
    descriptors: Number(readFileSync("/proc/sys/fs/file-nr", "utf8").split("\t")[0]),
    serviceMemory: sum(residentBytes),
    serviceDescriptors: sum((pid) => readdirSync(`/proc/${pid}/fd`).length),
  };
}

const residentBytes = (pid: number) =>
  Number(/^VmRSS:\s+(\d+)/m.exec(readProc(pid, "status"))?.[1] ?? 0) * 1024;

function lowest(readings: readonly Reading[]): Reading {
  const of = (name: keyof Reading) => Math.min(...readings.map((reading) => reading[name]));
  return {
    memory: of("memory"),
    descriptors: of("descriptors"),
    serviceMemory: of("serviceMemory"),
    serviceDescriptors: of("serviceDescriptors"),
  };
}

/** What may come and go by itself; a leak with every one of thousands of calls is more. */
const ALLOWANCES: Reading = {
  memory: 256 * 1024 * 1024,
  descriptors: 1000,
  serviceMemory: 8 * 1024 * 1024,
  serviceDescriptors: 8,
};

/** @param serviceLeak bytes that the services are known to lose by themselves */
export function requireFlat({ first, last }: Readings, serviceLeak: number): void {
  for (const name of Object.keys(ALLOWANCES) as (keyof Reading)[]) {
    const leak = name === "serviceMemory" ? serviceLeak : 0;
    const growth = last[name] - first[name];
    insist(growth <= ALLOWANCES[name] + leak, `${name} grew by ${growth}`);
  }
}
