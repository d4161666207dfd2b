"""The features of family O for one session, written a second time: dicts, loops and networkx, none of Tosho's code."""

import math

import networkx as nx
import numpy as np

COLUMNS = ("degree", "mean_corr", "max_corr", "clust", "pagerank", "core", "nbr_ret_1", "nbr_ret_5")


def correlation(x: list[float], y: list[float]) -> float:
    both = [(a, b) for a, b in zip(x, y, strict=True) if not math.isnan(a) and not math.isnan(b)]
    if len(both) < 40 or len({a for a, _ in both}) == 1 or len({b for _, b in both}) == 1:
        return 0.0
    mean_x, mean_y = (math.fsum(side) / len(both) for side in zip(*both, strict=True))
    xy = math.fsum((a - mean_x) * (b - mean_y) for a, b in both)
    xx, yy = math.fsum((a - mean_x) ** 2 for a, _ in both), math.fsum((b - mean_y) ** 2 for _, b in both)
    return xy / math.sqrt(xx * yy)


def edges(window: np.ndarray) -> dict[tuple[int, int], float]:
    series = [list(map(float, column)) for column in window.T]
    enough = [i for i, x in enumerate(series) if sum(not math.isnan(v) for v in x) >= 40]
    rho = {(i, j): correlation(series[i], series[j]) for i in enough for j in enough if i < j}
    found = {}
    for i in enough:
        strength = {j: rho[min(i, j), max(i, j)] for j in enough if j != i}
        strong = [j for j in strength if abs(strength[j]) >= 0.3]
        for j in sorted(strong, key=lambda j: (-abs(strength[j]), j))[:10]:
            found[min(i, j), max(i, j)] = strength[j]
    return found


def graph(window: np.ndarray, ret_1: np.ndarray, ret_5: np.ndarray) -> dict[str, np.ndarray]:
    codes = window.shape[1]
    columns = {f"g_{name}": np.full(codes, math.nan) for name in COLUMNS}
    for i in range(codes):
        if sum(not math.isnan(v) for v in window[:, i]) >= 40:
            columns["g_degree"][i] = columns["g_core"][i] = 0
    market = nx.Graph()
    for (i, j), rho in edges(window).items():
        market.add_edge(i, j, rho=rho, weight=abs(rho))
    if not market:
        return columns
    clust, core = nx.clustering(market), nx.core_number(market)
    pagerank = nx.pagerank(market, alpha=0.85, tol=1e-14, max_iter=1000)
    for i in market:
        rhos = [market.edges[i, j]["rho"] for j in market[i]]
        columns["g_degree"][i], columns["g_core"][i], columns["g_pagerank"][i] = len(rhos), core[i], pagerank[i]
        columns["g_mean_corr"][i], columns["g_max_corr"][i] = sum(rhos) / len(rhos), max(rhos)
        if len(rhos) > 1:
            columns["g_clust"][i] = clust[i]
        for name, returns in (("g_nbr_ret_1", ret_1), ("g_nbr_ret_5", ret_5)):
            known = [j for j in market[i] if not math.isnan(returns[j])]
            if known:
                total = sum(market.edges[i, j]["rho"] * returns[j] for j in known)
                columns[name][i] = total / sum(market.edges[i, j]["weight"] for j in known)
    return columns
