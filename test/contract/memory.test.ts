import { openMemoryBackend } from "../support/memory-backend.ts";
import { describeBackend } from "./describe-backend.ts";

describeBackend("memory", openMemoryBackend);
