// A file on its way to the server, by the tus protocol 1.0.0 (https://tus.io): made with its first bytes, so that what is
// no capture is refused at once; sent in slices; asked for its offset after anything went wrong, and gone on with.
//
// Written here and not taken from tus-js-client: what that adds, a store of fingerprints in the browser, is the server's
// list here, and so an upload goes on from another browser too; what the page shows (waiting, trying again, why) it hides.

const FIRST = 64 << 10;
const SLICE = 32 << 20; // what has to be sent again, at most, when the connection breaks where a proxy keeps whole requests
const LONGEST_WAIT = 30_000;
const STALL = 30_000; // without a byte moving, after which a connection is taken for broken
const WINDOW = 5_000; // of time, over which the speed is said
const TYPE = "application/offset+octet-stream";

// States of a file that is being sent. The last three are ends: what follows is the server's to tell.
export const WAITING = "waiting"; // for its turn
export const SENDING = "sending";
export const RETRYING = "retrying";
export const PAUSED = "paused";
export const SENT = "sent";
export const REFUSED = "refused";
export const CANCELLED = "cancelled";

function coded(text) {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

function cookie(name) {
  return document.cookie.split("; ").find((part) => part.startsWith(`${name}=`))?.slice(name.length + 1) ?? "";
}

// One request. Status 0: no answer came. `fetch` cannot tell how much of a body has been sent.
function call(method, address, headers, { body = null, progress = null, signal = null } = {}) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open(method, address);
    request.setRequestHeader("Tus-Resumable", "1.0.0");
    request.setRequestHeader("X-CSRFToken", cookie("spider_csrf"));
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    let timer = null;
    const moved = () => {
      clearTimeout(timer);
      timer = setTimeout(() => request.abort(), STALL);
    };
    request.upload.addEventListener("progress", (event) => {
      moved();
      progress?.(event.loaded);
    });
    request.addEventListener("loadend", () => {
      clearTimeout(timer);
      let error = null;
      try { error = JSON.parse(request.responseText).error; } catch { /* not ours, or nothing */ }
      resolve({ status: request.status, error, header: (name) => request.getResponseHeader(name) });
    });
    signal?.addEventListener("abort", () => request.abort());
    moved();
    request.send(body);
  });
}

export class Sending {
  #abort = null;
  #wake = null;
  #running = false;
  #tries = 0;
  #marks = [];

  // `address` is of the list of uploads, `known` of an upload that is gone on with. `changed` is told of every change.
  constructor(file, { address, whisperer, known = null, changed }) {
    Object.assign(this, { file, address, whisperer, changed });
    this.upload = known;
    this.state = WAITING;
    this.offset = null; // bytes that the server has; null: to be asked for
    this.sent = 0; // and those on the way
    this.error = "";
    this.again = 0; // when the next try is, in milliseconds
    this.creating = false; // whether the server may have made a row that we do not know yet
  }

  get id() { return this.upload?.split("/").at(-2) ?? null; }
  get active() { return this.state === SENDING || this.state === RETRYING; }
  get over() { return [SENT, REFUSED, CANCELLED].includes(this.state); }

  // Bytes a second over the last seconds; 0 while that is not known.
  get speed() {
    const [first, last] = [this.#marks[0], this.#marks.at(-1)];
    return first && last.at - first.at > 300 ? Math.max(0, (last.sent - first.sent) * 1000 / (last.at - first.at)) : 0;
  }

  // Send until the end, a pause, or a refusal.
  async run() {
    this.#set(SENDING);
    if (this.#running) return; // paused and gone on with before the answer came
    this.#running = true;
    while (this.active) {
      this.#abort = new AbortController();
      const { signal } = this.#abort;
      const answer = await this.#step();
      if (this.active && !signal.aborted) await this.#judge(answer);
    }
    this.#running = false;
    if (this.state === CANCELLED) await this.#remove();
  }

  // Go on with an upload that the server has of this file.
  adopt(address) {
    this.upload = address;
    this.offset = null;
  }

  pause() {
    if (this.over) return;
    this.offset = null;
    this.#set(PAUSED);
    this.#abort?.abort();
    this.#wake?.();
  }

  // Try again now instead of later.
  hurry() { this.#wake?.(); }

  async cancel() {
    const begun = this.#running;
    this.#set(CANCELLED);
    this.#abort?.abort();
    this.#wake?.();
    if (!begun) await this.#remove(); // else when the answer to what is under way is here
  }

  async #remove() {
    if (this.upload) await call("DELETE", this.upload, {});
    this.changed(this);
  }

  #set(state, error = "") {
    Object.assign(this, { state, error });
    if (state !== SENDING) this.#marks = [];
    this.changed(this);
  }

  #step() {
    if (!this.upload) return this.#create();
    if (this.offset === null) return this.#ask();
    return this.#append();
  }

  // Not broken off by a pause: a row is made, and its address is in the answer.
  async #create() {
    const { file } = this;
    const said = { whisperer: this.whisperer, filename: file.name, modified: String(file.lastModified) };
    const metadata = Object.entries(said).map(([name, text]) => `${name} ${coded(text)}`).join(",");
    const headers = { "Upload-Length": String(file.size), "Upload-Metadata": metadata, "Content-Type": TYPE };
    this.creating = true;
    const answer = await call("POST", this.address, headers, { ...this.#body(0, FIRST), signal: null });
    this.creating = false;
    if (answer.status === 201) this.upload = answer.header("Location");
    return answer;
  }

  #ask() { return call("HEAD", this.upload, {}, { signal: this.#abort.signal }); }

  #append() {
    const headers = { "Upload-Offset": String(this.offset), "Content-Type": TYPE };
    return call("PATCH", this.upload, headers, this.#body(this.offset, SLICE));
  }

  #body(start, most) {
    const progress = (loaded) => this.#progress(Math.min(start + loaded, this.file.size));
    return { body: this.file.slice(start, start + most), progress, signal: this.#abort.signal };
  }

  #progress(sent) {
    this.sent = sent;
    const now = performance.now();
    this.#marks.push({ at: now, sent });
    while (this.#marks.length > 2 && now - this.#marks[0].at > WINDOW) this.#marks.shift();
    this.changed(this);
  }

  // What an answer means: on, once more from the server's offset, wait, or the end.
  async #judge(answer) {
    if (answer.status >= 200 && answer.status < 300) {
      this.offset = Number(answer.header("Upload-Offset"));
      this.sent = this.offset;
      this.#tries = 0;
      if (this.state !== SENDING) this.#set(SENDING);
      if (this.offset >= this.file.size) this.#set(SENT);
      return;
    }
    this.upload ??= answer.error?.upload ? `${this.address}${answer.error.upload}/` : null;
    if (answer.status === 409 && this.upload) {
      this.offset = null;
      if (this.#tries++ < 3) return; // somebody else sends the same file, or an answer was lost: from there
    }
    if (answer.status === 401) {
      this.offset = null;
      this.#set(PAUSED, "You are signed out: sign in in another tab, then go on.");
    } else if (answer.status === 0 || [409, 423, 429].includes(answer.status) || answer.status >= 500) {
      await this.#wait(answer);
    } else if (answer.status === 400 && answer.error?.code === "cut_short") {
      await this.#wait({ status: 0 });
    } else if (await this.#readable()) {
      this.#set(REFUSED, answer.error?.message ?? `The server answered ${answer.status}.`);
    }
  }

  async #wait(answer) {
    this.offset = null;
    if (answer.status === 0 && !(await this.#readable())) return;
    const told = Number(answer.header?.("Retry-After") ?? 0) * 1000;
    const pause = Math.max(told, Math.min(1000 * 2 ** this.#tries++, LONGEST_WAIT));
    this.again = Date.now() + pause;
    this.#set(RETRYING, answer.error?.message ?? (answer.status ? `The server answered ${answer.status}.` : ""));
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, pause);
      this.#wake = () => { clearTimeout(timer); resolve(); };
    });
    this.#wake = null;
  }

  // A file that was changed, moved or removed since it was chosen looks like a broken connection to the browser.
  async #readable() {
    try {
      await this.file.slice(0, 1).arrayBuffer();
      return true;
    } catch {
      this.#set(REFUSED, "The browser cannot read this file any more: it was changed, moved or removed. Choose it again.");
      return false;
    }
  }
}
