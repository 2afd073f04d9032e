// A curve that goes on: points from the stream, and the running average with them.

/** Append new points to a curve, as arrays of abscissae, values, steps and non-finite ones. */
export function extend(curve, { x, value, step, nonfinite }, weight) {
  const last = curve.step ?? curve.x;
  const known = last.length ? last[last.length - 1] : -Infinity;
  const fresh = step.flatMap((each, at) => (each > known && value[at] !== null ? [at] : []));
  curve.total = (curve.total ?? 0) + fresh.length;
  if (curve.smooth) curve.smooth = join(curve.smooth, average(curve, fresh.map((at) => value[at]), weight));
  curve.x = join(curve.x, fresh.map((at) => x[at]));
  curve.y = join(curve.y, fresh.map((at) => value[at]));
  if (curve.step) curve.step = join(curve.step, fresh.map((at) => step[at]));
  if (nonfinite.length) {
    curve.nonfinite = [...(curve.nonfinite ?? []), ...nonfinite].slice(-1000);
    curve.nonfinite_total = (curve.nonfinite_total ?? 0) + nonfinite.length;
  }
  curve.fresh += fresh.length;
}

function join(before, more) {
  const joined = new Float64Array(before.length + more.length);
  joined.set(before);
  joined.set(more, before.length);
  return joined;
}

/** Goes on with the debiased exponential average: S_n = (w S_(n-1) (1 - w^(n-1)) + (1 - w) v) / (1 - w^n). */
function average(curve, values, weight) {
  let before = curve.smooth.length ? curve.smooth[curve.smooth.length - 1] : 0;
  let count = Math.max(0, curve.total - values.length);
  return values.map((value) => {
    const [old, norm] = [1 - weight ** count, 1 - weight ** (count + 1)];
    before = (weight * before * old + (1 - weight) * value) / norm;
    count += 1;
    return before;
  });
}
