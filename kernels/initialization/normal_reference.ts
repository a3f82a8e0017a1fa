import { pcg } from "../shared/pcg.ts";
import { unitOf } from "./normal.ts";

/** The numbers of normal.wgsl, bit for bit. */
export function normalNumbers(count: number, deviation: number, stream: number): Float32Array<ArrayBuffer> {
  const key = pcg(stream);
  const keys = Array.from({ length: 6 }, (_, draw) => pcg(key ^ draw));
  const unit = unitOf(deviation);
  return Float32Array.from({ length: count }, (_, element) => {
    const place = pcg(element);
    const words = keys.map((key) => pcg(place ^ key));
    const sum = words.reduce((sum, word) => sum + (word & 65535) + (word >>> 16), 0);
    return (sum - 6 * 65535) * unit;
  });
}
