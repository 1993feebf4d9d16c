/** D-Bus values as GVariants. What is made is floating: the call that it is given to owns it. */
import { glib } from "../../native/glib.ts";
import {
  copyBytes,
  cString,
  outPointer,
  type Pointer,
  readCString,
  toPointer,
} from "../../native/memory.ts";

export type Value = Pointer | null;

export const text = (value: string): Value =>
  toPointer(glib().g_variant_new_string(cString(value)));

/** For paths that came off the bus: NULL, which no call can take, unless it is one. */
export const objectPath = (path: string): Value =>
  toPointer(glib().g_variant_new_object_path(cString(path)));

export const boxed = (value: Value): Value => toPointer(glib().g_variant_new_variant(value));

/** `ay` */
export function bytes(content: Uint8Array): Value {
  // An empty array has no address.
  const elements = content.length > 0 ? content : null;
  return toPointer(glib().g_variant_new_fixed_array(cString("y"), elements, content.length, 1));
}

/** An array of at least one element. */
export function array(elements: readonly Value[]): Value {
  return toPointer(glib().g_variant_new_array(null, addresses(elements), elements.length));
}

export function tuple(elements: readonly Value[]): Value {
  // GLib wants an address, of nothing too.
  const cells = elements.length > 0 ? addresses(elements) : new BigUint64Array(1);
  return toPointer(glib().g_variant_new_tuple(cells, elements.length));
}

/** `a{ss}` of at least one entry. */
export function dictionary(entries: Readonly<Record<string, string>>): Value {
  const pairs = Object.entries(entries).map(([name, value]) =>
    toPointer(glib().g_variant_new_dict_entry(text(name), text(value))),
  );
  return array(pairs);
}

function addresses(values: readonly Value[]): BigUint64Array {
  const cells = new BigUint64Array(values.length);
  values.forEach((value, index) => {
    cells[index] = BigInt(value ?? 0);
  });
  return cells;
}

/** What `decode` makes of the value at `index` of a container. */
export function child<T>(container: Value, index: number, decode: (value: Value) => T): T {
  const g = glib();
  const value = toPointer(g.g_variant_get_child_value(container, index));
  try {
    return decode(value);
  } finally {
    g.g_variant_unref(value);
  }
}

/** What `decode` makes of each value of a container. */
export function children<T>(container: Value, decode: (value: Value) => T): T[] {
  const count = Number(glib().g_variant_n_children(container));
  return Array.from({ length: count }, (_, index) => child(container, index, decode));
}

/** What `decode` makes of the value in a `v`; null when it is not of D-Bus's signature `type`. */
export function unbox<T>(box: Value, type: string, decode: (value: Value) => T): T | null {
  const g = glib();
  const value = toPointer(g.g_variant_get_variant(box));
  try {
    return g.g_variant_is_of_type(value, cString(type)) ? decode(value) : null;
  } finally {
    g.g_variant_unref(value);
  }
}

/** Of a text or an object path. */
export const readText = (value: Value): string =>
  readCString(glib().g_variant_get_string(value, null)) ?? "";

export const readBoolean = (value: Value): boolean => glib().g_variant_get_boolean(value) !== 0;

/** A copy of an `ay`. */
export function readBytes(value: Value): Uint8Array {
  const { cell, address } = outPointer();
  const start = toPointer(glib().g_variant_get_fixed_array(value, address, 1));
  return start ? copyBytes(start, Number(cell[0])) : new Uint8Array(0);
}
