// World lang of wit/guests/lang.wit in JavaScript.

export const language = {
  greet: (name) => `hello ${name} from JavaScript`,

  // An s64 is a BigInt here.
  sum: (xs) => xs.reduce((total, x) => total + BigInt(x), 0n),

  reverseBytes: (b) => b.slice().reverse(),

  stats(xs) {
    if (xs.length === 0) return { count: 0, mean: 0, min: 0, max: 0 };
    return {
      count: xs.length,
      mean: xs.reduce((total, x) => total + x, 0) / xs.length,
      min: xs.reduce((a, b) => Math.min(a, b)),
      max: xs.reduce((a, b) => Math.max(a, b)),
    };
  },
};
