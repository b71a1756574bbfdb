// A spectrogram that grows with the audio: short-time Fourier transform, logarithmic in frequency, in tiles of pixels.

const SIZE = 1024;
const HOP_S = 0.02;
export const ROWS = 112;
const LOWEST_HZ = 55;
const FLOOR_DB = -84;
const TILE = 512;

const window_ = Float32Array.from({ length: SIZE }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / SIZE));
const cos = Float32Array.from({ length: SIZE / 2 }, (_, i) => Math.cos((2 * Math.PI * i) / SIZE));
const sin = Float32Array.from({ length: SIZE / 2 }, (_, i) => Math.sin((2 * Math.PI * i) / SIZE));

/** In-place radix-2 transform of SIZE complex values. */
export function fft(re, im) {
  for (let i = 1, j = 0; i < SIZE; i++) {
    let bit = SIZE >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) [re[i], re[j], im[i], im[j]] = [re[j], re[i], im[j], im[i]];
  }
  for (let length = 2; length <= SIZE; length <<= 1) {
    const half = length >> 1;
    const step = SIZE / length;
    for (let i = 0; i < SIZE; i += length) {
      for (let k = 0; k < half; k++) {
        const c = cos[k * step];
        const s = -sin[k * step];
        const a = i + k;
        const b = a + half;
        const x = re[b] * c - im[b] * s;
        const y = re[b] * s + im[b] * c;
        re[b] = re[a] - x;
        im[b] = im[a] - y;
        re[a] += x;
        im[a] += y;
      }
    }
  }
}

export class Spectrogram {
  constructor(track, rate) {
    this.track = track;
    this.hop = Math.round(HOP_S * rate);
    this.rate = rate;
    this.columns = 0;
    this.levels = new Uint8Array(Math.ceil(track.frames / this.hop + 1) * ROWS);
    this.tiles = [];
    const edges = Array.from({ length: ROWS + 1 }, (_, row) => (LOWEST_HZ * (rate / 2 / LOWEST_HZ) ** (row / ROWS) * SIZE) / rate);
    this.bins = edges.slice(0, -1).map((low, row) => [Math.floor(low), Math.max(Math.floor(low) + 1, Math.ceil(edges[row + 1]))]);
  }

  get secondsPerColumn() {
    return this.hop / this.rate;
  }

  /** Compute what has come, for so many milliseconds; true where there is more to do. */
  work(milliseconds, colours) {
    const { track } = this;
    const until = performance.now() + milliseconds;
    const re = new Float32Array(SIZE);
    const im = new Float32Array(SIZE);
    const first = this.columns;
    while (performance.now() < until) {
      const start = this.columns * this.hop - SIZE / 2;
      if (this.columns * this.hop >= track.filled || (!track.ended && start + SIZE > track.filled)) break;
      for (let i = 0; i < SIZE; i++) {
        re[i] = start + i >= 0 && start + i < track.filled ? track.mono[start + i] * window_[i] : 0;
        im[i] = 0;
      }
      fft(re, im);
      this.bins.forEach(([low, high], row) => {
        let most = 0;
        for (let bin = low; bin < high && bin <= SIZE / 2; bin++) most = Math.max(most, re[bin] * re[bin] + im[bin] * im[bin]);
        const db = 10 * Math.log10(most / (SIZE * SIZE * 0.0625) + 1e-12);
        this.levels[this.columns * ROWS + row] = Math.max(0, Math.min(255, 255 * (1 - db / FLOOR_DB)));
      });
      this.columns++;
    }
    if (this.columns > first) this.#paint(first, colours);
    return this.columns * this.hop < track.filled && (track.ended || this.columns * this.hop + SIZE / 2 < track.filled);
  }

  recolour(colours) {
    this.tiles = [];
    if (this.columns) this.#paint(0, colours);
  }

  #paint(first, colours) {
    for (let tile = Math.floor(first / TILE); tile * TILE < this.columns; tile++) {
      const canvas = (this.tiles[tile] ??= Object.assign(document.createElement("canvas"), { width: TILE, height: ROWS }));
      const g = canvas.getContext("2d");
      const from = Math.max(first, tile * TILE);
      const to = Math.min(this.columns, (tile + 1) * TILE);
      const image = g.createImageData(to - from, ROWS);
      for (let column = from; column < to; column++) {
        for (let row = 0; row < ROWS; row++) {
          const colour = colours[this.levels[column * ROWS + row]];
          const at = ((ROWS - 1 - row) * (to - from) + column - from) * 4;
          image.data.set(colour, at);
        }
      }
      g.putImageData(image, from - tile * TILE, 0);
    }
  }

  draw(g, view, height) {
    const width = TILE * this.secondsPerColumn;
    this.tiles.forEach((tile, i) => {
      const start = i * width;
      if (start + width < view.start || start > view.end) return;
      const shown = Math.min(TILE, this.columns - i * TILE);
      g.drawImage(tile, 0, 0, shown, ROWS, view.x(start), 0, shown * this.secondsPerColumn * view.scale, height);
    });
  }
}

/** 256 colours from silence to loud, [r, g, b, a] each. */
export function palette(isDark) {
  const stops = isDark
    ? [[21, 23, 27], [48, 32, 84], [128, 42, 96], [214, 92, 58], [250, 178, 76], [255, 244, 200]]
    : [[255, 253, 248], [226, 214, 236], [176, 150, 214], [150, 74, 142], [110, 28, 74], [40, 8, 30]];
  return Array.from({ length: 256 }, (_, i) => {
    const place = (i / 255) * (stops.length - 1);
    const low = Math.min(stops.length - 2, Math.floor(place));
    return [...stops[low].map((value, c) => value + (stops[low + 1][c] - value) * (place - low)), 255];
  });
}
