// @ts-check
/** EXIF orientation: from the pixels as stored to the upright picture. */

/** @typedef {import("./jpeg-planes.js").Pixels} Pixels */
/** @typedef {[number, number]} Pair */

// Each value is a transposition, or none, and then mirrors: [transpose, mirror x, mirror y].
/** @type {Record<number, [boolean, boolean, boolean]>} */
const STEPS = {
  1: [false, false, false],
  2: [false, true, false],
  3: [false, true, true],
  4: [false, false, true],
  5: [true, false, false],
  6: [true, true, false],
  7: [true, true, true],
  8: [true, false, true],
};

/** Width and height of the upright picture, from those stored.
 * @param {Pair} size @param {number} orientation @returns {Pair} */
export const uprightSize = ([width, height], orientation) =>
  STEPS[orientation][0] ? [height, width] : [width, height];

/** Stored pixels as the upright picture. @param {Pixels} pixels @param {number} orientation
 * @returns {Pixels} */
export function turnUpright(pixels, orientation) {
  const [transpose, mirrorX, mirrorY] = STEPS[orientation];
  if (orientation === 1) return pixels;
  const { values, channels } = pixels;
  const [width, height] = uprightSize([pixels.width, pixels.height], orientation);
  const turned = new Uint8Array(values.length);
  for (let y = 0; y < height; y += 1)
    for (let x = 0; x < width; x += 1) {
      const [u, v] = [mirrorX ? width - 1 - x : x, mirrorY ? height - 1 - y : y];
      const from = (transpose ? u * pixels.width + v : v * pixels.width + u) * channels;
      const to = (y * width + x) * channels;
      for (let channel = 0; channel < channels; channel += 1)
        turned[to + channel] = values[from + channel];
    }
  return { values: turned, width, height, channels };
}

/** Coordinates in the stored picture as coordinates in the upright one.
 * @param {Pair} xy @param {number} orientation @param {Pair} size of the upright picture
 * @returns {Pair} */
export function toUpright([x, y], orientation, size) {
  const [transpose, mirrorX, mirrorY] = STEPS[orientation];
  const [u, v] = transpose ? [y, x] : [x, y];
  return [mirrorX ? size[0] - u : u, mirrorY ? size[1] - v : v];
}
