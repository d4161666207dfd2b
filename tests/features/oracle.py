"""Every feature a second time: plain loops over windows, sharing no line with the package. NaN stands for null."""

import math
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from features.small_market import SmallMarket

NAN = math.nan
TINY = 1e-12  # relative changes below this are rounding
Values = np.ndarray


@dataclass
class Rows:
    """One code's rows, a session each, in order. Prices are adjusted."""

    code: str
    sessions: list[date]
    o: Values
    h: Values
    l: Values  # noqa: E741 - as FEATURES.md writes it
    c: Values
    v: Values
    va: Values
    c_raw: Values
    v_raw: Values
    shares: Values
    ul: Values
    ll: Values
    m: Values  # TOPIX
    segment: str
    scale: str


def number(value: float | None) -> float:
    return NAN if value is None else float(value)


def rows_of(market: SmallMarket, code: str) -> Rows:
    bars = {row["session"]: row for row in market.bars.iter_rows(named=True) if row["code"] == code}
    index = {row["session"]: row["close"] for row in market.indices.iter_rows(named=True)}
    sessions = [s for s in market.sessions if min(bars) <= s <= max(bars)]
    factor, factors = 1.0, []
    for session in sessions:
        factor *= bars[session]["adj_factor"] if session in bars else 1.0
        factors.append(factor)
    stated = sorted(
        (r["session"], r["shares_outstanding"]) for r in market.shares.iter_rows(named=True) if r["code"] == code
    )
    f = np.array(factors)

    def column(name: str) -> Values:
        return np.array([number(bars[s][name]) if s in bars else NAN for s in sessions])

    def known_shares(place: int) -> float:
        before = [(s, n) for s, n in stated if s <= sessions[place]]
        if not before:
            return NAN
        said, shares = before[-1]
        at = bisect_right(sessions, said) - 1
        return shares * (factors[at] if at >= 0 else 1.0) / factors[place]

    prices = [column(name) / f for name in ("open", "high", "low", "close")]
    shares = np.array([known_shares(place) for place in range(len(sessions))])
    listing = next(row for row in market.securities.iter_rows(named=True) if row["code"] == code)
    return Rows(
        code,
        sessions,
        *prices,
        column("volume") * f,
        column("turnover_yen"),
        column("close"),
        column("volume"),
        shares,
        column("upper_limit_hit"),
        column("lower_limit_hit"),
        np.array([index.get(s, NAN) for s in sessions]),
        listing["segment"],
        listing["scale"],
    )


def div(a, b):
    with np.errstate(all="ignore"):
        out = np.asarray(a, float) / np.asarray(b, float)
    return np.where(np.isfinite(out), out, NAN)


def log(x):
    with np.errstate(all="ignore"):
        out = np.log(x)
    return np.where(np.isfinite(out), out, NAN)


def back(x: Values, n: int) -> Values:
    out = np.full(len(x), NAN)
    if n < len(x):
        out[n:] = x[: len(x) - n]
    return out


def roll(n: int, f: Callable[..., float], *xs: Values) -> Values:
    out = np.full(len(xs[0]), NAN)
    for t in range(n - 1, len(out)):
        windows = [x[t - n + 1 : t + 1] for x in xs]
        if not any(np.isnan(w).any() for w in windows):
            out[t] = f(*windows)
    return np.where(np.isfinite(out), out, NAN)


def sd(w: Values) -> float:
    if (w == w[0]).all():
        return 0.0
    mu = math.fsum(w) / len(w)
    return math.sqrt(math.fsum((w - mu) ** 2) / (len(w) - 1))


def avg(w: Values) -> float:
    return w[0] if (w == w[0]).all() else math.fsum(w) / len(w)


def z(w: Values) -> float:
    return (w[-1] - avg(w)) / sd(w) if sd(w) > 0 else NAN


def sma(x: Values, n: int) -> Values:
    return roll(n, avg, x)


def weighted(x: Values, decay: float, n: int) -> Values:
    weights = np.array([decay ** (n - 1 - i) for i in range(n)])
    return roll(n, lambda w: w[0] if (w == w[0]).all() else math.fsum(w * weights) / math.fsum(weights), x)


def ema(x: Values, span: int) -> Values:
    return weighted(x, 1 - 2 / (span + 1), 4 * span)


def wilder(x: Values, n: int) -> Values:
    return weighted(x, 1 - 1 / n, 4 * (2 * n - 1))


def rsi(x: Values, n: int) -> Values:
    d = x - back(x, 1)
    up, down = wilder(np.where(d > 0, d, 0 * d), n), wilder(np.where(d < 0, -d, 0 * d), n)
    return div(100 * up, up + down)


def flag(condition: Values, *known: Values) -> Values:
    return np.where(np.isnan(np.sum(known, axis=0)), NAN, condition.astype(float))


def run(holds: Values, cap: int) -> Values:
    def length(w: Values) -> float:
        n = 0
        while n < len(w) and w[len(w) - 1 - n] == 1:
            n += 1
        return n

    return roll(cap, length, holds)


def skew(w: Values) -> float:
    n, s, mu = len(w), sd(w), avg(w)
    return n / ((n - 1) * (n - 2)) * math.fsum(((w - mu) / s) ** 3) if s else NAN


def kurt(w: Values) -> float:
    n, s, mu = len(w), sd(w), avg(w)
    if not s:
        return NAN
    fourth = math.fsum(((w - mu) / s) ** 4)
    return n * (n + 1) / ((n - 1) * (n - 2) * (n - 3)) * fourth - 3 * (n - 1) ** 2 / ((n - 2) * (n - 3))


def corr(a: Values, b: Values) -> float:
    if not sd(a) or not sd(b):
        return NAN
    return math.fsum((a - avg(a)) * (b - avg(b))) / (len(a) - 1) / sd(a) / sd(b)


def cov_over_var(y: Values, x: Values) -> float:
    spread = math.fsum((x - avg(x)) ** 2)
    return math.fsum((x - avg(x)) * (y - avg(y))) / spread if len(x) > 1 and sd(x) else NAN


def residual_sd(y: Values, x: Values) -> float:
    b = cov_over_var(y, x)
    return sd((y - avg(y)) - b * (x - avg(x)))


def fit(w: Values) -> tuple[float, float]:
    """Slope by row, and share of the variance explained."""
    if not sd(w):
        return 0.0, NAN
    slope, level = np.polyfit(np.arange(len(w)), w - w[0], 1)
    left = w - w[0] - level - slope * np.arange(len(w))
    return slope, 1 - (left**2).sum() / ((w - w.mean()) ** 2).sum()


def kama(c: Values, speed: Values) -> float:
    value, weight = 0.0, 0.0
    for x, alpha in zip(c, speed, strict=True):
        value, weight = value + alpha * (x - value), weight + alpha * (1 - weight)
    return value / weight


def age_of_top(w: Values) -> float:
    return len(w) - 1 - max(i for i in range(len(w)) if w[i] == w.max())


def obv_z(flow: Values) -> float:
    return z(np.concatenate([[0.0], np.cumsum(flow)]))


def true_range(h: Values, l: Values, c: Values) -> Values:  # noqa: E741
    before = back(c, 1)
    return np.maximum(h - l, np.maximum(abs(h - before), abs(l - before)))


def fractional(order: float, n: int) -> list[float]:
    """(-1)^k times the binomial coefficient of order over k, as a product."""
    return [math.prod((j - order) / (j + 1) for j in range(k)) for k in range(n)]


def of_code(x: Rows) -> dict[str, Values]:  # noqa: PLR0915 - a list of formulas
    a: dict[str, Values] = {}
    o, h, low, c, v, va = x.o, x.h, x.l, x.c, x.v, x.va
    c1 = back(c, 1)
    ln, lm = log(div(c, c1)), log(div(x.m, back(x.m, 1)))
    root = math.sqrt(252)

    def ret(n: int) -> Values:
        return div(c, back(c, n)) - 1

    def mret(n: int) -> Values:
        return div(x.m, back(x.m, n)) - 1

    # A
    a |= {f"ret_{n}": ret(n) for n in (1, 2, 5, 10, 20, 60, 120)}
    a |= {f"logret_{n}": log(div(c, back(c, n))) for n in (1, 5, 10, 20)}
    a["ret_overnight"], a["ret_intraday"] = div(o, c1) - 1, div(c, o) - 1
    a["mom_12_1"], a["mom_6_1"] = div(back(c, 21), back(c, 252)) - 1, div(back(c, 21), back(c, 126)) - 1
    a["rev_5"], a["mom_accel"] = -ret(5), ret(20) - ret(60) / 3
    a["mom_persist_5"] = sma(flag(ln > TINY, ln), 5)
    a["up_streak"], a["down_streak"] = run(flag(ln > TINY, ln), 20), run(flag(ln < -TINY, ln), 20)
    a["dist_high_252"], a["dist_low_252"] = div(c, roll(252, max, h)) - 1, div(c, roll(252, min, low)) - 1
    a["drawdown_60"], a["max_ret_20"] = div(c, roll(60, max, c)) - 1, roll(20, max, ln)
    # B
    atr = wilder(true_range(h, low, c), 14)
    size, top, bottom = h - low, np.maximum(o, c), np.minimum(o, c)
    a["gap"] = div(o - c1, c1)
    a["gap_z20"] = roll(20, z, div(o, c1) - 1)
    a["gap_atr"], a["idr_atr"] = div(o - c1, atr), div(size, atr)
    a["gap_fill_ratio"] = np.clip(np.where(o > c1, div(o - low, o - c1), div(h - o, c1 - o)), 0, 1)
    a["gap_filled"] = flag((low <= c1) & (c1 <= h), low, c1)
    a["body_ratio"], a["upper_shadow"], a["lower_shadow"] = (
        div(abs(c - o), size),
        div(h - top, size),
        div(bottom - low, size),
    )
    a["clv"], a["hl_range"], a["close_to_high"] = div(2 * c - low - h, size), div(size, c), div(c, h) - 1
    # C
    vol = {n: roll(n, sd, ln) * root for n in (5, 10, 20, 60)}
    a |= {f"vol_{n}": vol[n] for n in vol}
    hl, co = log(div(h, low)), log(div(c, o))
    rs = log(div(h, c)) * log(div(h, o)) + log(div(low, c)) * log(div(low, o))
    for n in (20, 60):
        a[f"parkinson_{n}"] = np.sqrt(252 / (4 * n * math.log(2)) * roll(n, math.fsum, hl**2))
        a[f"rogers_satchell_{n}"] = np.sqrt(252 / n * roll(n, math.fsum, rs))
        k = 0.34 / (1.34 + (n + 1) / (n - 1))
        night, day = roll(n, sd, log(div(o, c1))) ** 2, roll(n, sd, co) ** 2
        a[f"yang_zhang_{n}"] = np.sqrt(252 * (night + k * day + (1 - k) * roll(n, avg, rs)))
    a["garman_klass_20"] = np.sqrt(252 * roll(20, avg, hl**2 / 2 - (2 * math.log(2) - 1) * co**2))
    a["ewma_vol"] = np.sqrt(252 * weighted(ln**2, 0.94, 130))
    a["vov_20"] = roll(20, sd, vol[20])
    a["vol_ratio_5_20"], a["vol_ratio_20_60"] = div(vol[5], vol[20]), div(vol[20], vol[60])
    a["downside_vol_20"] = root * np.sqrt(roll(20, avg, np.minimum(ln, 0) ** 2))
    a["skew_60"], a["kurt_60"] = roll(60, skew, ln), roll(60, kurt, ln)
    a["natr_14"], a["vol_z252"] = div(atr, c), roll(252, z, vol[20])
    # D
    a |= {f"px_sma_{n}": div(c, sma(c, n)) - 1 for n in (5, 10, 20, 60, 120)}
    e = {n: ema(c, n) for n in (5, 20, 60, 200)}
    a |= {f"px_ema_{n}": div(c, e[n]) - 1 for n in e}
    a |= {f"ma_gap_{n}_{k}": div(e[n] - e[k], e[k]) for n, k in ((5, 20), (20, 60), (60, 200))}
    a |= {f"ema{n}_slope_5": div(e[n], back(e[n], 5)) - 1 for n in (20, 60)}
    ahead = sma(c, 5) - sma(c, 20)
    was = back(ahead, 1)
    a["golden_cross_age"] = run(flag(~((ahead > 0) & (was <= 0)), ahead, was), 60)
    a["dead_cross_age"] = run(flag(~((ahead < 0) & (was >= 0)), ahead, was), 60)
    er = div(abs(c - back(c, 10)), roll(10, math.fsum, abs(c - c1)))
    a["kama_10_2_30"] = div(roll(120, kama, c, (er * (2 / 3 - 2 / 31) + 2 / 31) ** 2), c) - 1
    a["lin_slope_20"] = 252 * roll(20, lambda w: fit(w)[0], log(c))
    a["lin_r2_20"] = roll(20, lambda w: fit(w)[1], log(c))
    high20, low20 = roll(20, max, h), roll(20, min, low)
    a["don_pos_20"] = div(c - low20, high20 - low20)
    a["don_break_up_20"] = flag(c > back(high20, 1), c, back(high20, 1))
    a["don_break_dn_20"] = flag(c < back(low20, 1), c, back(low20, 1))
    w = np.array(fractional(0.4, 100))[::-1]
    shown = np.array([NAN] * len(c))
    for t in range(99, len(c)):
        shown[t] = np.sum(w * np.log(c[t - 99 : t + 1] / c[t] * x.c_raw[t]))
    a["fracdiff"] = shown
    a["aroon_osc_25"] = 4 * (25 - roll(26, age_of_top, h)) - 4 * (25 - roll(26, age_of_top, -low))
    # E
    a |= {f"rsi_{n}": rsi(c, n) for n in (2, 7, 14)}
    a["rsi14_delta5"] = a["rsi_14"] - back(a["rsi_14"], 5)
    below = roll(101, lambda w: 100 * np.mean(w[:-1] < w[-1]), ret(1))
    a["connors_rsi"] = (rsi(c, 3) + rsi(a["up_streak"] - a["down_streak"], 2) + below) / 3
    line = ema(c, 12) - ema(c, 26)
    a["macd"], a["macd_sig"] = div(line, c), div(ema(line, 9), c)
    a["macd_hist"] = a["macd"] - a["macd_sig"]
    a["macd_hist_slope_3"] = (a["macd_hist"] - back(a["macd_hist"], 3)) / 3
    high14, low14 = roll(14, max, h), roll(14, min, low)
    a["stoch_k_14"] = div(100 * (c - low14), high14 - low14)
    a["stoch_d_3"], a["williams_r_14"] = sma(a["stoch_k_14"], 3), div(-100 * (high14 - c), high14 - low14)
    tp = (h + low + c) / 3
    away = roll(20, lambda w: 0.0 if sd(w) == 0 else np.mean(abs(w - avg(w))), tp)
    a["cci_20"] = div(tp - sma(tp, 20), 0.015 * away)
    moved = div(tp, back(tp, 1)) - 1
    rising = roll(14, math.fsum, tp * v * flag(moved > TINY, moved))
    falling = roll(14, math.fsum, tp * v * flag(moved < -TINY, moved))
    a["mfi_14"] = div(100 * rising, rising + falling)
    up, down = h - back(h, 1), back(low, 1) - low
    plus = div(100 * wilder(np.where((up > down) & (up > 0), up, 0 * up), 14), atr)
    minus = div(100 * wilder(np.where((down > up) & (down > 0), down, 0 * up), 14), atr)
    a["plus_di_14"], a["minus_di_14"] = plus, minus
    a["adx_14"] = wilder(100 * div(abs(plus - minus), plus + minus), 14)
    mid, dev = sma(c, 20), roll(20, sd, c)
    a["bb_pctb_20_2"], a["bb_bw_20_2"] = div(c - (mid - 2 * dev), 4 * dev), div(4 * dev, mid)
    a["keltner_pos_20_1_5"] = div(c - (e[20] - 1.5 * atr), 3 * atr)
    inside = (mid + 2 * dev < e[20] + 1.5 * atr) & (mid - 2 * dev > e[20] - 1.5 * atr)
    a["squeeze_on"] = flag(inside, mid, e[20], atr)
    a["squeeze_len"] = run(a["squeeze_on"], 20)
    # F
    for n in (5, 20):
        a[f"vol_ratio_{n}"] = div(v, back(sma(v, n), 1))
    a["vol_z20"], a["log_va"] = roll(20, z, v), np.log(1 + va)
    a["adv20"], a["adv60"] = np.log(1 + sma(va, 20)), np.log(1 + sma(va, 60))
    a["adv_ratio"] = div(sma(va, 20), sma(va, 60))
    a["turnover"] = div(x.v_raw, x.shares)
    a["turnover_z60"] = roll(60, z, a["turnover"])
    a["amihud_20"] = 1e9 * sma(div(abs(ln), va), 20)
    a["amihud_z60"] = roll(60, z, a["amihud_20"])
    a["obv_z20"] = roll(19, obv_z, np.sign(np.round(ln, 12)) * v)
    a["cmf_20"] = div(roll(20, math.fsum, a["clv"] * v), roll(20, math.fsum, v))
    a["vwap_gap"] = div(x.c_raw, div(va, x.v_raw)) - 1
    a["pv_corr_20"] = roll(20, corr, ln, log(div(v, back(v, 1))))
    a["up_vol_share_20"] = div(roll(20, math.fsum, v * flag(ln > TINY, ln)), roll(20, math.fsum, v))
    a["zero_vol_days_20"] = roll(20, math.fsum, np.where(v > 0, 0.0, 1.0))
    a["vol_confirmed_mom"] = np.sign(np.round(ret(5), 12)) * a["vol_ratio_5"]
    a["limit_up_cnt_20"], a["limit_dn_cnt_20"] = roll(20, math.fsum, x.ul), roll(20, math.fsum, x.ll)
    # P
    a["days_listed"] = np.minimum(np.arange(1.0, len(c) + 1), 750)
    a["mkt_prime"], a["mkt_growth"] = (np.full(len(c), float(x.segment == s)) for s in ("0111", "0113"))
    sizes = ("-", "TOPIX Small 2", "TOPIX Small 1", "TOPIX Mid400", "TOPIX Large70", "TOPIX Core30")
    a["scale_bucket"] = np.full(len(c), float(sizes.index(x.scale)))
    # H
    beta = {n: roll(n, cov_over_var, ln, lm) for n in (20, 60)}
    a |= {f"beta_{n}": beta[n] for n in beta}
    a |= {f"alpha_{n}": ret(n) - beta[60] * mret(n) for n in (1, 5)}
    a["resid_mom_20"] = roll(20, math.fsum, ln - beta[60] * lm)
    a["idio_vol_60"] = root * roll(60, residual_sd, ln, lm)
    a["r2_mkt_60"] = roll(60, corr, ln, lm) ** 2
    a["rel_strength_20"], a["beta_stab"] = ret(20) - mret(20), div(1, roll(20, sd, beta[60]))
    a["down_beta_60"] = roll(60, lambda y, m: cov_over_var(y[m < 0], m[m < 0]), ln, lm)
    return {name: np.where(np.isfinite(values), values, NAN) for name, values in a.items()}


def sector_of(market: SmallMarket) -> dict[tuple[str, date], str]:
    """The listed sector by code and session."""
    return {(r["code"], r["session"]): r["sector33"] for r in market.securities.iter_rows(named=True)}


def of_sectors(market: SmallMarket, rows: dict[str, Rows]) -> dict[str, dict[str, Values]]:
    """Features of a code that are made of its sector's mean return, by code."""
    sector, returns = sector_of(market), {}
    for code, x in rows.items():
        for session, ret_1 in zip(x.sessions, div(x.c, back(x.c, 1)) - 1, strict=True):
            returns.setdefault((sector[code, session], session), []).append(ret_1)
    means = {key: mean_of([r for r in found if not math.isnan(r)]) for key, found in returns.items()}
    volatility = {}
    for name in {name for name, _ in means}:
        through = np.array([means.get((name, session), NAN) for session in market.sessions])
        known = roll(20, sd, through) * math.sqrt(252)
        volatility |= {(name, session): value for session, value in zip(market.sessions, known, strict=True)}
    out = {}
    for code, x in rows.items():
        own = [(sector[code, session], session) for session in x.sessions]
        of_own = np.array([means[key] for key in own])
        beta = roll(60, cov_over_var, div(x.c, back(x.c, 1)) - 1, of_own)
        out[code] = {"sec_vol_20": np.array([volatility[key] for key in own]), "beta_sec_60": beta}
    return out


def of_market(market: SmallMarket) -> dict[str, Values]:
    frame = market.indices.sort("session")
    h, low, m = (frame[name].to_numpy() for name in ("high", "low", "close"))
    ln = log(div(m, back(m, 1)))
    e = {n: ema(m, n) for n in (5, 20, 60, 200)}
    vol = roll(20, sd, ln) * math.sqrt(252)
    unusual = roll(252, z, vol)
    return {
        **{f"mkt_ret_{n}": div(m, back(m, n)) - 1 for n in (1, 5, 20, 60)},
        "mkt_px_ema_200": div(m, e[200]) - 1,
        "mkt_gap_5_20": div(e[5], e[20]) - 1,
        "mkt_gap_20_60": div(e[20], e[60]) - 1,
        "mkt_vol_20": vol,
        "mkt_vol_z252": unusual,
        "mkt_rsi14": rsi(m, 14),
        "mkt_dd_252": div(m, roll(252, max, m)) - 1,
        "mkt_days_since_peak": roll(252, age_of_top, m),
        "mkt_bb_pctb": div(m - sma(m, 20) + 2 * roll(20, sd, m), 4 * roll(20, sd, m)),
        "mkt_natr14": div(wilder(true_range(h, low, m), 14), m),
        "mkt_trend_up": flag((e[5] > e[20]) & (e[20] > e[60]), e[5], e[20], e[60]),
        "mkt_high_vol": flag(unusual > 1, unusual),
    }


RANKED = {
    *("ret_1", "ret_5", "ret_20", "ret_60", "vol_20", "turnover", "amihud_20", "log_va"),
    *("px_ema_200", "rsi_14", "dist_high_252", "resid_mom_20"),
}


def of_session(values: dict[str, dict[str, float]], sector: dict[str, str]) -> dict[str, dict[str, float]]:
    """Features over one session, by code, from each code's own and its sector."""
    codes = sorted(values)
    out: dict[str, dict[str, float]] = {code: {} for code in codes}
    for name in RANKED:
        here = {code: np.float32(values[code][name]) for code in codes if not math.isnan(values[code][name])}
        for code in codes:
            lower = sum(other < here[code] for other in here.values()) if code in here else NAN
            equal = sum(other == here[code] for other in here.values()) if code in here else NAN
            out[code][f"csr_{name}"] = (lower + (equal + 1) / 2) / len(here) if code in here else NAN
    known = {name: [row[name] for row in values.values() if not math.isnan(row[name])] for name in values[codes[0]]}
    shared = {
        "breadth_up": np.mean([x > 0 for x in known["ret_1"]]),
        "breadth_above_ma20": np.mean([x > 0 for x in known["px_sma_20"]]),
        "xs_disp": np.std(known["ret_1"], ddof=1),
        "new_high_minus_low_252": np.mean(known["new_high"]) - np.mean(known["new_low"]),
    }
    return {code: out[code] | shared | of_sector(values, sector, code) for code in codes}


def known_of(values: dict[str, dict[str, float]], codes: list[str], name: str) -> list[float]:
    return [values[code][name] for code in codes if not math.isnan(values[code][name])]


def mean_of(numbers: list[float]) -> float:
    return sum(numbers) / len(numbers) if numbers else NAN


def of_sector(values: dict[str, dict[str, float]], sector: dict[str, str], code: str) -> dict[str, float]:
    own, members = values[code], {s: [c for c in sorted(values) if sector[c] == s] for s in set(sector.values())}
    fellows = members[sector[code]]
    strength = sorted(
        x for codes in members.values() if not math.isnan(x := mean_of(known_of(values, codes, "ret_20")))
    )
    means = {n: mean_of(known_of(values, fellows, f"ret_{n}")) for n in (1, 5, 20)}
    moves, va = known_of(values, fellows, "ret_20"), known_of(values, fellows, "log_va")
    spread = np.std(moves, ddof=1) if len(moves) > 1 else NAN
    mine = own["log_va"]
    below, above = sum(x < mine for x in va), sum(x > mine for x in va)
    return {
        **{f"sec_ret_{n}": means[n] for n in means},
        **{f"rel_sec_{n}": own[f"ret_{n}"] - means[n] for n in means},
        "sec_mom_rank": (strength.index(means[20]) + 1) / len(strength) if means[20] in strength else NAN,
        "z_in_sec_ret20": (own["ret_20"] - means[20]) / spread if spread else NAN,
        "rank_in_sec_va": NAN if math.isnan(mine) else (1 + len(va) + below - above) / 2 / len(va),
        "sec_breadth": mean_of([x > 0 for x in known_of(values, fellows, "ret_1")]),
        "sec_member_cnt": len(fellows),
        "sec_small": float(len(fellows) < 5),
    }


def of_dates(session: date, planned: set[date]) -> dict[str, float]:
    """Features of the calendar, by walking it a day at a time. `planned` are the business days."""
    one = timedelta(days=1)

    def second_friday(month: date) -> date:
        day = [d for d in (month + n * one for n in range(28)) if d.weekday() == 4][1]
        while day not in planned:
            day -= one
        return day

    def walk(day: date, step: timedelta, until: Callable[[date], bool]) -> list[date]:
        passed = []
        day += step
        while not until(day):
            passed.append(day)
            day += step
        return passed

    month = session.replace(day=1)
    sq = second_friday(month)
    if session > sq:
        sq = second_friday((month + 31 * one).replace(day=1))
    closed = walk(session, -one, lambda d: d in planned)

    def is_holiday(day: date) -> bool:
        return day.weekday() < 5 and day not in planned

    in_month = sorted(d for d in planned if (d.year, d.month) == (session.year, session.month))
    return {
        "dow": session.isoweekday(),
        "month_start_5": float(sum(d < session for d in in_month) < 5),
        "month_end_5": float(sum(d >= session for d in in_month) <= 5),
        "fy_end_flag": float(session.month == 3),
        "qtr_end_flag": float(session.month in {3, 6, 9, 12}),
        "days_to_sq": sum(session <= d < sq for d in planned),
        "sq_week": float(session.isocalendar()[:2] == second_friday(month).isocalendar()[:2]),
        "days_to_hol": sum(d in planned for d in walk(session, one, is_holiday)),
        "days_since_hol": sum(d in planned for d in walk(session, -one, is_holiday)),
        "after_long_break": float(len(closed) >= 3),
    }
