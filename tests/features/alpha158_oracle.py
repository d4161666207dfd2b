"""Alpha158 a second time, in its production mode: one window after the other, sharing no line with the package."""

import math

from features.oracle import NAN, TINY, Rows, Values, back, div, log, roll

WINDOWS = (5, 10, 20, 30, 60)


def columns(r: Rows) -> dict[str, Values]:
    found = _bars(r)
    rolling = {n: {**_levels(r, n), **_orders(r, n), **_flows(r, n)} for n in WINDOWS}
    for name in rolling[5]:
        found |= {f"{name}{n}": rolling[n][name] for n in WINDOWS}
    return found


def _bars(r: Rows) -> dict[str, Values]:
    top = [NAN if math.isnan(o + c) else max(o, c) for o, c in zip(r.o, r.c, strict=True)]
    bottom = [NAN if math.isnan(o + c) else min(o, c) for o, c in zip(r.o, r.c, strict=True)]
    length = r.h - r.l + 1e-12
    return {
        "KMID": div(r.c - r.o, r.o),
        "KLEN": div(r.h - r.l, r.o),
        "KMID2": (r.c - r.o) / length,
        "KUP": div(r.h - top, r.o),
        "KUP2": (r.h - top) / length,
        "KLOW": div(bottom - r.l, r.o),
        "KLOW2": (bottom - r.l) / length,
        "KSFT": div(2 * r.c - r.h - r.l, r.o),
        "KSFT2": (2 * r.c - r.h - r.l) / length,
        "OPEN0": div(r.o, r.c),
        "HIGH0": div(r.h, r.c),
        "LOW0": div(r.l, r.c),
        "VWAP0": div(div(r.va, r.v), r.c),
    }


def mean(w) -> float:
    return math.fsum(w) / len(w)


def deviation(w) -> float:
    middle = mean(w)
    return math.sqrt(math.fsum((x - middle) ** 2 for x in w) / (len(w) - 1))


def regression(w) -> tuple[float, float, float]:
    """Slope, R2 and last residual on 1 .. n."""
    n, middle = len(w), mean(w)
    xs = range(1, n + 1)
    xx = math.fsum((x - (n + 1) / 2) ** 2 for x in xs)
    xy = math.fsum((x - (n + 1) / 2) * (y - middle) for x, y in zip(xs, w, strict=True))
    yy = math.fsum((y - middle) ** 2 for y in w)
    slope = xy / xx
    return slope, xy * xy / (xx * yy) if yy > (TINY * middle) ** 2 else NAN, w[-1] - middle - slope * (n - 1) / 2


def quantile(w, share: float) -> float:
    ordered, place = sorted(w), (len(w) - 1) * share
    low = math.floor(place)
    return ordered[low] + (place - low) * (ordered[min(low + 1, len(w) - 1)] - ordered[low])


def rank(w) -> float:
    below, equal = sum(x < w[-1] for x in w), sum(x == w[-1] for x in w)
    return (below + (equal + 1) / 2) / len(w)


def correlation(a, b) -> float:
    ma, mb = mean(a), mean(b)
    ab = math.fsum((x - ma) * (y - mb) for x, y in zip(a, b, strict=True))
    aa, bb = math.fsum((x - ma) ** 2 for x in a), math.fsum((y - mb) ** 2 for y in b)
    return ab / math.sqrt(aa * bb) if aa > (TINY * ma) ** 2 and bb > (TINY * mb) ** 2 else NAN


def _levels(r: Rows, n: int) -> dict[str, Values]:
    return {
        "ROC": div(back(r.c, n), r.c),
        "MA": div(roll(n, mean, r.c), r.c),
        "STD": div(roll(n, deviation, r.c), r.c),
        "BETA": div(roll(n, lambda w: regression(w)[0], r.c), r.c),
        "RSQR": roll(n, lambda w: regression(w)[1], r.c),
        "RESI": div(roll(n, lambda w: regression(w)[2], r.c), r.c),
        "MAX": div(roll(n, max, r.h), r.c),
        "MIN": div(roll(n, min, r.l), r.c),
    }


def _orders(r: Rows, n: int) -> dict[str, Values]:
    high, low = roll(n, max, r.h), roll(n, min, r.l)
    highest = roll(n, lambda w: list(w).index(max(w)) + 1, r.h)
    lowest = roll(n, lambda w: list(w).index(min(w)) + 1, r.l)
    return {
        "QTLU": div(roll(n, lambda w: quantile(w, 0.8), r.c), r.c),
        "QTLD": div(roll(n, lambda w: quantile(w, 0.2), r.c), r.c),
        "RANK": roll(n, rank, r.c),
        "RSV": (r.c - low) / (high - low + 1e-12),
        "IMAX": highest / n,
        "IMIN": lowest / n,
        "IMXD": (highest - lowest) / n,
    }


def _flows(r: Rows, n: int) -> dict[str, Values]:
    change = div(r.c, back(r.c, 1)) - 1
    volume_ratio = div(r.v, back(r.v, 1))
    weighted = abs(change) * r.v
    up = roll(n, lambda w: sum(x > TINY for x in w) / n, change)
    down = roll(n, lambda w: sum(x < -TINY for x in w) / n, change)
    return {
        "CORR": roll(n, correlation, r.c, log(r.v + 1)),
        "CORD": roll(n, correlation, div(r.c, back(r.c, 1)), log(volume_ratio + 1)),
        "CNTP": up,
        "CNTN": down,
        "CNTD": up - down,
        **_sums("", r.c - back(r.c, 1), n),
        "VMA": roll(n, mean, r.v) / (r.v + 1e-12),
        "VSTD": roll(n, deviation, r.v) / (r.v + 1e-12),
        "WVMA": roll(n, deviation, weighted) / (roll(n, mean, weighted) + 1e-12),
        **_sums("V", r.v - back(r.v, 1), n),
    }


def _sums(prefix: str, change: Values, n: int) -> dict[str, Values]:
    moves = roll(n, lambda w: math.fsum(abs(x) for x in w), change) + 1e-12
    up = roll(n, lambda w: math.fsum(max(x, 0.0) for x in w), change) / moves
    down = roll(n, lambda w: math.fsum(max(-x, 0.0) for x in w), change) / moves
    return {f"{prefix}SUMP": up, f"{prefix}SUMN": down, f"{prefix}SUMD": up - down}
