from tosho.contracts.contract import RULE, Checked, Column, Contract, ContractError, Rule
from tosho.contracts.tables import (
    BARS,
    HORIZONS,
    INDICES,
    LABELS,
    PREDICTIONS,
    QUANTILES,
    SECURITIES,
    SHARES,
    TABLES,
    features_contract,
)

__all__ = [
    "BARS",
    "HORIZONS",
    "INDICES",
    "LABELS",
    "PREDICTIONS",
    "QUANTILES",
    "RULE",
    "SECURITIES",
    "SHARES",
    "TABLES",
    "Checked",
    "Column",
    "Contract",
    "ContractError",
    "Rule",
    "features_contract",
]
