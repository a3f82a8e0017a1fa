import { assertEquals, assertThrows } from "@std/assert";
import { OutOfMemoryError } from "./errors.ts";
import { refuseBeyondRoom } from "./room.ts";

const limits = { maxBufferSize: 2 ** 20 };
const plan = { bufferBytes: 3 * 2 ** 20, largestBufferBytes: 2 ** 20 };

Deno.test("refuseBeyondRoom() lets pass what fits to the byte, and whatever there is where nobody knows the room", () => {
  refuseBeyondRoom(plan, { limits });
  refuseBeyondRoom(plan, { limits, room: plan.bufferBytes });
});

Deno.test("refuseBeyondRoom() refuses a byte too many, and tells how much is wanted and how much there is", () => {
  const room = plan.bufferBytes - 2 ** 20;
  const error = assertThrows(
    () => refuseBeyondRoom(plan, { limits, room }),
    OutOfMemoryError,
    "Buffers take 3 MiB by plan, and there is room for 2 MiB",
  );
  assertEquals([error.bytesWanted, error.room], [plan.bufferBytes, room]);
  assertThrows(() => refuseBeyondRoom(plan, { limits, room: plan.bufferBytes - 1 }), OutOfMemoryError);
  assertThrows(
    () => refuseBeyondRoom({ ...plan, largestBufferBytes: 2 ** 20 + 1 }, { limits }),
    OutOfMemoryError,
    "A buffer takes 1 MiB by plan, and this adapter's largest has 1 B less",
  );
});
