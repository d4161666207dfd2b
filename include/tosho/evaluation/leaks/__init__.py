from tosho.evaluation.leaks.gate import Answer, MarketTooSmallError, Outcome, judge
from tosho.evaluation.leaks.market import Market, market_of, read_market, tables_of
from tosho.evaluation.leaks.report import HEAD, line, render, to_json

__all__ = [
    "HEAD",
    "Answer",
    "Market",
    "MarketTooSmallError",
    "Outcome",
    "judge",
    "line",
    "market_of",
    "read_market",
    "render",
    "tables_of",
    "to_json",
]
