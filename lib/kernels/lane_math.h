#pragma once

// exp, tanh, erfc on 16 lanes (V: scalar/lanes.h and its twins). Every step is one correctly
// rounded operation, so that all instruction sets give the same bits.
namespace nalar::kernels {

// 2^(t + rest) for t ≤ 127 and |rest| ≤ 1e-5; 0 below 2^-125. Relative error ≤ 2e-7 + that of t +
// rest. t = n + f, |f| ≤ 1/2; 2^f by a minimax polynomial (relative error 9.2e-8).
template <class V>
V exp2_sum(V t, V rest) {
  const V magic = V::set(0x1.8p23f);  // adding it rounds to an integer, held in the low bits
  const V shifted = t + magic;
  const V f = (t - (shifted - magic)) + rest;
  V p = fma(V::set(0x1.5bba14p-10f), f, V::set(0x1.3cea88p-7f));
  p = fma(p, f, V::set(0x1.c6b752p-5f));
  p = fma(p, f, V::set(0x1.ebf9bcp-3f));
  p = fma(p, f, V::set(0x1.62e42ap-1f));
  p = fma(p, f, V::set(1.0f));
  return if_less(t, V::set(-125.0f), V::set(0.0f), scale_by_bits(p, shifted));
}

template <class V>
V exp2(V t) {
  return exp2_sum(t, V::set(0.0f));
}

// e^x for x ≤ 88 (larger x count as 88); 0 below e^-86.6. Relative error ≤ 2e-7.
template <class V>
V exp(V x) {
  const V y = min(x, V::set(88.0f));
  const V t = y * V::set(0x1.715476p+0f);  // log2(e) in two parts, the product in two as well
  const V rest = fma(y, V::set(0x1.4ae0cp-26f), fma(y, V::set(0x1.715476p+0f), V::set(0.0f) - t));
  return exp2_sum(t, rest);
}

// Near 0 an odd minimax polynomial (relative error 1.4e-7), else 1 - 2 / (e^2|x| + 1).
template <class V>
V tanh(V x) {
  const V a = abs(x);
  const V z = x * x;
  V p = fma(V::set(-0.006096967030316591f), z, V::set(0.02099738083779812f));
  p = fma(p, z, V::set(-0.05385095998644829f));
  p = fma(p, z, V::set(0.13332770764827728f));
  p = fma(p, z, V::set(-0.333333283662796f));
  const V small = fma(p * z, x, x);
  const V big = V::set(1.0f) - V::set(2.0f) / (exp(a + a) + V::set(1.0f));
  return if_less(a, V::set(0.625f), small, copysign(big, x));
}

// erfc(z) for z ≥ 0: the Chebyshev fit of Press et al., Numerical Recipes (relative error 1.2e-7
// before rounding).
template <class V>
V erfc(V z) {
  const V t = V::set(1.0f) / fma(V::set(0.5f), z, V::set(1.0f));
  V p = fma(t, V::set(0.17087277f), V::set(-0.82215223f));
  constexpr float kRest[] = {1.48851587f, -1.13520398f, 0.27886807f, -0.18628806f,
                             0.09678418f, 0.37409196f,  1.00002368f, -1.26551223f};
  for (const float c : kRest) p = fma(p, t, V::set(c));
  return t * exp(fma(V::set(0.0f) - z, z, p));
}

}  // namespace nalar::kernels
