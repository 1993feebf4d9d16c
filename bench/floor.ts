/** The least that a compiled program can do: what the others are measured against. */
process.stdout.write("hi\n");
