// Asking the server: JSON for what is quick, frames for what is heard while it is made.

/** What the server refused, in its sentence. */
export class Refusal extends Error {}

async function checked(answer) {
  if (!answer.ok) throw new Refusal((await answer.text()).trim() || `The studio answered ${answer.status}.`);
  return answer;
}

/** A file as it is, anything else as JSON. */
function sent(body) {
  if (body instanceof Blob) return { method: "POST", body };
  return { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
}

async function reached(path, options) {
  try {
    return await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal("The studio does not answer; is it still running in the terminal?");
  }
}

export const get = async (path) => (await checked(await reached(path))).json();
export const post = async (path, body) => (await checked(await reached(path, sent(body)))).json();
export const fetched = async (path, body) => (await checked(await reached(path, body ? sent(body) : {}))).blob();
export const bytes = async (path) => (await checked(await reached(path))).arrayBuffer();
export const remove = async (path) => (await checked(await reached(path, { method: "DELETE" }))).json();
export const upload = async (path, data) => (await checked(await reached(path, sent(data)))).json();

/**
 * Start a job and follow it: `onEvent` gets its JSON, `onAudio` its samples (float32, interleaved).
 * Resolves with how it ended: "done", "cancelled" or "failed". A page that goes away cancels it.
 */
export async function follow(path, body, { onEvent, onAudio = () => {}, signal }) {
  const answer = await checked(await reached(path, { ...sent(body), signal }));
  const reader = answer.body.getReader();
  let rest = new Uint8Array(0);
  let end = "cancelled";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return end;
    rest = joined(rest, value);
    let from = 0;
    while (rest.length - from >= 5) {
      const size = new DataView(rest.buffer, rest.byteOffset + from + 1, 4).getUint32(0, true);
      if (rest.length - from - 5 < size) break;
      const content = rest.slice(from + 5, from + 5 + size);
      if (rest[from] === 0x41) onAudio(new Float32Array(content.buffer));
      else {
        const event = JSON.parse(new TextDecoder().decode(content));
        if (["done", "cancelled", "failed"].includes(event.event)) end = event.event;
        onEvent(event);
      }
      from += 5 + size;
    }
    rest = rest.subarray(from);
  }
}

function joined(a, b) {
  if (!a.length) return b;
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

/** Hand a file to the browser's downloads. */
export function download(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
